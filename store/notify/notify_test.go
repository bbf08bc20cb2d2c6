package notify

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"ferry/engine"
	"ferry/engine/monitor"
	"ferry/engine/redact"
)

// wires lead the hosts of services that cannot be had here to where a test wants them.
var wires sync.Map // host → func(*http.Request) (*http.Response, error)

type rewired struct{ next http.RoundTripper }

func (r rewired) RoundTrip(req *http.Request) (*http.Response, error) {
	if wire, ok := wires.Load(req.URL.Host); ok {
		return wire.(func(*http.Request) (*http.Response, error))(req) //nolint:errcheck,forcetypeassert // only such are stored
	}
	return r.next.RoundTrip(req)
}

func TestMain(m *testing.M) {
	http.DefaultTransport = rewired{http.DefaultTransport} //nolint:reassign // before the guard
	goleak.VerifyTestMain(m)
}

func open(t *testing.T, urls ...string) monitor.Channel {
	t.Helper()
	channels, err := Open(urls)
	require.NoError(t, err)
	return channels[len(channels)-1]
}

var began = time.Date(2026, 3, 1, 2, 0, 0, 0, time.UTC)

func message() monitor.Message {
	return monitor.Message{
		Delivery: 7, Alert: 3, Kind: monitor.Firing, Key: monitor.Key{Rule: "freshness", Entity: "loyalty_card"}, Severity: engine.SeverityCritical,
		Text: "Late → ≥ 5 min: <!channel> @everyone nobody.\r\nBcc: evil@x\x1b[31m", Where: "prod, a → b", Instance: "1/loyalty",
		FiredAt: began, At: began.Add(time.Minute),
	}
}

// receiver keeps what was posted to it, and answers as a test wants.
type receiver struct {
	*httptest.Server

	mu     sync.Mutex
	got    []string
	paths  []string
	answer func(w http.ResponseWriter, r *http.Request)
}

func receive(t *testing.T, answer func(http.ResponseWriter, *http.Request)) *receiver {
	t.Helper()
	r := &receiver{answer: answer}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		text, _ := io.ReadAll(req.Body)
		r.mu.Lock()
		r.got, r.paths = append(r.got, string(text)), append(r.paths, req.URL.Path)
		r.mu.Unlock()
		if r.answer != nil {
			r.answer(w, req)
		}
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) posts() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string{}, r.got...)
}

func TestAWebhookGetsTheWholeMessage(t *testing.T) {
	t.Parallel()
	r := receive(t, nil)
	require.NoError(t, open(t, "generic+"+r.URL+"/secretpath").Send(t.Context(), message()))
	require.Equal(t, []string{"/secretpath"}, r.paths)
	text := r.posts()[0]
	require.Contains(t, text, "ferry CRITICAL: freshness of loyalty_card\n\n")
	require.Contains(t, text, "Late → ≥ 5 min: ‹!channel› @ everyone nobody. Bcc: evil@x [31m")
	require.Contains(t, text, "prod, a → b, since 2026-03-01 02:00:00Z, alert 3, message 7")
	require.NotContains(t, text, "\x1b")

	require.NoError(t, open(t, "generic+"+r.URL+"/x?template=json").Send(t.Context(), message()))
	var object map[string]string
	require.NoError(t, json.Unmarshal([]byte(r.posts()[1]), &object))
	require.Equal(t, "ferry CRITICAL: freshness of loyalty_card", object["title"])
	require.Contains(t, object["message"], "Late")
}

func TestAnAlertmanagerKnowsAnAlertAgain(t *testing.T) {
	t.Parallel()
	r := receive(t, nil)
	channel := open(t, "alertmanager+"+r.URL)
	require.Equal(t, "alertmanager+"+r.URL, channel.Name())
	m := message()
	require.NoError(t, channel.Send(t.Context(), m))
	m.Kind, m.At = monitor.Resolved, began.Add(time.Hour)
	require.NoError(t, channel.Send(t.Context(), m))
	require.Equal(t, []string{alertsPath, alertsPath}, r.paths)
	var fired, over []posted
	require.NoError(t, json.Unmarshal([]byte(r.posts()[0]), &fired))
	require.NoError(t, json.Unmarshal([]byte(r.posts()[1]), &over))
	require.Equal(t, map[string]string{
		"alertname": "ferry_freshness", "entity": "loyalty_card", "instance": "1/loyalty", "service": "ferry", "severity": "critical",
	}, fired[0].Labels)
	require.Equal(t, fired[0].Labels, over[0].Labels)
	require.Equal(t, began, fired[0].StartsAt)
	require.True(t, fired[0].EndsAt.After(began.Add(24*time.Hour)), "it fires until ferry says otherwise")
	require.Equal(t, began.Add(time.Hour), over[0].EndsAt)
	require.NotContains(t, fired[0].Annotations["description"], "\n")
}

func TestWhatAReceiverRefusesIsNotDelivered(t *testing.T) {
	t.Parallel()
	for _, scheme := range []string{"generic+", "alertmanager+"} {
		r := receive(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = w.Write([]byte("no to t0kencanary and to " + "hunter2canary"))
		})
		address := strings.Replace(r.URL, "http://", "http://user:hunter2canary@", 1) + "/t0kencanary?x=t0kencanary"
		err := open(t, scheme+address).Send(t.Context(), message())
		require.ErrorContains(t, err, "503")
		require.NotContains(t, err.Error(), "canary")
		r.Close()
		err = open(t, scheme+address).Send(t.Context(), message())
		require.ErrorContains(t, err, "refused")
		require.NotContains(t, err.Error(), "canary")
	}
}

func TestAReceiverThatHangsIsGivenUp(t *testing.T) {
	t.Parallel()
	hang := make(chan struct{})
	defer close(hang)
	for name, answer := range map[string]func(http.ResponseWriter, *http.Request){
		"before the answer": func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-hang:
			case <-r.Context().Done():
			}
		},
		"within it": func(w http.ResponseWriter, r *http.Request) {
			_, _ = w.Write([]byte("o"))
			_ = http.NewResponseController(w).Flush()
			select {
			case <-hang:
			case <-r.Context().Done():
			}
		},
	} {
		r := receive(t, answer)
		for _, scheme := range []string{"generic+", "alertmanager+"} {
			channel := open(t, scheme+r.URL)
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			before := len(r.posts())
			go func() { ended <- channel.Send(ctx, message()) }()
			require.Eventually(t, func() bool { return len(r.posts()) > before }, 20*time.Second, time.Millisecond)
			cancel() // as its time does
			require.Error(t, <-ended, name)
		}
	}
}

func TestNoMessageFollowsARedirectToAnotherHost(t *testing.T) {
	t.Parallel()
	other := receive(t, nil)
	r := receive(t, func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Path == "/away" {
			http.Redirect(w, req, other.URL+"/stolen", http.StatusTemporaryRedirect)
		}
		if req.URL.Path == "/here" {
			http.Redirect(w, req, "/there", http.StatusTemporaryRedirect)
		}
	})
	for _, scheme := range []string{"generic+", "alertmanager+"} {
		require.ErrorContains(t, open(t, scheme+r.URL+"/away").Send(t.Context(), message()), "another host")
		require.NoError(t, open(t, scheme+r.URL+"/here").Send(t.Context(), message()))
	}
	require.Empty(t, other.posts())
}

func TestAServerThatIsNotVerifiedGetsNothing(t *testing.T) {
	t.Parallel()
	r := &receiver{}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		text, _ := io.ReadAll(req.Body)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.got = append(r.got, string(text))
	}))
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	server.StartTLS()
	defer server.Close()
	for _, scheme := range []string{"generic+", "alertmanager+"} {
		require.ErrorContains(t, open(t, scheme+server.URL).Send(t.Context(), message()), "certificate")
	}
	require.Empty(t, r.posts())
	for _, address := range []string{
		"smtp://mail:25/?from=a@x&to=b@x&skiptlsverify=yes", "generic://h/?SkipTLSVerify=yes", "alertmanager+https://h?insecureSkipVerify=1",
	} {
		_, err := Open([]string{address})
		require.ErrorContains(t, err, "verification", address)
	}
}

// Telegram's service takes a receiver that does not answer for one that has the message.
func TestAServiceThatSwallowsFailuresIsNotBelieved(t *testing.T) {
	t.Parallel()
	const token = "123456789:AbCdEfGhIjKlMnOpQrStUvWxYz-canary_1x"
	channel := open(t, "telegram://"+token+"@telegram?chats=@ops")
	require.Equal(t, "telegram", channel.Name())
	for _, wire := range []func(*http.Request) (*http.Response, error){
		func(r *http.Request) (*http.Response, error) {
			return nil, errors.New("no route to host for " + r.URL.Path)
		},
		func(r *http.Request) (*http.Response, error) {
			return &http.Response{
				StatusCode: http.StatusBadGateway, Status: "502 Bad Gateway", Body: io.NopCloser(strings.NewReader("<html>")), Request: r,
			}, nil
		},
	} {
		wires.Store("api.telegram.org", wire)
		err := channel.Send(t.Context(), message())
		require.ErrorContains(t, err, "api.telegram.org")
		require.NotContains(t, err.Error(), "canary")
		require.NotContains(t, err.Error(), "123456789")
	}
	var told string
	wires.Store("api.telegram.org", func(r *http.Request) (*http.Response, error) {
		text, _ := io.ReadAll(r.Body)
		told = string(text)
		return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(`{"ok": true, "result": {}}`)), Request: r}, nil
	})
	require.NoError(t, channel.Send(t.Context(), message()))
	require.Contains(t, told, "ferry CRITICAL")
}

func TestSlackGetsTheMessage(t *testing.T) {
	t.Parallel()
	channel := open(t, "slack://hook:T00CANARY-B00CANARY-123456789012345678901234@webhook")
	require.Equal(t, "slack", channel.Name())
	answer := "ok"
	wires.Store("hooks.slack.com", func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusOK, Status: "200 OK", Body: io.NopCloser(strings.NewReader(answer)), Request: r}, nil
	})
	require.NoError(t, channel.Send(t.Context(), message()))
	answer = "invalid_token for T00CANARY"
	err := channel.Send(t.Context(), message())
	require.ErrorContains(t, err, "invalid_token")
	require.NotContains(t, err.Error(), "CANARY")
}

func TestChannelsAreNamedWithoutTheirSecrets(t *testing.T) {
	t.Parallel()
	urls := []string{
		"smtp://u:c4nary@mail.example.com:587/?from=a@x&to=b@x", "slack://hook:T00000000-B00000000-c4nary789012345678901234@webhook",
		"slack://hook:T00000000-B00000001-c4nary789012345678901234@webhook", "telegram://123456789:c4narEfGhIjKlMnOpQrStUvWxYz-canary_1x@telegram?chats=1",
		"generic+https://hooks.example.com/c4nary?x=c4nary", "alertmanager+https://u:c4nary@am.example.com:9093",
	}
	names := Names(urls)
	require.Equal(t, []string{
		"smtp://mail.example.com:587", "slack", "slack #2", "telegram", "generic+https://hooks.example.com", "alertmanager+https://am.example.com:9093",
	}, names)
	for _, address := range urls {
		require.True(t, HoldsSecret(address), address)
	}
	for _, address := range []string{
		"smtp://mail:25/?from=a@x&to=b@x", "alertmanager+http://am:9093", "alertmanager+http://am:9093/api/v2/alerts", "generic+http://localhost:9000",
	} {
		require.False(t, HoldsSecret(address), address)
	}
	require.Equal(t, []string{"***", "***"}, Names([]string{"c4nary", "slack://c4nary"}))
}

func TestWhatIsNoChannelIsRefusedWithoutRepeatingIt(t *testing.T) {
	t.Parallel()
	for _, address := range []string{
		"c4nary", "logger://c4nary", "gotify://h/c4nary", "https://hooks.example.com/c4nary", "slack://c4nary", "telegram://c4nary:c4nary@telegram",
		"smtp://u:c4nary@mail", "alertmanager://c4nary", "alertmanager+ftp://c4nary", "generic+https://h:c4nary/", "pushover://c4nary", "%c4nary://",
	} {
		_, err := Open([]string{"generic+https://fine", address})
		require.ErrorContains(t, err, "channel 2", address)
		require.NotContains(t, err.Error(), "c4nary", address)
	}
	channels, err := Open(nil)
	require.NoError(t, err)
	require.Empty(t, channels)
}

// What is refused is said with the way out, and that comes through the net that takes secrets out of text.
func TestWhatIsNoChannelIsRefusedWithAWayOut(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"https://hooks.example.com/x":                  "generic, googlechat",
		"smtp://mail:25/?from=a@x":                     "`ferry alerts test --help` has the forms",
		"generic+http://h/,smtp://mail/?from=a@x&to=b": "blanks stand between channels",
	} {
		_, err := Open([]string{address})
		require.ErrorContains(t, redact.Error(err), want)
		require.NotContains(t, redact.Error(err).Error(), mask)
	}
}

func TestAnErrorNamesTheHostThatDidNotAnswer(t *testing.T) {
	t.Parallel()
	a, err := parse("generic+http://127.0.0.1:18080/hidden?x=hidden")
	require.NoError(t, err)
	require.Equal(t, "dial tcp 127.0.0.1:18080: connect: connection refused",
		a.cleaned(errors.New("dial tcp 127.0.0.1:18080: connect: connection refused")).Error())
	require.NotContains(t, a.cleaned(errors.New(a.url.String())).Error(), "hidden")
}

func FuzzNoErrorTellsASecret(f *testing.F) {
	f.Add("hunter2secret")
	f.Add("a b/c?d#e%41@f:g")
	f.Fuzz(func(t *testing.T, secret string) {
		if len(secret) < 8 || strings.ContainsAny(secret, "\x00\r\n\t ") || strings.Count(secret, secret[:1]) == len(secret) {
			t.Skip("too short or too plain to be told from the words of an error")
		}
		address := (&url.URL{Scheme: "generic+http", Host: "h", User: url.UserPassword("user", secret), Path: "/" + secret}).String()
		a, err := parse(address)
		if err != nil {
			t.Skip("no channel has such an address")
		}
		for _, form := range []string{secret, url.QueryEscape(secret), url.PathEscape(secret), address} {
			require.NotContains(t, a.cleaned(errors.New("Post "+form+" failed")).Error(), secret)
		}
	})
}
