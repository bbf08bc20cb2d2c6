package app

import (
	"maps"
	"slices"
	"strconv"
	"time"

	"ferry/themes"
	"ferry/tui/canvas"
	"ferry/tui/cure"
	"ferry/tui/feed"
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
	errors []string // oldest first
}

func (n *notices) say(now time.Time, text string) { n.said, n.saidAt = text, now }

func (n *notices) fail(text string) { n.errors = append(n.errors, text) }

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
	delete(m.pending, o.Doing)
	if o.Err == nil {
		m.notices.say(m.sight.Now, "✓ "+o.Done)
		return
	}
	text := o.Doing + ": not done: " + o.Err.Error()
	if advice := cure.ForError(o.Err); advice != "" {
		text += " → " + advice
	}
	m.notices.fail(text)
}

// noticeLines draws what there is to say: tasks under way, the newest error, the word in passing.
func (m *Model) noticeLines() []canvas.Line {
	var lines []canvas.Line
	for _, doing := range slices.Sorted(maps.Keys(m.pending)) {
		l := canvas.Of(themes.Info, " ◌ "+doing+" … ")
		lines = append(lines, *l.Put(themes.Muted, widget.Duration(m.sight.Now.Sub(m.pending[doing]))))
	}
	if n := len(m.notices.errors); n > 0 {
		count := ""
		if n > 1 {
			count = strconv.Itoa(n) + " errors, the newest: "
		}
		tail := "  (" + m.keys.Key("back") + " dismisses)"
		wrapped := canvas.Wrap(themes.Bad, "✗ "+count+m.notices.errors[n-1], m.width-2)
		wrapped = wrapped[:min(len(wrapped), noticeLines)]
		end := &wrapped[len(wrapped)-1]
		if room := m.width - 2 - len(tail); end.Width() > room {
			*end = end.Fit(room)
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
