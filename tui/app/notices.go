package app

import (
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"ferry/engine"
	"ferry/themes"
	"ferry/tui/canvas"
	"ferry/tui/cure"
	"ferry/tui/feed"
	"ferry/tui/screen"
	"ferry/tui/widget"
)

const (
	noticeTime  = 8 * time.Second
	noticeLines = 3 // of one error; the rest of it is in the journal
)

// notices are what the console has to say. A word in passing goes by itself; an error stays until it is dismissed, and
// is counted.
type notices struct {
	said   string
	saidAt time.Time
	here   bool    // it is about the screen on which it was said, and goes with it
	errors []fault // oldest first
}

// fault is an error that is shown. If somebody else had changed the run, the next snapshot tells when.
type fault struct {
	text   string
	advice string
	run    engine.RunID    // whose change it was that stood in the way; 0: it was none, or it is dated
	seen   engine.RunState // the state that the operator saw
}

func (f fault) String() string {
	if f.advice == "" {
		return f.text
	}
	return f.text + " → " + f.advice
}

func (n *notices) say(now time.Time, text string) { n.said, n.saidAt, n.here = text, now, false }

// sayHere says what is of no use on another screen.
func (n *notices) sayHere(now time.Time, text string) {
	n.say(now, text)
	n.here = true
}

// turn is told when another screen comes.
func (n *notices) turn() {
	if n.here {
		n.said, n.here = "", false
	}
}

func (n *notices) fail(f fault) { n.errors = append(n.errors, f) }

// date adds to errors about a changed run how long ago that was, as soon as it is known.
func (n *notices) date(run *engine.RunView, now time.Time) {
	for i := range n.errors {
		f := &n.errors[i]
		if run == nil || f.run != run.ID || f.seen == run.State || run.Since.IsZero() {
			continue
		}
		if !strings.Contains(f.text, " ago") {
			f.text += ", " + widget.Ago(run.Since, now)
		}
		f.run = 0
	}
}

func (n *notices) expire(now time.Time) {
	if n.said != "" && now.Sub(n.saidAt) >= noticeTime {
		n.said = ""
	}
}

// dismiss takes away the newest error, or else the word in passing.
func (n *notices) dismiss() {
	if last := len(n.errors) - 1; last >= 0 {
		n.errors = n.errors[:last]
		return
	}
	n.said = ""
}

// outcome turns the end of a task into a notice.
func (m *Model) outcome(o feed.Outcome) {
	asked, then := m.pending[o.Doing].act, m.pending[o.Doing].then
	delete(m.pending, o.Doing)
	if then != nil {
		defer then(o.Err)
	}
	if o.Err == nil {
		m.notices.say(m.sight.Now, "✓ "+o.Done)
		for _, s := range m.screens {
			switch s := s.(type) {
			case screen.Selector:
				s.Changed()
			case screen.Discrepant:
				s.Changed()
			}
		}
		return
	}
	f := fault{text: o.Doing + ": not done: " + o.Err.Error(), advice: cure.ForError(o.Err)}
	if errors.Is(o.Err, engine.ErrStateChanged) {
		// Who changed it, and to what, is the news.
		f.text = o.Doing + ": not done: " + strings.TrimPrefix(o.Err.Error(), engine.ErrStateChanged.Error()+": ")
		f.run, f.seen = asked.Run, asked.Seen
	}
	m.notices.fail(f)
	if m.sight.Snapshot != nil {
		m.notices.date(m.sight.Snapshot.Run, m.sight.Now)
		m.notices.date(checkRun(m.sight.Snapshot), m.sight.Now)
	}
}

// noticeLines draws what there is to say: tasks under way, the newest error, the word in passing.
func (m *Model) noticeLines() []canvas.Line {
	var lines []canvas.Line
	for _, doing := range slices.Sorted(maps.Keys(m.pending)) {
		l := canvas.Of(themes.Info, " ◌ "+doing+" … ")
		lines = append(lines, *l.Put(themes.Muted, widget.Duration(m.sight.Now.Sub(m.pending[doing].since))))
	}
	if n := len(m.notices.errors); n > 0 {
		count := ""
		if n > 1 {
			count = strconv.Itoa(n) + " errors, the newest: "
		}
		tail := "  (" + m.keys.Key("back") + " dismisses)"
		wrapped := canvas.Wrap(themes.Bad, "✗ "+count+m.notices.errors[n-1].String(), m.width-2)
		wrapped = wrapped[:min(len(wrapped), noticeLines)]
		end := &wrapped[len(wrapped)-1]
		if room := m.width - 2 - len(tail); end.Width() > room {
			if len(wrapped) < noticeLines {
				wrapped = append(wrapped, canvas.Line{})
				end, tail = &wrapped[len(wrapped)-1], strings.TrimSpace(tail)
			} else {
				*end = end.Fit(room)
			}
		}
		end.Put(themes.Muted, tail)
		for _, w := range wrapped {
			l := canvas.Of(themes.Text, " ")
			lines = append(lines, *l.Add(w))
		}
	}
	if m.notices.said != "" {
		lines = append(lines, canvas.Of(themes.Info, " "+m.notices.said))
	}
	return lines
}
