package notify

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync/atomic"

	"github.com/nicholas-fedor/shoutrrr/pkg/router"
	"github.com/nicholas-fedor/shoutrrr/pkg/types"

	"ferry/engine/monitor"
)

// service is what is known of one of shoutrrr's services. Those that bring a transport of their own (Gotify, Mattermost, ntfy) or
// speak to their server before there is a message (Matrix) are left out, for nobody could hold them to their time or to their
// host; most of them take generic+https:// as well.
type service struct {
	hosted bool // the URL's host is a server's name
	titled bool // a message may have a title
	mail   bool // it speaks SMTP, not HTTP
	brief  bool // its title is not part of the message
}

var services = map[string]service{
	"discord":    {titled: true},
	"generic":    {hosted: true, titled: true, brief: true},
	"googlechat": {},
	"opsgenie":   {titled: true},
	"pagerduty":  {},
	"pushover":   {titled: true},
	"rocketchat": {hosted: true},
	"slack":      {titled: true},
	"smtp":       {hosted: true, titled: true, mail: true},
	"teams":      {titled: true},
	"telegram":   {titled: true},
	"zulip":      {titled: true},
}

// mostAbandoned is how many attempts of a channel may be given up and still hang: shoutrrr's mail cannot be stopped.
const mostAbandoned = 4

// shout sends through shoutrrr.
type shout struct {
	address

	name    string
	service service
	waiting atomic.Int32 // attempts that have not ended, given up or not
}

func newShout(name string, a address) (*shout, error) {
	s := &shout{address: a, name: name, service: services[a.scheme]}
	if s.service.mail {
		s.url = withTLS(a.url)
	}
	if _, err := s.open(); err != nil {
		return nil, fmt.Errorf("the URL is not as this service wants it (%w); `ferry alerts test --help` has the forms", a.cleaned(cause(err)))
	}
	return s, nil
}

// open makes the service.
func (s *shout) open() (types.Service, error) {
	service, err := new(router.ServiceRouter).Locate(s.url.String())
	if err != nil {
		return nil, fmt.Errorf("opening the service: %w", err)
	}
	return service, nil
}

// withTLS requires TLS of a mail server that is given a password.
func withTLS(u *url.URL) *url.URL {
	if _, given := u.User.Password(); !given {
		return u
	}
	safe := *u
	query := safe.Query()
	query.Set("requirestarttls", "yes")
	safe.RawQuery = query.Encode()
	return &safe
}

// cause is the last of an error's errors: those before repeat the URL.
func cause(err error) error {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err
		}
		err = next
	}
}

// Name is what the channel is called.
func (s *shout) Name() string { return s.name }

// Send makes one attempt.
func (s *shout) Send(ctx context.Context, m monitor.Message) error {
	if s.waiting.Load() >= mostAbandoned {
		return fmt.Errorf("%d attempts before this one were never answered and still wait", mostAbandoned)
	}
	if s.service.mail {
		return s.cleaned(s.attempt(ctx, m))
	}
	return s.cleaned(watched(ctx, func(ctx context.Context) error { return s.attempt(ctx, m) }))
}

// attempt lets shoutrrr send, and gives up when ctx ends. What shoutrrr still does then nobody waits for.
func (s *shout) attempt(ctx context.Context, m monitor.Message) error {
	params := types.Params{}
	if s.service.titled {
		params.SetTitle(title(m))
	}
	ended := make(chan error, 1)
	s.waiting.Add(1)
	go func() {
		defer s.waiting.Add(-1)
		service, err := s.open() // it keeps what it was last told, so each attempt has one of its own
		if err == nil {
			err = service.Send(s.text(m), &params)
		}
		ended <- err
	}()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		return fmt.Errorf("it was not answered in time: %w", ctx.Err())
	}
}

// title is the message in a few words of ASCII: it becomes the subject of mails.
func title(m monitor.Message) string {
	word := strings.ToUpper(string(m.Severity))
	if m.Kind != monitor.Firing {
		word = strings.ToUpper(string(m.Kind))
	}
	about := m.Rule
	if m.Entity != "" {
		about += " of " + m.Entity
	}
	return "ferry " + word + ": " + strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, about)
}

// text is the whole message: what happened, why, what to do now; and where. What a database put into it commands nobody's
// chat: no mention, no link.
func (s *shout) text(m monitor.Message) string {
	text := strings.NewReplacer("<", "‹", ">", "›", "@everyone", "@ everyone", "@here", "@ here", "@channel", "@ channel", "@all", "@ all").Replace(
		monitor.OneLine(m.Text))
	out := text + "\n\n" + monitor.OneLine(m.Where) + ", since " + m.FiredAt.UTC().Format("2006-01-02 15:04:05Z")
	if !s.service.titled || s.service.brief {
		out = title(m) + "\n\n" + out
	}
	if m.Alert != 0 {
		out += fmt.Sprintf(", alert %d", m.Alert)
	}
	if m.Delivery != 0 {
		out += fmt.Sprintf(", message %d", m.Delivery)
	}
	return out
}
