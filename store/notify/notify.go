// Package notify carries alerts to people: through shoutrrr's services, and to an Alertmanager.
//
// A channel is a URL. Most of them are secrets as a whole, so a channel is only ever called by its name, and whatever a
// service says of a failure is cleaned of every part of the URL before anybody sees it.
package notify

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"ferry/engine/monitor"
)

// address is a channel's URL, taken apart.
type address struct {
	url     *url.URL
	scheme  string // of the service: "generic" of "generic+https"
	secrets []string
}

// Open makes channels of URLs. Channels of one name are told apart by their place: "slack", "slack #2". Its errors name a
// channel by its place in the list and its scheme, and never by what it says.
func Open(urls []string) ([]monitor.Channel, error) {
	theGuard() // before anything of this process uses the transport that it replaces
	var out []monitor.Channel
	seen := map[string]int{}
	for i, text := range urls {
		a, err := parse(text)
		if err != nil {
			return nil, fmt.Errorf("channel %d: %w", i+1, err)
		}
		name := a.name()
		seen[name]++
		if seen[name] > 1 {
			name = fmt.Sprintf("%s #%d", name, seen[name])
		}
		if a.scheme == alertmanagerScheme {
			out = append(out, newAlertmanager(name, a))
			continue
		}
		channel, err := newShout(name, a)
		if err != nil {
			return nil, fmt.Errorf("channel %d (%s): %w", i+1, a.scheme, err)
		}
		out = append(out, channel)
	}
	return out, nil
}

// Names are what channels are called: all that may be shown of their URLs.
func Names(urls []string) []string {
	channels, err := Open(urls)
	if err != nil {
		return slices.Repeat([]string{"***"}, len(urls))
	}
	out := make([]string, len(channels))
	for i, channel := range channels {
		out[i] = channel.Name()
	}
	return out
}

// Split takes a list of URLs apart: they hold no blanks.
func Split(list string) []string { return strings.Fields(list) }

// another is where a second URL begins behind a comma.
var another = regexp.MustCompile(`[,;][a-zA-Z][a-zA-Z0-9+.-]*://`)

// parse reads a URL and refuses what would not be safe. Its errors do not repeat it.
func parse(text string) (address, error) {
	if another.MatchString(text) {
		return address{}, errors.New("it is more than one URL: blanks stand between channels, no commas")
	}
	u, err := url.Parse(text)
	if err != nil {
		return address{}, fmt.Errorf("it is no URL; services are %s; `ferry alerts test --help` has their forms", known())
	}
	a := address{url: u}
	a.scheme, _, _ = strings.Cut(strings.ToLower(u.Scheme), "+")
	_, there := services[a.scheme]
	_, transport, _ := strings.Cut(strings.ToLower(u.Scheme), "+")
	switch {
	case a.scheme == alertmanagerScheme && (transport != "http" && transport != "https" || u.Host == ""):
		return address{}, fmt.Errorf("an Alertmanager is %s+https://host:9093 or %[1]s+http://…", alertmanagerScheme)
	case a.scheme != alertmanagerScheme && !there:
		return address{}, fmt.Errorf("there is no such service; there are %s; `ferry alerts test --help` has their forms", known())
	}
	for key := range u.Query() {
		if key := strings.ToLower(key); strings.Contains(key, "skip") || strings.Contains(key, "verif") || strings.Contains(key, "insecure") {
			return address{}, fmt.Errorf("%s turns the verification of the server off, which is refused: give its certificate to this machine", key)
		}
	}
	a.secrets = secretsOf(u)
	return a, nil
}

func known() string {
	out := []string{alertmanagerScheme}
	for name := range services {
		out = append(out, name)
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

// hosted reports whether the URL's host is a server's, and no secret.
func (a address) hosted() bool { return a.scheme == alertmanagerScheme || services[a.scheme].hosted }

// name is all of a URL that may be shown.
func (a address) name() string {
	if a.hosted() {
		return a.url.Scheme + "://" + a.url.Host
	}
	return a.scheme
}

// HoldsSecret reports whether a URL holds what others must not see, or may do so: a password, a token, a path that nobody
// can guess. Of most services all of it is.
func HoldsSecret(text string) bool {
	a, err := parse(text)
	if err != nil || !a.hosted() {
		return true
	}
	_, password := a.url.User.Password()
	if a.scheme == "smtp" {
		return password // the rest is who sends and who receives
	}
	return a.url.User != nil || strings.Trim(a.url.Path, "/") != "" && a.url.Path != alertsPath || a.url.RawQuery != "" || a.url.Fragment != ""
}
