package redact_test

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ferry/engine/redact"
)

func TestPasswordsInTheirForms(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		// URLs
		"postgres://odoo:secret@db/prod":                             "postgres://odoo:***@db/prod",
		"postgresql://odoo:secret@10.0.4.7:5432/prod?sslmode=x":      "postgresql://odoo:***@10.0.4.7:5432/prod?sslmode=x",
		"postgres://:secret@db/prod":                                 "postgres://:***@db/prod",
		"postgres://odoo:p%40ss%2Fw%3Ard@db/prod":                    "postgres://odoo:***@db/prod",
		"postgres://odoo:a:b?c#d@db/prod":                            "postgres://odoo:***@db/prod",
		"postgres://odoo:p@ss@db/prod":                               "postgres://odoo:***@db/prod",
		"postgres://odoo:pa/ss@db/prod":                              "postgres://odoo:***@db/prod",
		"postgres://odoo:/pass@db/prod":                              "postgres://odoo:***@db/prod",
		"postgres://odoo:12345@db/prod":                              "postgres://odoo:***@db/prod",
		"postgres://odoo:1234567/x@db/prod":                          "postgres://odoo:***@db/prod",
		"postgres://odoo@azure:secret@db/prod":                       "postgres://odoo@azure:***@db/prod",
		"cannot parse `postgres://odoo:secret@db:x/`: bad port":      "cannot parse `postgres://odoo:***@db:x/`: bad port",
		"smtp://alert:secret@mail and postgres://odoo:other@db":      "smtp://alert:***@mail and postgres://odoo:***@db",
		"http://db:5432/x,postgres://odoo:secret@db":                 "http://db:5432/x,postgres://odoo:***@db",
		"postgres:///prod?host=/tmp&password=secret":                 "postgres:///prod?host=/tmp&password=***",
		"postgres://db/prod?sslpassword=a'b c&user=odoo":             "postgres://db/prod?sslpassword=*** c&user=odoo",
		"postgres://db/prod?password='secret'&sslpassword=x&user=me": "postgres://db/prod?password=***&sslpassword=***&user=me",
		// keywords
		"host=db password=secret user=odoo":               "host=db password=*** user=odoo",
		"password=secret":                                 "password=***",
		"PASSWORD=secret":                                 "PASSWORD=***",
		"PGPASSWORD=secret ferry sync":                    "PGPASSWORD=*** ferry sync",
		"sslpassword=secret sslkey=client.key":            "sslpassword=*** sslkey=client.key",
		"password = secret user = odoo":                   "password = *** user = odoo",
		"password\n=\n\tsecret\nuser=odoo":                "password\n=\n\t***\nuser=odoo",
		"password='two words' user=odoo":                  "password=*** user=odoo",
		`password='it\'s' user=odoo`:                      `password=*** user=odoo`,
		`password='ends in \\' user=odoo`:                 `password=*** user=odoo`,
		"password='two\nlines' user=odoo":                 "password=*** user=odoo",
		"password='two\\\nlines' user=odoo":               "password=*** user=odoo",
		"password='' user=odoo":                           "password=*** user=odoo",
		`password=two\ words user=odoo`:                   `password=*** user=odoo`,
		`password=it's user=odoo`:                         `password=*** user=odoo`,
		`password=\'quote user=odoo`:                      `password=*** user=odoo`,
		"password=a&b=c user=odoo":                        "password=*** user=odoo",
		`password=ends\`:                                  `password=***`,
		"password='not closed user=odoo":                  "password=***",
		`password='not closed\`:                           `password=***`,
		"password=one, password='two' sslpassword = thr=": "password=*** password=*** sslpassword = ***", //nolint:dupword // of three
		"first password=one\nthen postgres://u:two@db\n":  "first password=***\nthen postgres://u:***@db\n",
	} {
		require.Equal(t, want, redact.Text(text), "%q", text)
	}
}

func TestTextWithoutAPasswordIsLeftAsItIs(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"",
		"loyalty_card: 184 rows, 10:30:00, 50 % done",
		`password authentication failed for user "odoo"`,
		"no password supplied; see passfile=/home/odoo/.pgpass",
		"fe_sendauth: no password supplied (SQLSTATE 28P01)",
		"postgres://odoo@10.0.4.7:5432/prod?sslmode=verify-full",
		"postgres://db:5432/prod?user=me@azure",
		"postgres://me@db1:5432,db2:5433/prod?application_name=a@b",
		"postgres://[::1]:5432/prod?user=me@azure",
		"postgres://me@[fe80::1%25eth0]:5432/prod?x=a@b",
		"dial tcp 127.0.0.1:5432: connect: connection refused",
		"see https://example.org:8443/a@b, or write to help@example.org",
		"odoo@10.0.4.7/prod: a@b:c@d",
		"the password is wrong",
		"rules.card.partner_missing = \"warn\"",
		"straße 🎁 İstanbul",
	} {
		require.Equal(t, text, redact.Text(text))
	}
}

// aSecret draws passwords of words in upper case, which nothing else in the texts below is, and of the characters that a
// form allows between them.
func aSecret(t *rapid.T, between string) (secret string, words []string) {
	word := rapid.StringMatching(`[A-Z]{6}`)
	words = rapid.SliceOfN(word, 1, 4).Draw(t, "words")
	var b strings.Builder
	for i, w := range words {
		if i > 0 {
			b.WriteString(rapid.StringOfN(rapid.RuneFrom([]rune(between)), 1, 3, -1).Draw(t, "between"))
		}
		b.WriteString(w)
	}
	return b.String(), words
}

// aConnection draws a connection string with a password in one of the forms that PostgreSQL and its drivers take.
func aConnection(t *rapid.T) (text string, words []string) {
	const any1 = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~ü€ \t\n"
	unspaced := strings.NewReplacer(" ", "", "\t", "", "\n", "").Replace(any1)
	blank := rapid.StringOfN(rapid.RuneFrom([]rune(" \t\n")), 0, 2, -1)
	equals := func() string { return blank.Draw(t, "before") + "=" + blank.Draw(t, "after") }
	key := rapid.SampledFrom([]string{"password", "sslpassword", "Password"}).Draw(t, "key")
	var secret string
	switch rapid.SampledFrom([]string{"url", "encoded url", "query", "encoded query", "quoted", "plain"}).Draw(t, "form") {
	case "url":
		secret, words = aSecret(t, unspaced)
		return "postgres://odoo:" + secret + "@db:5432/prod?sslmode=disable", words
	case "encoded url":
		secret, words = aSecret(t, any1)
		u := url.URL{Scheme: "postgresql", User: url.UserPassword("odoo", secret), Host: "db", Path: "/prod"}
		return u.String(), words
	case "query":
		secret, words = aSecret(t, strings.ReplaceAll(unspaced, "&", ""))
		return "postgres://db/prod?user=odoo&" + key + "=" + secret + "&sslmode=disable", words
	case "encoded query":
		secret, words = aSecret(t, any1)
		return "postgres://db/prod?" + key + "=" + url.QueryEscape(secret), words
	case "quoted":
		secret, words = aSecret(t, any1)
		secret = strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(secret)
		return "host=db " + key + equals() + "'" + secret + "' user=odoo", words
	default:
		secret, words = aSecret(t, any1)
		secret = strings.NewReplacer(`\`, `\\`, " ", `\ `, "\t", "\\\t", "\n", "\\\n").Replace(secret)
		return "host=db " + key + equals() + secret + " user=odoo", words
	}
}

func TestNoPartOfAPasswordSurvives(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var texts, words []string
		for range rapid.IntRange(1, 4).Draw(t, "strings") {
			text, secret := aConnection(t)
			texts, words = append(texts, "connecting to "+text), append(words, secret...)
		}
		text := strings.Join(texts, rapid.SampledFrom([]string{" ", "\n", "; \n"}).Draw(t, "join"))
		clean := redact.Text(text)
		for _, w := range words {
			require.NotContains(t, clean, w, "%q", text)
		}
		require.Equal(t, len(texts), strings.Count(clean, "connecting to "), "and the rest is there: %q", clean)
		require.Equal(t, clean, redact.Text(clean), "a clean text stays as it is")
	})
}

func TestAnErrorKeepsWhatItIs(t *testing.T) {
	t.Parallel()
	cause := &fs.PathError{Op: "open", Path: "postgres://odoo:secret@db", Err: fs.ErrNotExist}
	err := redact.Error(fmt.Errorf("connecting: %w", cause))
	require.EqualError(t, err, "connecting: open postgres://odoo:***@db: file does not exist")
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.NotErrorIs(t, err, fs.ErrExist)
	var path *fs.PathError
	require.ErrorAs(t, err, &path)
	require.Same(t, cause, path)

	wrapped := fmt.Errorf("run #12: %w", err)
	require.ErrorIs(t, wrapped, fs.ErrNotExist)
	found, ok := errors.AsType[*fs.PathError](wrapped)
	require.True(t, ok)
	require.Same(t, cause, found)
	require.NotContains(t, fmt.Sprintf("%v %s %q", wrapped, wrapped, wrapped), "secret")
	require.NoError(t, errors.Unwrap(err), "who unwraps step by step does not come to the text")
}

func TestAnErrorWithoutASecretIsItself(t *testing.T) {
	t.Parallel()
	require.NoError(t, redact.Error(nil))
	require.Same(t, fs.ErrNotExist, redact.Error(fs.ErrNotExist))
}

func FuzzText(f *testing.F) {
	for _, s := range []string{"", "password='", "password=\\", "a://b:@", "a://b:1/@c://d:e@", "?password=&password=x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		clean := redact.Text(s)
		require.Equal(t, clean, redact.Text(clean))
	})
}
