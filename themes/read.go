package themes

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// largest is what the file of a palette may come to, in bytes.
const largest = 1 << 16

// Fault is one thing that is wrong with a palette's file: what it is, and what to do.
type Fault struct {
	File   string
	Line   int // from 1; 0: it is about the file as a whole
	Column int // from 1, in bytes
	Theme  string
	Text   string
}

// String names file, line and fault as compilers do.
func (f Fault) String() string {
	if f.Line == 0 {
		return f.File + ": " + f.Text
	}
	return fmt.Sprintf("%s:%d:%d: %s", f.File, f.Line, f.Column, f.Text)
}

// FaultsError is all that is wrong with the palettes of a folder.
type FaultsError struct{ Faults []Fault }

func (e *FaultsError) Error() string {
	lines := make([]string, len(e.Faults))
	for i, f := range e.Faults {
		lines[i] = f.String()
	}
	return strings.Join(lines, "\n")
}

// Load gives the palettes that are part of the program, with those of an operator's folder added; one with a known name
// replaces it. A folder that is not named or does not exist adds nothing.
//
// What is wrong with a file is a FaultsError. The palettes are good all the same: a broken one is left out.
func Load(folder string) (Set, error) {
	set := BuiltIn()
	if folder == "" {
		return set, nil
	}
	entries, err := os.ReadDir(folder)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return set, nil
	case err != nil:
		return set, &FaultsError{[]Fault{{File: folder, Text: "the folder of themes cannot be read: " + reason(err)}}}
	}
	var faults []Fault
	from := map[string]string{}
	for _, entry := range entries {
		file := filepath.Join(folder, entry.Name())
		if entry.IsDir() || path.Ext(entry.Name()) != ".toml" {
			continue
		}
		theme, err := readFile(file)
		if found, ok := errors.AsType[*FaultsError](err); ok {
			faults = append(faults, found.Faults...)
			continue
		}
		if other, taken := from[theme.Name]; taken {
			text := fmt.Sprintf("there is a theme %q in %s already; give this one another name", theme.Name, other)
			faults = append(faults, Fault{File: file, Theme: theme.Name, Text: text})
			continue
		}
		theme.own = true
		from[theme.Name], set[theme.Name] = file, theme
	}
	if len(faults) > 0 {
		return set, &FaultsError{faults}
	}
	return set, nil
}

func readFile(file string) (Theme, error) {
	stem := strings.TrimSuffix(filepath.Base(file), ".toml")
	failed := func(err error) (Theme, error) {
		return Theme{}, &FaultsError{[]Fault{{File: file, Theme: stem, Text: "it cannot be read: " + reason(err)}}}
	}
	if info, err := os.Stat(file); err != nil || !info.Mode().IsRegular() { // opening a pipe would wait
		return failed(cmp.Or(err, errors.New("it is no file")))
	}
	in, err := os.Open(file)
	if err != nil {
		return failed(err)
	}
	defer in.Close() //nolint:errcheck // it was only read
	text, err := io.ReadAll(io.LimitReader(in, largest+1))
	if err != nil {
		return failed(err)
	}
	if len(text) > largest {
		return failed(fmt.Errorf("it is larger than %d bytes", largest))
	}
	return Parse(file, text)
}

// reason is an error without the path, which is said beside it.
func reason(err error) string {
	if pathError, ok := errors.AsType[*fs.PathError](err); ok {
		return pathError.Err.Error()
	}
	return err.Error()
}

// Parse reads one palette and checks that it is complete; file is what its faults call it, and what the palette is
// called if it does not say so itself. An error is a FaultsError.
func Parse(file string, text []byte) (Theme, error) { return parse(file, text, builtInSet()) }

// parse reads a palette that may begin with one of the others.
func parse(file string, text []byte, bases Set) (Theme, error) {
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	r := reader{file: file, text: text, bases: bases, seen: map[string]bool{}, theme: Theme{
		Name: strings.TrimSuffix(path.Base(filepath.ToSlash(file)), ".toml"), Role: map[string]Look{}, ANSI: map[string]Look{},
	}}
	var tree map[string]any
	if err := toml.Unmarshal(text, &tree); err != nil {
		fault := Fault{File: file, Theme: r.theme.Name, Text: strings.TrimPrefix(err.Error(), "toml: ") + "; a theme is a file of TOML"}
		if decode, ok := errors.AsType[*toml.DecodeError](err); ok {
			fault.Line, fault.Column = decode.Position()
		}
		return Theme{}, &FaultsError{[]Fault{fault}}
	}
	if name, ok := tree["name"].(string); ok && name != "" {
		r.theme.Name = name
	}
	r.begin(tree["base"])
	var parser unstable.Parser
	parser.Reset(text)
	var table []string
	for parser.NextExpression() {
		switch e := parser.Expression(); e.Kind { //nolint:exhaustive // an expression is one of these, or a comment
		case unstable.Table, unstable.ArrayTable:
			table, _ = keys(nil, e)
			r.look(table, int(firstKey(e).Raw.Offset))
		case unstable.KeyValue:
			r.keyValue(table, e)
		}
	}
	r.complete()
	if len(r.faults) > 0 {
		return Theme{}, &FaultsError{r.faults}
	}
	return r.theme, nil
}

// reader goes through a palette's file and collects what is wrong with it.
type reader struct {
	file   string
	text   []byte
	theme  Theme
	bases  Set
	seen   map[string]bool // roles that the file has begun
	faults []Fault
}

// faultf notes a fault at an offset of the file; -1: it is about the whole.
func (r *reader) faultf(offset int, format string, args ...any) {
	f := Fault{File: r.file, Theme: r.theme.Name, Text: fmt.Sprintf(format, args...)}
	if offset >= 0 {
		before := r.text[:offset]
		f.Line = bytes.Count(before, []byte("\n")) + 1
		f.Column = offset - bytes.LastIndexByte(before, '\n')
	}
	r.faults = append(r.faults, f)
}

// begin takes the looks of the palette that this one begins with.
func (r *reader) begin(base any) {
	name, ok := base.(string)
	if !ok {
		return // a wrong type is said with its place
	}
	from, known := r.bases[name]
	if !known {
		return
	}
	own := r.theme.Name
	r.theme = from
	r.theme.Name, r.theme.Role, r.theme.ANSI = own, maps.Clone(from.Role), maps.Clone(from.ANSI)
	if r.theme.ANSI == nil {
		r.theme.ANSI = map[string]Look{}
	}
}

func firstKey(e *unstable.Node) *unstable.Node {
	key := e.Key()
	key.Next()
	return key.Node()
}

// keys are the parts of an expression's name below a table, and where it begins.
func keys(table []string, e *unstable.Node) (parts []string, offset int) {
	parts, offset = slices.Clone(table), -1
	for key := e.Key(); key.Next(); {
		parts = append(parts, string(key.Node().Data))
		if offset < 0 {
			offset = int(key.Node().Raw.Offset)
		}
	}
	return parts, offset
}

func (r *reader) keyValue(table []string, e *unstable.Node) {
	parts, offset := keys(table, e)
	value := e.Value()
	if value.Kind == unstable.InlineTable {
		r.look(parts, offset)
		for inner := value.Children(); inner.Next(); {
			r.keyValue(parts, inner.Node())
		}
		return
	}
	switch {
	case len(parts) == 1:
		r.setting(parts[0], value, offset)
	case len(parts) == 3 && r.isRole(parts, offset):
		r.attribute(parts, value, offset)
	case len(parts) == 2 && isLooks(parts[0]):
		r.faultf(offset, "%s: want a table such as { fg = \"#8391a7\", bold = true }", strings.Join(parts, "."))
	case len(parts) != 3:
		r.faultf(offset, "unknown setting %q; write [role] and below it lines such as warn = { fg = \"#f2c14e\" }", strings.Join(parts, "."))
	}
}

func isLooks(table string) bool { return table == "role" || table == "ansi" }

// look begins a role, so that the file's look replaces that of the base as a whole.
func (r *reader) look(parts []string, offset int) {
	switch {
	case len(parts) == 1 && !isLooks(parts[0]):
		r.faultf(offset, "unknown table [%s]; there are [role] and [ansi]", parts[0])
	case len(parts) == 2:
		r.isRole(parts, offset)
	case len(parts) > 2:
		r.faultf(offset, "unknown table [%s]; there are [role] and [ansi]", strings.Join(parts, "."))
	}
}

// isRole reports whether a path names a role, and begins that.
func (r *reader) isRole(parts []string, offset int) bool {
	name := parts[0] + "." + parts[1]
	switch {
	case !isLooks(parts[0]) || r.seen[name]:
		return isLooks(parts[0]) && slices.Contains(roleNames[:], parts[1])
	case !slices.Contains(roleNames[:], parts[1]):
		r.faultf(offset, "unknown role %q; the roles are %s", parts[1], strings.Join(roleNames[:], ", "))
	default:
		r.looks(parts[0])[parts[1]] = Look{}
	}
	r.seen[name] = true
	return slices.Contains(roleNames[:], parts[1])
}

func (r *reader) looks(table string) map[string]Look {
	if table == "ansi" {
		return r.theme.ANSI
	}
	return r.theme.Role
}

// attribute takes one value of a role.
func (r *reader) attribute(parts []string, value *unstable.Node, offset int) {
	looks, name := r.looks(parts[0]), strings.Join(parts, ".")
	look := looks[parts[1]]
	switch parts[2] {
	case "fg":
		r.colour(name, value, offset, parts[0] == "ansi", &look.FG)
	case "bg":
		r.colour(name, value, offset, parts[0] == "ansi", &look.BG)
	case "bold":
		r.boolean(name, value, offset, &look.Bold)
	case "reverse":
		r.boolean(name, value, offset, &look.Reverse)
	case "underline":
		r.boolean(name, value, offset, &look.Underline)
	default:
		r.faultf(offset, "unknown setting %q; a role has fg, bg, bold, reverse and underline", name)
	}
	looks[parts[1]] = look
}

// setting takes one value of the top.
func (r *reader) setting(name string, value *unstable.Node, offset int) {
	t := &r.theme
	switch name {
	case "name":
		if value.Kind != unstable.String || len(value.Data) == 0 {
			r.faultf(offset, "name: want text in quotes")
		}
	case "base":
		if _, known := r.bases[string(value.Data)]; value.Kind != unstable.String || !known {
			r.faultf(offset, "base: no theme %q comes with ferry; there are %s", value.Data, strings.Join(r.bases.Names(), ", "))
		}
	case "canvas":
		r.colour(name, value, offset, false, &t.Canvas)
	case "ink":
		r.colour(name, value, offset, false, &t.Ink)
	case "paint":
		r.boolean(name, value, offset, &t.Paint)
	case "contrast":
		r.ratio(value, offset)
	case "role", "ansi":
		r.faultf(offset, "%s: want a table: write [%[1]s]", name)
	default:
		r.faultf(offset, "unknown setting %q; there are name, base, canvas, ink, paint, contrast, [role] and [ansi]", name)
	}
}

func (r *reader) ratio(value *unstable.Node, offset int) {
	ratio, err := strconv.ParseFloat(string(value.Data), 64)
	if (value.Kind != unstable.Integer && value.Kind != unstable.Float) || err != nil || !(ratio >= 1 && ratio <= maxContrast) {
		r.faultf(offset, "contrast: want a number from 1 to %d, such as 4.5", maxContrast)
	}
	r.theme.Contrast = ratio
}

func (r *reader) boolean(name string, value *unstable.Node, offset int, to *bool) {
	if value.Kind != unstable.Bool {
		r.faultf(offset, "%s: want true or false", name)
	}
	*to = string(value.Data) == "true"
}

func (r *reader) colour(name string, value *unstable.Node, offset int, few bool, to *string) {
	text := string(value.Data)
	_, err := value24(text)
	switch {
	case value.Kind != unstable.String:
		r.faultf(offset, "%s: want text in quotes, \"#rrggbb\" or \"0\" to \"255\"", name)
	case err != nil:
		r.faultf(offset, "%s: %v", name, err)
	case few && !isOneOf16(text):
		r.faultf(offset, "%s: colour %q: [ansi] is for terminals of sixteen colours: write 0 to 15", name, text)
	}
	*to = text
}

// complete checks that nothing is missing.
func (r *reader) complete() {
	if len(r.faults) > 0 {
		return // what was meant may be among them
	}
	var missing []string
	for _, part := range []struct{ name, value string }{{"canvas", r.theme.Canvas}, {"ink", r.theme.Ink}} {
		if part.value == "" {
			missing = append(missing, part.name)
		}
	}
	for _, name := range roleNames {
		if _, ok := r.theme.Role[name]; !ok {
			missing = append(missing, "role "+name)
		}
	}
	if len(missing) > 0 {
		r.faultf(-1, "it lacks %s; add what is missing, or begin with another theme: base = %q", strings.Join(missing, ", "), DefaultDark)
	}
}
