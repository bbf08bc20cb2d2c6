package engine_test

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"ferry/engine"
)

func TestAFilterIsReadAsItIsTyped(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]engine.Filter{
		"":                          nil,
		"  ":                        nil,
		"red":                       {{Pattern: "red"}},
		"!red ^a":                   {{Pattern: "red", Not: true}, {Pattern: "^a"}},
		"state:open !state:w.*d":    {{Field: "state", Pattern: "open"}, {Field: "state", Pattern: "w.*d", Not: true}},
		`detail:"no partner" "a b"`: {{Field: "detail", Pattern: "no partner"}, {Pattern: "a b"}},
		"nofield:x":                 {{Pattern: "nofield:x"}},
		`"state:open"`:              {{Pattern: "state:open"}},
		`"!x" !`:                    {{Pattern: "!x"}, {Pattern: "!"}},
	} {
		f, err := engine.ParseFilter(text, []string{"state", "detail"})
		require.NoError(t, err, text)
		require.Equal(t, want, f, text)
	}
	_, err := engine.ParseFilter("state:", []string{"state"})
	require.ErrorContains(t, err, "write state:WORD")
	_, err = engine.ParseFilter("a (", nil)
	require.ErrorContains(t, err, `"(" is no pattern`)
}

// Whatever is typed is an error or a filter; each of its patterns is one, and it can be written down and read again.
func FuzzParseFilter(f *testing.F) {
	for _, text := range []string{"", "!state:open", `"a b" detail:"c d" !"!e"`, "state:", "(", `"`, "!", "::", `state:"!x:y"`, "\xff\x00"} {
		f.Add(text)
	}
	fields := []string{"state", "detail"}
	f.Fuzz(func(t *testing.T, text string) {
		filter, err := engine.ParseFilter(text, fields)
		if err != nil {
			return
		}
		for _, term := range filter {
			require.NotEmpty(t, term.Pattern)
			_, err := regexp.Compile(term.Pattern)
			require.NoError(t, err)
		}
		again, err := engine.ParseFilter(filter.String(), fields)
		require.NoError(t, err, filter.String())
		require.Equal(t, filter, again, filter.String())
	})
}
