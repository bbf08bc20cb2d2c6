// Command table writes the table of keys into a file of Markdown, between two markers:
//
//	go run ferry/tui/keymap/table README.md
package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"ferry/tui/keymap"
)

const (
	begin = "<!-- keys: made by `make generate` -->\n"
	end   = "<!-- end of keys -->\n"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 1 {
		return errors.New("name one file: the README")
	}
	text, err := os.ReadFile(args[0]) //nolint:gosec // the file is the caller's to name
	if err != nil {
		return fmt.Errorf("reading the file: %w", err)
	}
	fresh, err := replace(string(text), table(keymap.Default()))
	if err != nil {
		return fmt.Errorf("%s: %w", args[0], err)
	}
	if fresh == string(text) {
		return nil
	}
	if err := os.WriteFile(args[0], []byte(fresh), 0o644); err != nil { //nolint:gosec // likewise, and everybody may read it
		return fmt.Errorf("writing the file: %w", err)
	}
	return nil
}

// replace puts a table between the markers.
func replace(text, table string) (string, error) {
	before, rest, ok := strings.Cut(text, begin)
	if !ok {
		return "", fmt.Errorf("there is no line %q", strings.TrimSpace(begin))
	}
	_, after, ok := strings.Cut(rest, end)
	if !ok {
		return "", fmt.Errorf("there is no line %q", strings.TrimSpace(end))
	}
	return before + begin + table + end + after, nil
}

// table lists what counts on the screens; in questions and fields keys are as everywhere.
func table(keys keymap.Map) string {
	var b strings.Builder
	b.WriteString("| key | action | does |\n|---|---|---|\n")
	for _, binding := range keys.Bindings() {
		if binding.Scope == keymap.Forms || binding.Scope == keymap.Fields {
			continue
		}
		names := make([]string, len(binding.Keys))
		for i, key := range binding.Keys {
			names[i] = "`" + keymap.Name(key) + "`"
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", strings.Join(names, " "), binding.Action, binding.Long)
	}
	return b.String()
}
