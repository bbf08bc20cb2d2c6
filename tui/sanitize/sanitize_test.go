package sanitize_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
	"unsafe"

	"github.com/charmbracelet/x/ansi"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ferry/tui/sanitize"
)

func TestTextMakesEverythingVisible(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ in, want string }{
		"plain":              {"0446-4c6f-4ef8", "0446-4c6f-4ef8"},
		"letters and marks":  {"straße é İstanbul กำ 字 🎁", "straße é İstanbul กำ 字 🎁"},
		"escape":             {"\x1b[31mred\x1b[0m", "␛[31mred␛[0m"},
		"line and tab":       {"a\tb\r\nc\x00", "a␉b␍␊c␀"},
		"delete":             {"a\x7f", "a␡"},
		"C1 as a code point": {"a\u009b31m\u0085", `a\u009b31m\u0085`},
		"C1 as a raw byte":   {"a\x9b31m", `a\x9b31m`},
		"not UTF-8":          {"a\xff\xc3(", `a\xff\xc3(`},
		"bidi":               {"abc\u202edef\u2066\u200f", `abc\u202edef\u2066\u200f`},
		"zero width":         {"a\u200bb\u200dc\ufeff\u2060", `a\u200bb\u200dc\ufeff\u2060`},
		"separators":         {"a\u2028b\u2029", `a\u2028b\u2029`},
		"soft hyphen":        {"a\u00adb", `a\u00adb`},
		"variation selector": {"✓\ufe0f", `✓\ufe0f`},
		"tags":               {"a\U000e0041", `a\U000e0041`},
		"fillers":            {"\u3164\u115f", `\u3164\u115f`},
		"replacement":        {"a\ufffd", "a\ufffd"},
		"a lone mark":        {"\u0301a", "◌\u0301a"},
		"no-break space":     {"1\u00a0000", "1\u00a0000"},
	} {
		require.Equal(t, c.want, sanitize.Text(c.in), name)
	}
}

func TestCleanTextIsNotCopied(t *testing.T) {
	t.Parallel()
	s := strings.Repeat("loyalty_card straße ", 40)
	require.Equal(t, unsafe.StringData(s), unsafe.StringData(sanitize.Text(s)))
}

func TestFitCutsToCells(t *testing.T) {
	t.Parallel()
	require.Equal(t, "ab…", sanitize.Fit("abcdef", 3))
	require.Equal(t, "字…", sanitize.Fit("字字字", 4), "half a wide character is none")
	require.Equal(t, "…", sanitize.Fit("abc", 1))
	require.Empty(t, sanitize.Fit("abc", 0))
	require.Equal(t, "ab  ", sanitize.Pad("ab", 4))
	require.Equal(t, "  ab", sanitize.PadLeft("ab", 4))
	require.Equal(t, "字… ", sanitize.Pad("字字字", 4))
}

// hostile draws text with everything in it that a terminal or a reader could stumble over.
func hostile() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(rapid.OneOf(
			rapid.String(),
			rapid.SampledFrom([]string{
				"\x1b[31m", "\x1b]0;x\x07", "\x9b1m", "\u009b1m", "\u202e", "\u200b", "\ufeff", "\xff\xfe", "\u2028", "e\u0301",
				"字", "🎁", "👨\u200d👩\u200d👧",
				"🇩", "ᄀ", "\u0600", "\x00", "\t", "\r\n", "plain",
			}),
			rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 8), func(b []byte) string { return string(b) }),
		), 0, 6).Draw(t, "parts"), "")
	})
}

func requireVisible(t require.TestingT, s string) {
	require.True(t, utf8.ValidString(s), "%q", s)
	for _, r := range s {
		require.False(t, unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == 0x2028 || r == 0x2029, "%q has %U", s, r)
	}
}

func TestWhateverComesNothingInvisibleGoes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		in := hostile().Draw(t, "in")
		out := sanitize.Text(in)
		requireVisible(t, out)
		require.Equal(t, out, sanitize.Text(out), "what was made visible stays as it is")
		width := rapid.IntRange(-2, 30).Draw(t, "width")
		require.LessOrEqual(t, ansi.StringWidth(sanitize.Fit(in, width)), max(0, width))
		require.Equal(t, max(0, width), ansi.StringWidth(sanitize.Pad(in, width)))
		require.Equal(t, max(0, width), ansi.StringWidth(sanitize.PadLeft(in, width)))
		requireVisible(t, sanitize.Fit(in, width))
	})
}

// Two codes that differ in an invisible character only are the very thing that an operator looks for.
func TestTextsThatDifferInTheInvisibleLookDifferent(t *testing.T) {
	t.Parallel()
	unseen := []string{
		"", "\x00", "\x1b", "\x7f", "\x80", "\u0080", "\x9b", "\u009b", "\u200b", "\u200d", "\u202e", "\ufeff", "\ufe0f", "\u2028", "\xff",
	}
	rapid.Check(t, func(t *rapid.T) {
		letter := rapid.StringMatching(`[A-Za-z0-9ß字 -]{0,6}`)
		head, tail := letter.Draw(t, "head"), letter.Draw(t, "tail")
		a, b := rapid.SampledFrom(unseen).Draw(t, "a"), rapid.SampledFrom(unseen).Draw(t, "b")
		if a != b {
			require.NotEqual(t, sanitize.Text(head+a+tail), sanitize.Text(head+b+tail))
		}
	})
}

func FuzzText(f *testing.F) {
	for _, seed := range []string{"", "abc", "\x1b[2J", "\xff", "\u202eabc", "é字🎁"} {
		f.Add(seed, 5)
	}
	f.Fuzz(func(t *testing.T, s string, width int) {
		width %= 200
		requireVisible(t, sanitize.Text(s))
		require.Equal(t, max(0, width), ansi.StringWidth(sanitize.Pad(s, width)))
	})
}
