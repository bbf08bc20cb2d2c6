package app

import (
	"fmt"

	"ferry/engine"
	"ferry/themes"
	"ferry/tui/canvas"
	"ferry/tui/keymap"
	"ferry/tui/sanitize"
	"ferry/tui/screen"
	"ferry/tui/status"
)

// footer names what can be done now: first what the screen offers, then what always counts. Help and the way out are
// there in any case; before them as much as there is room for.
func (m *Model) footer() canvas.Line {
	if line, ok := m.lineFooter(); ok {
		return line
	}
	var first, last []canvas.Line
	named := map[keymap.Action]bool{m.screens[m.current].Tab().Action: m.help == nil}
	add := func(to *[]canvas.Line, action keymap.Action, word string) {
		named[action] = true
		l := canvas.Of(themes.Text, " ")
		*to = append(*to, *l.Put(themes.Accent, m.keys.Key(action)).Put(themes.Muted, " "+word+" "))
	}
	if guide, ok := m.screens[m.current].(screen.Guide); ok && m.help == nil && m.sight.Snapshot != nil {
		for _, o := range guide.Offers() {
			if m.playable(o.Action) && m.refusal(o.Action) == "" {
				add(&first, o.Action, o.Word)
			}
		}
	}
	for _, b := range m.keys.Bindings() {
		switch {
		case !b.Footer || named[b.Action] || m.refusal(b.Action) != "":
		case b.Action == keymap.Help || b.Action == keymap.Quit:
			add(&last, b.Action, b.Short)
		default:
			add(&first, b.Action, m.short(b))
		}
	}
	return abreast(first, last, m.width)
}

// lineFooter names the keys of what has them all, a line of text or the choice of a theme; false says that nothing has.
func (m *Model) lineFooter() (canvas.Line, bool) {
	switch {
	case m.palette != nil, m.text() != nil:
		return m.told(keyWord{keymap.FieldAccept, "take it"}, keyWord{keymap.FieldClose, "leave it"}, keyWord{keymap.FieldClear, "erase all"}), true
	case m.picker != nil:
		return m.told(keyWord{keymap.Theme, "next"}, keyWord{keymap.Open, "keep it"}, keyWord{keymap.Back, "as it was"}), true
	}
	return canvas.Line{}, false
}

// keyWord is an action with the word for it in the footer.
type keyWord struct {
	action keymap.Action
	word   string
}

// told names keys and what they do.
func (m *Model) told(all ...keyWord) canvas.Line {
	var l canvas.Line
	for _, k := range all {
		l.Put(themes.Text, " ").Put(themes.Accent, m.keys.Key(k.action)).Put(themes.Muted, " "+k.word+" ")
	}
	return l
}

// abreast puts lines beside each other: the last ones in any case, before them as many as there is room for.
func abreast(first, last []canvas.Line, width int) canvas.Line {
	for i := range last {
		width -= last[i].Width()
	}
	var l canvas.Line
	for _, next := range first {
		if l.Width()+next.Width() > width {
			break
		}
		l.Add(next)
	}
	for _, next := range last {
		l.Add(next)
	}
	return l
}

// short is the word for an action as it would work now. If it is not about the run that the frame tells of, it names
// the run.
func (m *Model) short(b keymap.Binding) string {
	run, word := m.subject(), b.Short
	switch b.Action { //nolint:exhaustive // the others always have the same word
	case keymap.Init:
		if m.sight.State == status.SchemaOlder {
			word = "migrate"
		}
		return word
	case keymap.Start:
		if m.run() != nil && m.run().State.Active() {
			word = "in step"
		}
		return word
	case keymap.Pause:
		word = m.pauseWord(run)
		if m.aboutTicks(run) {
			return word
		}
	case keymap.Cancel:
		if run == nil || !run.State.Active() { // then it is about the check
			return word
		}
	default:
		return word
	}
	if last := m.run(); last == nil || run.ID != last.ID {
		word += fmt.Sprintf(" #%d", run.ID)
	}
	return word
}

// pauseWord is what the pause key is for now.
func (m *Model) pauseWord(run *engine.RunView) string {
	switch {
	case m.aboutTicks(run) && m.sight.Snapshot != nil && m.sight.Snapshot.Schedule.Paused():
		return "resume ticks"
	case run != nil && run.State.Resumable():
		return "resume"
	}
	return "pause"
}

// aboutTicks reports whether there is no run to pause or to resume, so that pausing is about the ticks.
func (m *Model) aboutTicks(run *engine.RunView) bool {
	return run == nil || (!run.State.Active() && !run.State.Resumable())
}

// helpLines is the whole keymap, with the reasons why something cannot be done now, and the signs of all states.
func (m *Model) helpLines() []canvas.Line {
	var lines []canvas.Line
	section := keymap.Scope("")
	titles := map[keymap.Scope]string{keymap.Forms: " in a question", keymap.Fields: " where addresses are edited"}
	for _, b := range m.keys.Bindings() {
		if b.Scope == keymap.Replays && m.config.Replay == nil {
			continue
		}
		if title := titles[b.Scope]; title != "" && section != b.Scope {
			lines = append(lines, canvas.Line{}, canvas.Of(themes.Title, title))
		}
		section = b.Scope
		l := canvas.Of(themes.Text, " ")
		l.Put(themes.Accent, sanitize.Pad(b.AllKeys(), helpKeys))
		texts := canvas.Wrap(themes.Text, b.Long, m.width-helpKeys-3)
		if reason := m.refusal(b.Action); reason != "" {
			texts = append(texts, canvas.Wrap(themes.Muted, "not now: "+reason, m.width-helpKeys-3)...)
		}
		for _, text := range texts {
			l.To(helpKeys + 2)
			lines = append(lines, *l.Add(text))
			l = canvas.Line{}
		}
	}
	lines = append(lines, canvas.Line{}, canvas.Of(themes.Title, " signs"))
	var l canvas.Line
	for _, s := range status.All() {
		sign := s.Sign()
		next := canvas.Of(sign.Role, " "+sign.Glyph+" "+sign.Word+" ")
		if l.Width()+next.Width() > m.width {
			lines, l = append(lines, l), canvas.Line{}
		}
		l.Add(next)
	}
	return append(lines, l)
}
