// Package themes holds the console's palettes and turns them into terminal styles.
//
// A palette is a TOML file that gives every semantic role ("warn", "bar-fill") a colour and attributes; code names
// roles, never colours. The palettes in this folder are built in; an operator's folder may add to or replace them.
// Each palette states the background and the text colour that it assumes ("canvas" and "ink", also used for pictures)
// and the contrast that it promises; a test computes whether it keeps that promise.
//
// No meaning rests on a style alone: without colours every role looks the same and the console must still read well.
package themes

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/charmbracelet/lipgloss"
	"github.com/muesli/termenv"
	"github.com/pelletier/go-toml/v2"
)

//go:embed *.toml
var builtIn embed.FS

// The names of the built-in palettes that are chosen when an operator names none.
const (
	DefaultDark  = "default-dark"
	DefaultLight = "default-light"
	Mono         = "mono"
	ANSI16       = "ansi16"
)

// Role is what a piece of text means.
type Role int

// The roles. Text is the zero value: text that has nothing special about it.
const (
	Text Role = iota
	Muted
	Title
	Accent
	OK
	Warn
	Bad
	Info
	Selection
	BarFill
	BarRest
	Border
	roleCount
)

var roleNames = [roleCount]string{
	"text", "muted", "title", "accent", "ok", "warn", "bad", "info", "selection", "bar-fill", "bar-rest", "border",
}

// String is the role's name in a palette.
func (r Role) String() string { return roleNames[r] }

// Roles lists all roles.
func Roles() []Role {
	all := make([]Role, roleCount)
	for i := range all {
		all[i] = Role(i)
	}
	return all
}

// Look is how a role looks. A colour is "#rrggbb", "0" to "15", or empty for the terminal's own.
type Look struct {
	FG        string `toml:"fg"`
	BG        string `toml:"bg"`
	Bold      bool   `toml:"bold"`
	Reverse   bool   `toml:"reverse"`
	Underline bool   `toml:"underline"`
}

// Theme is one palette.
type Theme struct {
	Name     string          `toml:"name"`
	Canvas   string          `toml:"canvas"`   // the background that it is made for
	Ink      string          `toml:"ink"`      // what text looks like where a role names no colour
	Contrast float64         `toml:"contrast"` // the ratio that its text keeps to the canvas
	Role     map[string]Look `toml:"role"`
}

// Look gives the look of a role.
func (t Theme) Look(r Role) Look { return t.Role[r.String()] }

// Set is a number of palettes by name.
type Set map[string]Theme

// BuiltIn gives the palettes that are part of the program. A test loads them, so they have no fault.
func BuiltIn() Set {
	set, _ := Load("")
	return set
}

// Load gives the palettes that are part of the program, with those of an operator's folder added; one with a known name
// replaces it. A folder that is not named or does not exist adds nothing.
func Load(folder string) (Set, error) {
	set := Set{}
	if err := set.add(builtIn); err != nil || folder == "" {
		return set, err
	}
	err := set.add(os.DirFS(folder))
	if errors.Is(err, fs.ErrNotExist) {
		return set, nil
	}
	return set, err
}

func (s Set) add(folder fs.FS) error {
	entries, err := fs.ReadDir(folder, ".")
	if err != nil {
		return fmt.Errorf("themes: %w", err)
	}
	for _, entry := range entries {
		if entry.IsDir() || path.Ext(entry.Name()) != ".toml" {
			continue
		}
		text, err := fs.ReadFile(folder, entry.Name())
		if err != nil {
			return fmt.Errorf("themes: %w", err)
		}
		theme, err := Parse(text)
		if err != nil {
			return fmt.Errorf("theme %s: %w", entry.Name(), err)
		}
		s[theme.Name] = theme
	}
	return nil
}

// Parse reads one palette and checks that it is complete.
func Parse(text []byte) (Theme, error) {
	var theme Theme
	decoder := toml.NewDecoder(bytes.NewReader(text)).DisallowUnknownFields()
	if err := decoder.Decode(&theme); err != nil {
		if strict := (*toml.StrictMissingError)(nil); errors.As(err, &strict) {
			return Theme{}, fmt.Errorf("unknown setting:\n%s", strict.String())
		}
		return Theme{}, fmt.Errorf("read it: %w", err)
	}
	return theme, theme.check()
}

func (t Theme) check() error {
	var faults []error
	if t.Name == "" {
		faults = append(faults, errors.New("it has no name"))
	}
	colours := map[string]string{"canvas": t.Canvas, "ink": t.Ink}
	for name, look := range t.Role {
		if !slices.Contains(roleNames[:], name) {
			faults = append(faults, fmt.Errorf("unknown role %q; the roles are %s", name, strings.Join(roleNames[:], ", ")))
		}
		colours[name+".fg"], colours[name+".bg"] = look.FG, look.BG
	}
	for _, name := range roleNames {
		if _, ok := t.Role[name]; !ok {
			faults = append(faults, fmt.Errorf("role %q is missing", name))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(colours)) {
		if _, _, _, err := rgb(colours[name]); err != nil && colours[name] != "" {
			faults = append(faults, fmt.Errorf("%s: %w", name, err))
		}
	}
	for _, needed := range []string{"canvas", "ink"} {
		if colours[needed] == "" {
			faults = append(faults, fmt.Errorf("%s is missing", needed))
		}
	}
	return errors.Join(faults...)
}

// Names lists the palettes in order.
func (s Set) Names() []string { return slices.Sorted(maps.Keys(s)) }

// Get gives a palette by name.
func (s Set) Get(name string) (Theme, error) {
	theme, ok := s[name]
	if !ok {
		return Theme{}, fmt.Errorf("no theme %q; there are %s", name, strings.Join(s.Names(), ", "))
	}
	return theme, nil
}

// DefaultFor names the palette for a renderer when the operator names none.
func DefaultFor(r *lipgloss.Renderer) string {
	dark := r.HasDarkBackground()
	switch {
	case r.ColorProfile() == termenv.ANSI && dark:
		return ANSI16
	case r.ColorProfile() == termenv.ANSI:
		return Mono
	case dark:
		return DefaultDark
	}
	return DefaultLight
}

// rgb splits a colour into its parts, 0 … 255.
func rgb(colour string) (r, g, b int, err error) {
	if number, e := strconv.Atoi(colour); e == nil && number >= 0 && number < len(xterm) {
		value := xterm[number]
		return value >> 16, value >> 8 & 0xff, value & 0xff, nil
	}
	value, err := strconv.ParseUint(strings.TrimPrefix(colour, "#"), 16, 24)
	if err != nil || len(colour) != len("#rrggbb") || colour[0] != '#' {
		return 0, 0, 0, fmt.Errorf("colour %q: write #rrggbb, or 0 to 15", colour)
	}
	return int(value >> 16), int(value >> 8 & 0xff), int(value & 0xff), nil
}

// xterm is what the sixteen colours look like where nobody changed them.
var xterm = [16]int{
	0x000000, 0xcd0000, 0x00cd00, 0xcdcd00, 0x0000ee, 0xcd00cd, 0x00cdcd, 0xe5e5e5,
	0x7f7f7f, 0xff0000, 0x00ff00, 0xffff00, 0x5c5cff, 0xff00ff, 0x00ffff, 0xffffff,
}
