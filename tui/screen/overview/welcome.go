package overview

import (
	"time"

	"ferry/engine"
	"ferry/engine/redact"
	"ferry/themes"
	"ferry/tui/canvas"
	"ferry/tui/cure"
	"ferry/tui/keymap"
	"ferry/tui/status"
	"ferry/tui/widget"
)

// welcome is shown while there are no figures: it says what is missing, and what to do.
func (o *Overview) welcome() []canvas.Line {
	address := o.sight.Snapshot.Target.Address
	var what, then, offer string
	keys := o.sight.Keys.Key(keymap.Init) + " or " + o.sight.Keys.Key(keymap.Open)
	switch o.sight.State { //nolint:exhaustive // the others have figures
	case status.NotInitialised:
		what = "The engine database " + address + " is not initialised: it has no ferry schema yet."
		then = "Initialising makes the schema there, and the engine's tables where they are absent. It changes nothing in " +
			"the source, and doing it twice does no harm."
		offer = keys + " initialises here;  `ferry init` does the same from a shell"
	case status.SchemaOlder:
		what = "The engine database " + address + " was initialised by an older ferry."
		then = "Migrating brings its ferry schema to this program's version. Loaded rows stay as they are."
		offer = keys + " migrates here;  `ferry init` does the same from a shell"
	case status.SchemaNewer:
		what = "The engine database " + address + " was initialised by a newer ferry than this one."
		then = "This program would misread it, so it only looks on. Use the newer ferry."
	default:
		what = "Reading the state of both databases."
	}
	var lines []canvas.Line
	add := func(role themes.Role, text string) {
		if text == "" {
			return
		}
		for _, l := range canvas.Wrap(role, text, min(o.width-4, 100)) {
			line := canvas.Of(themes.Text, "  ")
			lines = append(lines, *line.Add(l))
		}
		lines = append(lines, canvas.Line{})
	}
	lines = append(lines, canvas.Line{})
	add(themes.Title, what)
	add(themes.Text, then)
	if offer != "" {
		add(themes.Accent, widget.Cursor+offer)
	}
	lines = append(lines, o.endpoints()...)
	hint := labelled("", []canvas.Line{canvas.Of(themes.Muted, o.sight.Keys.Key(keymap.Preflight)+" looks at every precondition")})
	return append(append(lines, canvas.Line{}), hint...)
}

// endpoints tells how each database is reached, or why it is not.
func (o *Overview) endpoints() []canvas.Line {
	s := o.sight.Snapshot
	return append(o.endpoint("source", s.Source), o.endpoint(string(engine.SideTarget), s.Target)...)
}

// outage tells how both databases are reached while one of them does not answer, and what the operator may do.
func (o *Overview) outage() []canvas.Line {
	key := o.sight.Keys.Key
	l := canvas.Of(themes.Accent, key(keymap.Connect))
	l.Put(themes.Muted, " edits the addresses;  ").Put(themes.Accent, key(keymap.Preflight)).Put(themes.Muted, " looks at every precondition")
	return append(o.endpoints(), labelled("", []canvas.Line{l})...)
}

func (o *Overview) endpoint(label string, e engine.Endpoint) []canvas.Line {
	width := o.width - labelColumn - 1
	address := redact.Text(e.Address)
	if address == "" {
		address = "no address configured"
	}
	l := canvas.Of(themes.Title, address+"  ")
	if !e.Down() {
		switch {
		case e.Version != "":
			l.Put(themes.OK, "✓ PostgreSQL "+e.Version)
		default:
			l.Put(themes.Muted, "not reached yet")
		}
		if e.ReadOnly {
			l.Put(themes.Muted, ", read-only")
		}
		if e.Insecure {
			l.Put(themes.Warn, ", TLS not verified")
		}
		return labelled(label, []canvas.Line{l})
	}
	l.Put(themes.Bad, "◆ unreachable "+widget.Duration(o.sight.Now.Sub(e.DownSince)))
	if left := e.NextTry.Sub(o.sight.Now); left >= time.Second {
		l.Put(themes.Muted, ", next try in "+widget.Duration(left))
	} else {
		l.Put(themes.Muted, ", trying now")
	}
	lines := []canvas.Line{l}
	fault := redact.Text(cure.Cause(e.Err))
	if fault != "" {
		lines = append(lines, clip(canvas.Wrap(themes.Bad, fault, width), 3)...)
	}
	if advice := cure.For(e.Err); advice != "" {
		lines = append(lines, canvas.Wrap(themes.Info, "→ "+advice, width)...)
	}
	return labelled(label, lines)
}
