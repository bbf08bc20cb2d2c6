package config

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"ferry/cmd/ferry/internal/whole"
)

// ErrProfileTaken says that there is a profile of that name which says something else.
var ErrProfileTaken = errors.New("there is such a profile already, and it says something else")

// errByHand: the file has a form in which no profile can be put without touching the rest of it.
var errByHand = errors.New("the config file has a form that ferry does not change; add the profile by hand")

// Entry is a setting that a profile is to have.
type Entry struct{ Name, Text string }

// SaveProfile keeps a profile in a config file, which is made if it is absent; all else in it stays as it is, comments and
// order included. A profile of that name is changed only where that is wanted; else it fails with ErrProfileTaken.
//
// Nothing is written unless what would be written reads as it should: with no fault, and no password.
func SaveProfile(path, profile string, entries []Entry, replace bool, settings []Setting) error {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target // else the link would be replaced by a file
	}
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("the config file: %w", err)
	}
	text, err = withProfile(path, text, profile, entries, replace, settings)
	if err != nil || text == nil {
		return err
	}
	return write(path, text)
}

// withProfile gives the text of a file with a profile in it; nil if that is there already.
func withProfile(path string, text []byte, profile string, entries []Entry, replace bool, settings []Setting) ([]byte, error) {
	mark := text[:len(text)-len(bytes.TrimPrefix(text, []byte(byteOrderMark)))]
	body := text[len(mark):]
	before, err := Parse(path, body, settings)
	if err != nil {
		return nil, err
	}
	old, there := before.Profiles[profile]
	changed := slices.DeleteFunc(slices.Clone(entries), func(e Entry) bool { return old.Values[e.Name].Text == e.Text })
	switch {
	case len(changed) == 0:
		return nil, nil
	case there && !replace:
		return nil, ErrProfileTaken
	case there:
		body, err = changeProfile(body, profile, changed)
	default:
		body, err = addProfile(body, profile, changed)
	}
	if err != nil {
		return nil, err
	}
	return slices.Concat(mark, body), verify(path, body, profile, entries, before, settings)
}

// verify fails unless a text reads as it was meant.
func verify(path string, body []byte, profile string, entries []Entry, before *File, settings []Setting) error {
	after, err := Parse(path, body, settings)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if after.Profiles[profile].Values[e.Name].Text != e.Text {
			return errByHand
		}
	}
	if err := after.CheckProfile(before.Common.Values["profile"].Text); err != nil {
		return fmt.Errorf("profile stands at the top of the file, and would then name none: %w", err)
	}
	return nil
}

// addProfile puts a new table at the end.
func addProfile(body []byte, profile string, entries []Entry) ([]byte, error) {
	var out strings.Builder
	out.Write(body)
	if len(body) > 0 {
		if !bytes.HasSuffix(body, []byte("\n")) {
			out.WriteString("\n")
		}
		out.WriteString("\n")
	}
	fmt.Fprintf(&out, "[%s]\n", dotted([]string{profilesTable, profile}))
	for _, e := range entries {
		line, err := assignment(e)
		if err != nil {
			return nil, err
		}
		out.WriteString(line)
	}
	return []byte(out.String()), nil
}

// changeProfile changes a table where it stands: a value in its place, a new setting below the table's name.
func changeProfile(body []byte, profile string, entries []Entry) ([]byte, error) {
	type edit struct {
		from, to int
		text     string
	}
	found := findPlaces("", body)
	var edits []edit
	for _, e := range entries {
		line, err := assignment(e)
		if err != nil {
			return nil, err
		}
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " = ")
		if span, ok := found.values[pathKey([]string{profilesTable, profile, key})]; ok {
			edits = append(edits, edit{span[0], span[1], value})
			continue
		}
		name, ok := found.tables[pathKey([]string{profilesTable, profile})]
		if !ok {
			return nil, errByHand
		}
		end := bytes.IndexByte(body[name:], '\n')
		if end < 0 {
			return nil, errByHand
		}
		edits = append(edits, edit{name + end + 1, name + end + 1, line})
	}
	slices.Reverse(edits) // from the end, so that places stay right
	slices.SortStableFunc(edits, func(a, b edit) int { return cmp.Compare(b.from, a.from) })
	for _, x := range edits {
		body = slices.Concat(body[:x.from], []byte(x.text), body[x.to:])
	}
	return body, nil
}

// assignment is a setting as a line of TOML.
func assignment(e Entry) (string, error) {
	line, err := toml.Marshal(map[string]string{Setting{Name: e.Name}.key(): e.Text})
	if err != nil {
		return "", fmt.Errorf("writing %s: %w", e.Name, err)
	}
	return string(line), nil
}

// write replaces a file in one step, so that nobody ever reads half of it. A new one is its owner's alone.
func write(path string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("making a place for the config file: %w", err)
	}
	if err := whole.Write(path, text); err != nil {
		return fmt.Errorf("the config file: %w", err)
	}
	return nil
}
