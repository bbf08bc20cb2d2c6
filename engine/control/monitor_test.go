package control_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ferry/engine"
	"ferry/engine/control"
	"ferry/engine/monitor"
	"ferry/store/embedded/pgtest"
	"ferry/store/notify"
)

// scripted is a channel that does what a test says.
type scripted struct {
	name string
	send func(context.Context, monitor.Message) error

	mu  sync.Mutex
	got []monitor.Message
}

func (c *scripted) Name() string { return c.name }

func (c *scripted) Send(ctx context.Context, m monitor.Message) error {
	c.mu.Lock()
	c.got = append(c.got, m)
	c.mu.Unlock()
	if c.send == nil {
		return nil
	}
	return c.send(ctx, m)
}

func (c *scripted) messages() []monitor.Message {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.got)
}

// beside opens another process on the same two databases.
func (b *bundle) beside(t *testing.T, id string, channels ...monitor.Channel) *control.Control {
	t.Helper()
	reader := pgtest.Role(t, b.source.DB, "", "GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}")
	ledger := b.ledger
	defer func() { b.ledger = ledger }()
	return b.openWith(t, reader.DSN, b.target.DSN, func(c *control.Config) {
		c.Process.ID, c.Channels = id, channels
	})
}

// firing waits until an alert of a rule is open.
func (b *bundle) firing(t *testing.T, rule string) engine.AlertView {
	t.Helper()
	var out engine.AlertView
	b.until(t, rule+" fires", func(s *engine.Snapshot) bool {
		for _, a := range s.Monitor.Firing {
			if a.Rule == rule {
				out = a
				return true
			}
		}
		return false
	})
	return out
}

// TestWhatACycleLeavesIsToldOnceByWhoHasAChannel: two processes judge, one of them has a channel.
func TestWhatACycleLeavesIsToldOnceByWhoHasAChannel(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	channel := &scripted{name: "slack"}
	b.beside(t, "second", channel)
	require.Eventually(t, func() bool { return one(t, b.target, `SELECT count(*)::text FROM ferry.channel`) == "1" }, limit, 20*time.Millisecond)
	done(t, b.full(t)) // two in five cards of the dump have no partner
	a := b.firing(t, monitor.RuleRejected)
	require.Equal(t, "loyalty_card", a.Entity)
	require.Contains(t, a.Text, "of loyalty_card are rejected (limit 1 %)")
	require.Contains(t, a.Text, "card.partner_missing")
	for range 3 {
		done(t, b.tick(t))
	}
	require.Eventually(t, func() bool {
		return one(t, b.target, `SELECT count(*)::text FROM ferry.delivery WHERE state <> 'sent'`) == "0"
	}, limit, 20*time.Millisecond)
	seen := map[monitor.Key]int{}
	for _, m := range channel.messages() {
		seen[m.Key]++
		require.Equal(t, monitor.Firing, m.Kind)
		require.NotEmpty(t, m.Where)
	}
	require.Equal(t, 1, seen[monitor.Key{Rule: monitor.RuleRejected, Entity: "loyalty_card"}])
	alerts, err := b.Alerts(t.Context(), 0, 100)
	require.NoError(t, err)
	require.Len(t, alerts, len(channel.messages()), "each alert once")
	levels := b.Snapshot().Monitor.Levels
	require.True(t, slices.ContainsFunc(levels, func(l engine.LevelView) bool {
		return l.Name == "rejected share" && l.Entity == "loyalty_card" && l.State == engine.LevelAlert
	}), "%+v", levels)
	require.True(t, slices.ContainsFunc(levels, func(l engine.LevelView) bool {
		return l.Name == "source transactions" && l.State == engine.LevelKept
	}), "ferry sees its own transactions: %+v", levels)
}

func TestWithoutAChannelAlertsAreKeptAndShown(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	done(t, b.full(t))
	a := b.firing(t, monitor.RuleRejected)
	require.Zero(t, a.Pending)
	tested, err := b.TestAlerts(t.Context(), engine.Act{})
	require.NoError(t, err)
	require.Empty(t, tested)
}

// TestWhoeverIsStoppedWhileItSendsLeavesTheMessageToOthers: the receiver has it, and nobody could keep that.
func TestWhoeverIsStoppedWhileItSendsLeavesTheMessageToOthers(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	arrived := make(chan struct{})
	var once sync.Once
	dying := &scripted{name: "slack", send: func(ctx context.Context, _ monitor.Message) error {
		once.Do(func() { close(arrived) })
		<-ctx.Done() // the message has arrived, the answer never comes
		return ctx.Err()
	}}
	first := b.beside(t, "first", dying)
	require.Eventually(t, func() bool { return one(t, b.target, `SELECT count(*)::text FROM ferry.channel`) == "1" }, limit, 20*time.Millisecond)
	done(t, b.full(t))
	<-arrived
	stop, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	require.NoError(t, first.Stop(stop))
	lost := dying.messages()[0]
	require.Equal(t, "pending", one(t, b.target, `SELECT state FROM ferry.delivery WHERE id = $1`, lost.Delivery))
	b.target.Exec(t, `UPDATE ferry.delivery SET next_at = clock_timestamp()`) // its lease is over
	living := &scripted{name: "slack"}
	b.beside(t, "second", living)
	require.Eventually(t, func() bool {
		return slices.ContainsFunc(living.messages(), func(m monitor.Message) bool { return m.Delivery == lost.Delivery && m.Text == lost.Text })
	}, limit, 20*time.Millisecond)
}

// moody is a receiver at one address whose moods a test changes.
type moody struct {
	mu     sync.Mutex
	mood   string
	bodies []string // of what it took
	tries  map[string]int
	server *httptest.Server
	at     string
}

func (m *moody) set(t *testing.T, mood string) {
	t.Helper()
	m.mu.Lock()
	m.mood = mood
	old := m.server
	m.server = nil
	m.mu.Unlock()
	if old != nil {
		old.CloseClientConnections()
		old.Close()
	}
	if mood == "refuse" {
		return
	}
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", m.at)
	require.NoError(t, err)
	server := &httptest.Server{Listener: listener, Config: &http.Server{Handler: m, ReadHeaderTimeout: time.Minute}}
	server.Start()
	m.mu.Lock()
	m.server = server
	m.mu.Unlock()
}

func (m *moody) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	text, _ := io.ReadAll(r.Body)
	m.mu.Lock()
	mood := m.mood
	m.tries[mood]++
	if mood == "well" {
		m.bodies = append(m.bodies, string(text))
	}
	m.mu.Unlock()
	switch mood {
	case "fail":
		w.WriteHeader(http.StatusInternalServerError)
	case "hang":
		<-r.Context().Done()
	}
}

func (m *moody) tried(mood string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.tries[mood]
}

// TestAnOutageOfTheReceiverLosesNoMessage: it refuses connections, then fails, then hangs, then is well again.
func TestAnOutageOfTheReceiverLosesNoMessage(t *testing.T) {
	t.Parallel()
	free, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	m := &moody{at: free.Addr().String(), tries: map[string]int{}}
	require.NoError(t, free.Close())
	channels, err := notify.Open([]string{"generic+http://" + m.at + "/hunter2canary", "alertmanager+http://" + m.at + "?t=hunter2canary"})
	require.NoError(t, err)
	b := setup(t, odooDump)
	b.beside(t, "sender", channels...)
	require.Eventually(t, func() bool { return one(t, b.target, `SELECT count(*)::text FROM ferry.channel`) == "2" }, limit, 20*time.Millisecond)
	m.set(t, "refuse")
	done(t, b.full(t))
	b.firing(t, monitor.RuleRejected)
	hurry := func(what string, until func() bool) {
		require.Eventually(t, func() bool {
			b.target.Exec(t, `UPDATE ferry.delivery SET next_at = clock_timestamp() WHERE state = 'pending' AND error <> '' AND next_at > clock_timestamp()
				AND next_at < clock_timestamp() + interval '16 seconds'`) // those that wait, not those that somebody sends
			return until()
		}, 2*time.Minute, 50*time.Millisecond, what)
	}
	failedWith := func(text string) func() bool {
		return func() bool {
			return one(t, b.target, `SELECT count(*)::text FROM ferry.delivery WHERE error LIKE '%' || $1 || '%'`, text) != "0"
		}
	}
	hurry("refused", failedWith("refused"))
	m.set(t, "fail")
	hurry("answered 500", failedWith("500"))
	m.set(t, "hang")
	hurry("no answer", func() bool { return m.tried("hang") >= 2 })
	require.Equal(t, "0", one(t, b.target, `SELECT count(*)::text FROM ferry.delivery WHERE state <> 'pending'`))
	m.set(t, "well")
	b.target.Exec(t, `UPDATE ferry.delivery SET next_at = least(next_at, clock_timestamp() + interval '15 seconds'), error = 'cut off'`)
	hurry("all through", func() bool {
		return one(t, b.target, `SELECT count(*)::text FROM ferry.delivery WHERE state <> 'sent'`) == "0"
	})
	m.set(t, "refuse")
	wanted := rows(t, b.target, `SELECT id::text FROM ferry.delivery`)
	require.NotEmpty(t, wanted)
	for _, id := range wanted {
		require.True(t, slices.ContainsFunc(m.bodies, func(body string) bool {
			return strings.Contains(body, "message "+id) || strings.Contains(body, `"message":"`+id+`"`)
		}), "message %s was lost", id)
	}
	require.LessOrEqual(t, len(m.bodies), len(wanted)+2, "what was under way when it changed may come twice")
	require.NotContains(t, strings.Join(rows(t, b.target, `SELECT d::text || a::text FROM ferry.delivery d, ferry.alert a`), ""), "canary")
}

func TestATestGoesThroughEveryChannelAtOnceAndSaysWhatBecameOfIt(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	well := &scripted{name: "slack"}
	k := b.beside(t, "tester", well, &scripted{name: "mail", send: func(context.Context, monitor.Message) error {
		return errors.New("refused at postgres://u:hunter2@h")
	}})
	tested, err := k.TestAlerts(t.Context(), engine.Act{Reason: "drill"})
	require.NoError(t, err)
	require.Equal(t, []string{"slack", "mail"}, []string{tested[0].Channel, tested[1].Channel})
	require.False(t, tested[0].SentAt.IsZero())
	require.Empty(t, tested[0].Error)
	require.True(t, tested[1].SentAt.IsZero())
	require.Equal(t, "refused at postgres://u:***@h", tested[1].Error)
	require.Equal(t, monitor.Test, well.messages()[0].Kind)
}
