package entity_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ferry/engine/entity"
)

func TestCodesThatPeopleHaveTyped(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]string{
		"":                           "",
		"0446-4c6f-4ef8":             "0446-4C6F-4EF8",
		"0446-4C6F-4EF8":             "0446-4C6F-4EF8",
		"  gift 10 \t\r\n":           "GIFT 10",
		" \t\n\v\f\r":                "",
		"\u00a0nbsp\u00a0":           "NBSP",
		"\u2003em space\u2003":       "EM SPACE",
		"\u3000ideographic\u3000":    "IDEOGRAPHIC",
		"\u0085next line\u2028":      "NEXT LINE",
		"a\u00a0b":                   "A\u00a0B",
		"\u200bzero width\ufeff":     "\u200bZERO WIDTH\ufeff", // not white space, though one cannot see it
		"straße":                     "STRAßE",
		"STRASSE":                    "STRASSE",
		"STRAẞE":                     "STRAẞE",
		"İstanbul":                   "İSTANBUL",
		"istanbul":                   "ISTANBUL",
		"ıstanbul":                   "ISTANBUL",
		"ｆｕｌｌ－ｗｉｄｔｈ":                 "ＦＵＬＬ－ＷＩＤＴＨ",
		"บัตรสมาชิก":                 "บัตรสมาชิก",
		"🎁 gift":                     "🎁 GIFT",
		"NULL":                       "NULL",
		"null":                       "NULL",
		`it's "quoted" \ `:           `IT'S "QUOTED" \`,
		"ǆ":                          "Ǆ",
		"ﬁne":                        "ﬁNE", // a ligature has no single upper case rune
		"ſ":                          "S",
		"\x7f":                       "\x7f",
		strings.Repeat("ab", 60):     strings.Repeat("AB", 60),
		"cafe\u0301":                 "CAFE\u0301", // not composed: É in one rune is another code
		"ά" + "\u0390" + " έ\u1fb3 ": "Ά" + "\u0390" + " Έ\u1fbc",
	} {
		require.Equal(t, want, entity.CleanCode(code), "%q", code)
	}
}

// cleaned checks what CleanCode promises of any text.
func cleaned(t require.TestingT, code string) {
	got := entity.CleanCode(code)
	require.Equal(t, strings.ToUpper(strings.TrimSpace(code)), got, "%q: the quick way and the long one agree", code)
	require.Equal(t, got, entity.CleanCode(got), "%q: cleaning twice changes nothing", code)
	require.Equal(t, got, entity.CleanCode("\u3000 "+code+"\t\u00a0"), "%q: blanks around it change nothing", code)
	require.LessOrEqual(t, utf8.RuneCountInString(got), utf8.RuneCountInString(code), "%q: it never grows", code)
	require.True(t, utf8.ValidString(got), "%q", code)
}

func TestCleaningIsTrimmingAndUpperCase(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) { cleaned(t, rapid.String().Draw(t, "code")) })
	rapid.Check(t, func(t *rapid.T) {
		cleaned(t, rapid.StringMatching(`[ \t\x{a0}\x{2003}]{0,2}[!-~a-z ]{0,20}[ \n\x{3000}]{0,2}`).Draw(t, "code"))
	})
}

func TestEveryRuneIsCleanedOnceAndForAll(t *testing.T) {
	t.Parallel()
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if !utf8.ValidRune(r) {
			continue
		}
		code := "X" + string(r) + "X"
		got := entity.CleanCode(code)
		if upper := strings.ToUpper(code); got != upper || got != entity.CleanCode(got) {
			cleaned(t, code)
		}
		alone := entity.CleanCode(string(r))
		if unicode.IsSpace(r) != (alone == "") || alone != entity.CleanCode(alone) {
			cleaned(t, string(r))
			require.Equal(t, unicode.IsSpace(r), alone == "", "%U", r)
		}
	}
}

func TestACleanCodeIsNotCopied(t *testing.T) { //nolint:paralleltest // counts all allocations of the process
	var kept string
	require.Zero(t, testing.AllocsPerRun(100, func() { kept = entity.CleanCode("0446-4C6F-4EF8") }))
	require.Equal(t, "0446-4C6F-4EF8", kept)
}

func FuzzCleanCode(f *testing.F) {
	for _, code := range []string{"", " a ", "straße", "İstanbul", "\u00a0\u3000x\u2003", "\xff\xfe", "🎁", "A\x00", "\x80 a"} {
		f.Add(code)
	}
	f.Fuzz(func(t *testing.T, code string) { cleaned(t, code) })
}
