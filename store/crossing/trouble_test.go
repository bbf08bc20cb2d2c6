package crossing_test

import (
	"sync"
	"time"

	"ferry/engine/cycle"
)

// trouble is what a network does to the sessions between a ferry and a database. toxiproxy would do for some of it, but it
// brings a metrics server and a dozen modules along, and behind any proxy the system itself acknowledges every byte: ferry
// could never find out by itself that nobody is there. So here packets are dropped as well, before they are acknowledged
// (drop_linux_test.go); elsewhere they are only held.
type trouble struct {
	name  string
	cut   bool          // sessions are reset, new ones too
	up    bool          // what ferry sends gets lost
	down  bool          // what it is sent gets lost
	kept  bool          // not lost, but held by something in between that acknowledges it
	old   bool          // only that of the sessions that there are, and for good
	delay time.Duration // each way
}

// troubles are all that may happen.
var troubles = []trouble{
	{name: "cut", cut: true},
	blackHole,
	{name: "half-open, ferry is not heard", up: true},
	{name: "half-open, ferry hears nothing", down: true},
	{name: "a hanging proxy", up: true, down: true, kept: true},
	{name: "latency", delay: 40 * time.Millisecond},
}

// blackHole swallows everything and says nothing.
var blackHole = trouble{name: "black hole", up: true, down: true}

// befall does to a line what the trouble does.
func (x trouble) befall(l *line) {
	switch {
	case l.forgotten:
		return
	case x.cut:
		reset(l.client)
		l.close()
		return
	}
	l.forgotten = x.old
	l.up.set(x.up, x.delay)
	l.down.set(x.down, x.delay)
	drop(l.client, x.up && !x.kept)
	dropAtPeer(l.client, x.down && !x.kept)
	drop(l.server, x.up && x.down && !x.kept) // for the server there is no half of it: who hears it is not ferry
}

// strike brings trouble upon all sessions, those that there are and those to come.
func (w *wire) strike(x trouble) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !x.old {
		w.now = x
		drop(w.listener, x.up && !x.kept)
	}
	for l := range w.open {
		x.befall(l)
	}
}

// heal ends all trouble. Sessions that somebody remembers at both ends go on.
func (w *wire) heal() { w.strike(trouble{}) }

// moment is when something happens: the next time but some that a batch comes by a point.
type moment struct {
	mu     sync.Mutex
	at     cycle.Point
	skip   int
	late   bool // a message that is on its way is let through before
	happen func()
	came   chan struct{}
}

// next says what happens when; the channel is closed once it has.
func (m *moment) next(at cycle.Point, skip int, late bool, happen func()) <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.at, m.skip, m.late, m.happen, m.came = at, skip, late, happen, make(chan struct{})
	return m.came
}

// reached is for a ferry to call.
func (m *moment) reached(p cycle.Point) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.happen == nil || p != m.at {
		return
	}
	if m.skip > 0 {
		m.skip--
		return
	}
	m.happen()
	m.happen = nil
	close(m.came)
}

// watch is for the wire to the engine database, which alone sees that a commit has been sent. Its answer is not to come
// before the trouble does; but a session that is ended must have sent it.
func (m *moment) watch(session *sessionState, kind byte, body []byte, forward func() error) error {
	if !session.commits(kind, body) {
		return forward()
	}
	m.mu.Lock()
	late := m.late
	m.mu.Unlock()
	if late {
		err := forward()
		m.reached(cycle.PointCommitSent)
		return err
	}
	m.reached(cycle.PointCommitSent)
	return forward()
}
