// Package themes holds the console's palettes and turns them into terminal styles.
//
// A palette is a TOML file that gives every semantic role ("warn", "bar-fill") a colour and attributes; code names
// roles, never colours. The palettes in this folder are built in; an operator's folder may add to or replace them.
// Each palette states the background and the text colour that it assumes ("canvas" and "ink", also used for pictures)
// and the contrast that it promises; a test computes whether it keeps that promise. Where the terminal's background is
// another than a palette is made for, or the palette says so ("paint"), the canvas is painted.
//
// A palette in true colours degrades by design: to the nearest of 256 colours that keep its contrast, to the sixteen that
// the terminal's owner has chosen, to none.
//
// No meaning rests on a style alone: without colours every role looks the same and the console must still read well.
package themes

import (
	"embed"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/charmbracelet/lipgloss"
	"github.com/muesli/termenv"
)

//go:embed *.toml
var builtIn embed.FS

// The names of the built-in palettes that the program itself refers to.
const (
	DefaultDark  = "default-dark"
	DefaultLight = "default-light"
	Mono         = "mono"
	ANSI16       = "ansi16"
	ANSI16Light  = "ansi16-light"
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

// Look is how a role looks. A colour is "#rrggbb", a number of the terminal's palette ("0" to "15" are its own, "16" to
// "255" the same everywhere), or empty for the terminal's own.
type Look struct {
	FG, BG                   string
	Bold, Reverse, Underline bool
}

// Theme is one palette.
type Theme struct {
	Name     string
	Canvas   string          // the background that it is made for
	Ink      string          // what text looks like where a role names no colour
	Paint    bool            // the canvas is painted, whatever lies behind the text
	Contrast float64         // the ratio that its text keeps to the canvas
	Role     map[string]Look // every role
	ANSI     map[string]Look // of a terminal with sixteen colours, where the usual look will not do
	own      bool            // an operator's
}

// Look gives the look of a role.
func (t Theme) Look(r Role) Look { return t.Role[r.String()] }

// Set is a number of palettes by name.
type Set map[string]Theme

// BuiltIn gives the palettes that are part of the program.
func BuiltIn() Set { return maps.Clone(builtInSet()) }

// builtInSet reads them once. A test reads them too, so none has a fault.
var builtInSet = sync.OnceValue(func() Set {
	set := Set{}
	files, _ := builtIn.ReadDir(".") // it is part of the program
	for _, file := range files {
		text, _ := builtIn.ReadFile(file.Name())
		if theme, err := parse(file.Name(), text, nil); err == nil {
			set[theme.Name] = theme
		}
	}
	return set
})

// Names lists the palettes in order.
func (s Set) Names() []string { return slices.Sorted(maps.Keys(s)) }

// Own lists in order the palettes of the operator's folder.
func (s Set) Own() []string {
	return slices.DeleteFunc(s.Names(), func(name string) bool { return !s[name].own })
}

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
	case r.ColorProfile() == termenv.ANSI:
		return sixteen(dark)
	case dark:
		return DefaultDark
	}
	return DefaultLight
}
