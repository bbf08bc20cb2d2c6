// Package redact is the one place that takes secrets out of text: before it is logged, shown, or kept as an error.
//
// It knows the forms in which a PostgreSQL password appears (URLs, key=value strings), and the URLs of channels, and leaves everything else as it
// is. It is a net under code that does not handle secrets in the first place, not a licence to do so.
package redact

import (
	"errors"
	"regexp"
	"strings"
)

const mask = "***"

var (
	// scheme://user:password@host. A password may hold what should have been percent-encoded, so it ends at the last @
	// of the word.
	url = regexp.MustCompile(`[a-zA-Z][a-zA-Z0-9+.-]*://[^\s:/?#]*:(\S*)@`)

	// scheme://user@host:port,host:port/…: what follows the colon is no password, although an @ may come later.
	plainURL = func() *regexp.Regexp {
		const host = `(?:\[[^\s\]@]*\]|[^\s:/?#@\[,]*)(?::\d{1,5})?`
		return regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9+.-]*://(?:[^\s:/?#@]*@)?` + host + `(?:,` + host + `)*[/?#]`)
	}()

	// password and sslpassword, PGPASSWORD and the like: first as an argument of a URL, up to the next one; then as a
	// keyword, in quotes (that may never close) or up to a blank, where a backslash takes the next character along.
	keyword = regexp.MustCompile(`(?is)([?&]\w*password=)[^\s&]+` +
		`|(password[\s\v]*=[\s\v]*)(?:'(?:[^'\\]|\\.)*(?:'|\\?$)|(?:[^\s'\\]|\\.?)(?:[^\s\\]|\\.?)*)`)
)

var (
	// The URL of a chat's channel is a secret as a whole.
	chat = regexp.MustCompile(`(?i)\b(discord|googlechat|hangouts|opsgenie|pagerduty|pushover|rocketchat|slack|teams|telegram|zulip)://\S+`)

	// Of a webhook's, all but the host may be.
	webhook = regexp.MustCompile(`(?i)\b(generic(?:\+https?)?|alertmanager\+https?)://(?:\S*@)?([^\s/?#@]*)[/?#]\S*`)
)

// channels masks the URLs of channels for alerts.
func channels(s string) string {
	return webhook.ReplaceAllString(chat.ReplaceAllString(s, "${1}://"+mask), "${1}://${2}/"+mask)
}

// Text masks every password in a text, and the tokens in the URLs of channels. Where it cannot tell it masks too much: from
// a quote that does not close all that follows. Two forms are beyond it, neither of which PostgreSQL understands: a blank in a URL's password, and one that
// begins like a port (scheme://user:123/…@host).
func Text(s string) string {
	return keyword.ReplaceAllString(urls(channels(s)), "${1}${2}"+mask)
}

// urls masks the passwords of URLs.
func urls(s string) string {
	var out strings.Builder
	for {
		at := url.FindStringSubmatchIndex(s)
		if at == nil {
			return out.String() + s
		}
		begin, end := at[2], at[3]
		out.WriteString(s[:begin])
		if plainURL.MatchString(s[at[0]:]) {
			end = begin // another URL may be in the same word
		} else {
			out.WriteString(mask)
		}
		s = s[end:]
	}
}

// Error masks every password in an error's text and keeps what the error is.
func Error(err error) error {
	if err == nil {
		return nil
	}
	clean := Text(err.Error())
	if clean == err.Error() {
		return err
	}
	return &redacted{text: clean, err: err}
}

type redacted struct {
	text string
	err  error
}

func (r *redacted) Error() string { return r.text }

// Is and As look at the original error without handing out its text.
func (r *redacted) Is(target error) bool { return errors.Is(r.err, target) }

func (r *redacted) As(target any) bool { return errors.As(r.err, target) }
