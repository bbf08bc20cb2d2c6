package config

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
)

// largest is what a config file may come to: a device that never ends is no config.
const largest = 1 << 20

// Place is where something stands in a file, in lines and bytes from 1.
type Place struct {
	File   string
	Line   int
	Column int
}

// String is a place as editors and compilers write it.
func (p Place) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// Fault is one thing that is wrong with a file.
type Fault struct {
	Place

	Message string
}

// Error is all that is wrong with a file, in its order.
type Error struct{ Faults []Fault }

func (e *Error) Error() string {
	lines := make([]string, len(e.Faults))
	for i, f := range e.Faults {
		lines[i] = f.String() + ": " + f.Message
	}
	return strings.Join(lines, "\n")
}

// Value is what a file says, as text.
type Value struct {
	Text    string
	Place   Place
	Profile string // whose table it stands in; empty: everybody's
}

// Layer is what one part of a file says: the part for everybody, or a profile.
type Layer struct {
	Values   map[string]Value // by the setting's name
	Rules    map[string]Value // by the rule's name
	Policies map[string]Value // by the policy's name
}

// Binding is the keys of one action.
type Binding struct {
	Keys  []string
	Place Place
}

// File is a config file that has been read.
type File struct {
	Path     string // empty: there is none
	Common   Layer
	Profiles map[string]Layer
	Keys     map[string]Binding // by the action's name, which nobody has checked yet
}

// Value is what a file says about a setting: in the profile, else for everybody.
func (f *File) Value(name, profile string) (Value, bool) {
	if v, ok := f.Profiles[profile].Values[name]; ok {
		return v, true
	}
	v, ok := f.Common.Values[name]
	return v, ok
}

// Rules is what a file says about rules, likewise.
func (f *File) Rules(profile string) map[string]Value {
	all := map[string]Value{}
	maps.Copy(all, f.Common.Rules)
	maps.Copy(all, f.Profiles[profile].Rules)
	return all
}

// Policies is what a file says about policies, likewise.
func (f *File) Policies(profile string) map[string]Value {
	all := map[string]Value{}
	maps.Copy(all, f.Common.Policies)
	maps.Copy(all, f.Profiles[profile].Policies)
	return all
}

// CheckProfile fails if there is a file and no profile of that name in it: a misspelt one would otherwise mean the databases
// of nobody in particular, under a name that is shown. Where there is no file at all the name is a label.
func (f *File) CheckProfile(name string) error {
	names := slices.Sorted(maps.Keys(f.Profiles))
	if name == "" || f.Path == "" || slices.Contains(names, name) {
		return nil
	}
	if len(names) == 0 {
		return fmt.Errorf("no profile %q in %s, which has none", name, f.Path)
	}
	return fmt.Errorf("no profile %q in %s%s", name, f.Path, suggestOrList(name, names))
}

// Read reads a config file. It fails with an Error that lists everything that is wrong in it.
func Read(path string, settings []Setting) (*File, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("the config file: %w", err)
	}
	defer file.Close() //nolint:errcheck // it was only read
	text, err := io.ReadAll(io.LimitReader(file, largest+1))
	if err != nil {
		return nil, fmt.Errorf("the config file: %w", err)
	}
	if len(text) > largest {
		return nil, errors.New("the config file " + path + " is larger than 1 MiB")
	}
	return Parse(path, text, settings)
}

// inOrder sorts faults as they stand in the file.
func inOrder(faults []Fault) {
	slices.SortStableFunc(faults, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Message, b.Message))
	})
}
