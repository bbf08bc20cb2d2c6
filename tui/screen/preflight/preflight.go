// Package preflight is the screen that answers one question: may a sync begin? It looks when it is opened, and again on
// request; the forecast of what the rules would reject reads the whole source, so it is only made when asked for, and
// stops when the operator wants.
package preflight

import (
	"context"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"ferry/engine"
	"ferry/themes"
	"ferry/tui/canvas"
	"ferry/tui/checks"
	"ferry/tui/cure"
	"ferry/tui/feed"
	"ferry/tui/keymap"
	"ferry/tui/screen"
	"ferry/tui/widget"
)

const (
	lookLimit      = time.Minute // the engine has limits of its own; this one is against a hang
	forecastPrefix = "forecast"
	price          = "reads the whole source once, in short transactions"
)

// Inspector is what the screen asks; an engine.Operator is one.
type Inspector interface {
	// Preflight looks at every precondition, and makes the forecast if it is wanted.
	Preflight(ctx context.Context, forecast bool) (engine.Preflight, error)
}

// Preflight is the screen.
type Preflight struct {
	inspector Inspector
	reading   feed.Reading
	sight     screen.Sight
	width     int
	height    int
	scroll    screen.Scroll

	wanted   bool // the operator has come, or wants to look again
	looked   feed.Shelf[engine.Preflight]
	forecast feed.Shelf[engine.Preflight]
	stopped  bool // the last forecast was stopped
}

var (
	_ screen.Reader = (*Preflight)(nil)
	_ screen.Guide  = (*Preflight)(nil)
)

// New makes the screen.
func New(inspector Inspector, reading feed.Reading) *Preflight {
	return &Preflight{inspector: inspector, reading: reading}
}

// Tab names the screen.
func (p *Preflight) Tab() screen.Tab {
	return screen.Tab{Action: keymap.Preflight, Short: "Preflight", Long: "Preflight", Aside: true}
}

// SetSize says how much room there is.
func (p *Preflight) SetSize(width, height int) { p.width, p.height = width, height }

// See takes what there is to see.
func (p *Preflight) See(sight screen.Sight) { p.sight = sight }

// Do looks again, makes or stops the forecast, and moves.
func (p *Preflight) Do(action keymap.Action) (tea.Cmd, bool) {
	switch action { //nolint:exhaustive // the others are movements, or not for this screen
	case keymap.Preflight, keymap.Recheck:
		p.wanted = true
		return nil, true
	case keymap.Forecast:
		p.stopped = false
		return p.forecast.Fetch(p.sight.Now, p.reading, 0, func(ctx context.Context) (engine.Preflight, error) {
			return p.inspector.Preflight(ctx, true)
		}), true
	case keymap.Back:
		if p.forecast.Waiting() {
			p.forecast.Drop()
			p.stopped = true
			return nil, true
		}
		return nil, false
	}
	return nil, p.scroll.Do(action)
}

// Fetch looks if that is wanted.
func (p *Preflight) Fetch() tea.Cmd {
	if !p.wanted || p.sight.Snapshot == nil {
		return nil
	}
	p.wanted = false
	return p.looked.Fetch(p.sight.Now, p.reading, lookLimit, func(ctx context.Context) (engine.Preflight, error) {
		return p.inspector.Preflight(ctx, false)
	})
}

// Take takes an answer.
func (p *Preflight) Take(msg tea.Msg) bool {
	return p.looked.Take(p.sight.Now, msg) || p.forecast.Take(p.sight.Now, msg)
}

// Offers lists what the footer names.
func (p *Preflight) Offers() []screen.Offer {
	var offers []screen.Offer
	for _, o := range []screen.Offer{{Action: keymap.Recheck, Word: "look again"}, {Action: keymap.Forecast, Word: "forecast"}} {
		if p.Refusal(o.Action) == "" {
			offers = append(offers, o)
		}
	}
	word := "back"
	if p.forecast.Waiting() {
		word = "stop the forecast"
	}
	return append(offers, screen.Offer{Action: keymap.Back, Word: word})
}

// Refusal says why an action of this screen cannot be taken now.
func (p *Preflight) Refusal(action keymap.Action) string {
	switch {
	case action == keymap.Retry:
		return "open a run and select a batch first"
	case action == keymap.Recheck && p.looked.Waiting():
		return "looking already"
	case action == keymap.Forecast && p.forecast.Waiting():
		return "the forecast is being made"
	case action == keymap.Forecast && p.looked.Known && p.looked.Value.Failed():
		return "no forecast before what fails is cured"
	case action == keymap.Forecast && !p.looked.Known:
		return "the preconditions are not known yet"
	}
	return ""
}

// Lines draws the screen.
func (p *Preflight) Lines() []canvas.Line {
	if p.sight.Snapshot == nil {
		return nil
	}
	top := append(p.summary(), canvas.Line{})
	return append(top, p.scroll.Window(p.body(), max(1, p.height-len(top)))...)
}

// all are the newest lines about the preconditions: a forecast looks at them too.
func (p *Preflight) all() (lines engine.Preflight, at time.Time) {
	if p.forecast.Known && p.forecast.At.After(p.looked.At) {
		return split(p.forecast.Value, false), p.forecast.At
	}
	return p.looked.Value, p.looked.At
}

// split takes the lines of the forecast out, or keeps only those: they stand under a title that says what they are.
func split(lines engine.Preflight, forecast bool) engine.Preflight {
	var out engine.Preflight
	for _, l := range lines {
		name, is := strings.CutPrefix(l.Name, forecastPrefix)
		if is == forecast {
			l.Name = strings.TrimPrefix(name, ": ")
			out = append(out, l)
		}
	}
	return out
}

// summary is the sentence on top, with the time of the look.
func (p *Preflight) summary() []canvas.Line {
	now := p.sight.Now
	lines, at := p.all()
	if p.looked.Known {
		text, role := checks.Summary(lines)
		right := canvas.Of(themes.Muted, "looked "+widget.When(at, now)+" ")
		if p.looked.Waiting() {
			right = canvas.Of(themes.Info, "◌ looking again "+widget.Duration(now.Sub(p.looked.Asked))+" ")
		}
		out := canvas.Wrap(role, text, max(20, p.width-right.Width()-3))
		for i := range out {
			l := canvas.Of(themes.Text, " ")
			out[i] = *l.Add(out[i])
		}
		out[0] = out[0].Fit(max(0, p.width-right.Width()))
		out[0].Add(right)
		return append(out, p.fault("the preconditions could not be looked at again", p.looked.Err)...)
	}
	if p.looked.Err != nil && !p.looked.Waiting() {
		return p.fault("the preconditions could not be looked at", p.looked.Err)
	}
	l := canvas.Of(themes.Info, " ◌ looking at both databases ")
	if p.looked.Waiting() {
		l.Put(themes.Muted, widget.Duration(now.Sub(p.looked.Asked)))
	}
	return []canvas.Line{l}
}

func (p *Preflight) body() []canvas.Line {
	if !p.looked.Known {
		return nil
	}
	all, _ := p.all()
	lines := append(checks.Lines(all, p.width), canvas.Line{}, p.forecastTitle())
	lines = append(lines, p.fault("the forecast could not be made", p.forecast.Err)...)
	return append(lines, checks.Lines(split(p.forecast.Value, true), p.width)...)
}

// forecastTitle says what the forecast is, or how it stands.
func (p *Preflight) forecastTitle() canvas.Line {
	now := p.sight.Now
	l := canvas.Of(themes.Title, " forecast")
	l.Put(themes.Text, "  ")
	switch {
	case p.forecast.Waiting():
		l.Put(themes.Info, "◌ reading the whole source, "+widget.Duration(now.Sub(p.forecast.Asked)))
		return *l.Put(themes.Muted, "; "+p.sight.Keys.Key(keymap.Back)+" stops it")
	case len(split(p.forecast.Value, true)) > 0:
		l.Put(themes.Muted, "of "+widget.When(p.forecast.At, now)+": what the rules would do")
		if p.stopped {
			l.Put(themes.Warn, "; a newer one was stopped")
		}
		return l
	case p.Refusal(keymap.Forecast) != "":
		return *l.Put(themes.Muted, p.Refusal(keymap.Forecast))
	case p.stopped:
		l.Put(themes.Warn, "stopped; ")
	}
	return *l.Put(themes.Accent, p.sight.Keys.Key(keymap.Forecast)).Put(themes.Muted, " "+price)
}

func (p *Preflight) fault(what string, err error) []canvas.Line {
	if err == nil {
		return nil
	}
	var lines []canvas.Line
	add := func(role themes.Role, text string) {
		for _, l := range canvas.Wrap(role, text, max(10, p.width-2)) {
			line := canvas.Of(themes.Text, " ")
			lines = append(lines, *line.Add(l))
		}
	}
	add(themes.Bad, "✗ "+what+": "+err.Error())
	if advice := cure.ForError(err); advice != "" {
		add(themes.Info, "→ "+advice)
	}
	add(themes.Muted, p.sight.Keys.Key(keymap.Recheck)+" looks again")
	return lines
}
