package engine

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Filter narrows a listing: rows that fit every term. It is applied where the rows are, never behind them.
type Filter []Term

// Term is one condition of a filter.
type Term struct {
	Field   string // a column of the list; empty: any of them
	Pattern string // a regular expression, whatever the case of its letters
	Not     bool
}

// ParseFilter reads what an operator types: words that must all fit; `field:word` looks in one column, `!` in front of
// either inverts it, and quotes hold a word with spaces together. Fields are those that the list has. A word is a regular
// expression; one that does not parse is an error that says so.
func ParseFilter(text string, fields []string) (Filter, error) {
	var f Filter
	for _, word := range words(text) {
		term := Term{Pattern: word}
		if rest, ok := strings.CutPrefix(word, "!"); ok && rest != "" {
			term = Term{Pattern: rest, Not: true}
		}
		if field, rest, ok := strings.Cut(term.Pattern, ":"); ok && slices.Contains(fields, field) {
			if rest == "" {
				return nil, fmt.Errorf("%s: what should it fit? write %s:WORD", field, field)
			}
			term.Field, term.Pattern = field, rest
		}
		term.Pattern = strings.ReplaceAll(term.Pattern, `"`, "")
		if term.Pattern == "" {
			continue
		}
		if _, err := regexp.Compile(term.Pattern); err != nil {
			return nil, fmt.Errorf("%q is no pattern: %w", term.Pattern, err)
		}
		f = append(f, term)
	}
	return f, nil
}

// String is the filter as it would be typed: ParseFilter reads it as the same.
func (f Filter) String() string {
	var out []string
	for _, t := range f {
		word := t.Pattern
		if strings.ContainsAny(word, " :") || strings.HasPrefix(word, "!") {
			word = `"` + word + `"`
		}
		if t.Field != "" {
			word = t.Field + ":" + word
		}
		if t.Not {
			word = "!" + word
		}
		out = append(out, word)
	}
	return strings.Join(out, " ")
}

// words splits at spaces outside of double quotes.
func words(text string) []string {
	quoted := false
	return strings.FieldsFunc(text, func(r rune) bool {
		if r == '"' {
			quoted = !quoted
		}
		return r == ' ' && !quoted
	})
}

// Order is how a listing is sorted; without a column by the list's own key.
type Order struct {
	Column     string
	Descending bool
}

// Cursor is a row's place in an order: the value that it sorts by, and its key, both as text.
type Cursor struct {
	Value string
	Null  bool // it sorts by nothing: such rows come last
	Key   string
}

// Listing asks for one page of a list.
type Listing struct {
	Order Order
	From  *Cursor // the page begins behind this row; nil: with the first one
	Back  bool    // the page ends in front of From instead; nil: with the last row
	Limit int
	Count bool // also count all rows that fit
}

// Page is one page of a list, in the order that was asked for.
type Page[T any] struct {
	Rows    []T
	Cursors []Cursor // of each row
	Total   Maybe[int64]
	More    bool // there are rows beyond, in the direction that was read
}
