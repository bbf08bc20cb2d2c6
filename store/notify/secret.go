package notify

import (
	"errors"
	"net/url"
	"slices"
	"strings"

	"ferry/engine/monitor"
	"ferry/engine/redact"
)

const mask = "***"

// shortestSecret is what is too short to be looked for: it would be found in every other word.
const shortestSecret = 4

// secretsOf gives every part of a URL that may be a secret, in each form in which it may come back, longest first.
func secretsOf(u *url.URL) []string {
	scheme, _, _ := strings.Cut(u.Scheme, "+")
	parts := []string{u.Path, u.RawPath, u.Fragment, u.Opaque}
	if u.User != nil {
		password, _ := u.User.Password()
		parts = append(parts, u.User.String(), u.User.Username(), password)
	}
	parts = append(parts, strings.Split(u.EscapedPath(), "/")...)
	if !services[scheme].mail { // there it is who sends and who receives
		parts = append(parts, u.RawQuery)
		for _, values := range u.Query() {
			parts = append(parts, values...)
		}
	}
	if scheme != alertmanagerScheme && !services[scheme].hosted {
		parts = append(parts, u.Host, u.Hostname())
	}
	out := []string{u.String()} // not taken apart: a part of it may be the host
	for _, part := range parts {
		for _, piece := range append(strings.FieldsFunc(part, func(r rune) bool { return strings.ContainsRune("/:@?&=-, ", r) }), part) {
			decoded, _ := url.QueryUnescape(piece)
			unescaped, _ := url.PathUnescape(piece)
			out = append(out, piece, decoded, unescaped, url.QueryEscape(decoded), url.PathEscape(unescaped))
		}
	}
	out = slices.DeleteFunc(out, func(s string) bool { return len(s) < shortestSecret || slices.Contains(harmless, s) })
	slices.SortFunc(out, func(a, b string) int { return len(b) - len(a) })
	return slices.Compact(out)
}

// harmless parts are the services' own words, which say nothing of the channel's owner.
var harmless = []string{
	"hook", "webhook", "telegram", "discord", "slack", "true", "false", "json", "JSON", "http", "https", "plain", "none", "chats", "channels",
}

// cleaned is an error whose text holds no part of a channel's URL, on one line.
func (a address) cleaned(err error) error {
	if err == nil {
		return nil
	}
	text := redact.Text(err.Error())
	for _, secret := range a.secrets {
		text = strings.ReplaceAll(text, secret, mask)
	}
	text = monitor.OneLine(text)
	if runes := []rune(text); len(runes) > longestError {
		text = string(runes[:longestError]) + "…"
	}
	return errors.New(text)
}

// longestError is how much of what a receiver says is kept.
const longestError = 300
