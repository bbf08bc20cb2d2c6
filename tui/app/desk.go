package app

import (
	"context"
	"fmt"

	tea "github.com/charmbracelet/bubbletea"

	"ferry/engine"
	"ferry/tui/screen"
	"ferry/tui/widget"
)

// selection is what is selected of quarantine, or nil.
func (m *Model) selection() *screen.Selection {
	if s, ok := m.screens[m.current].(screen.Selector); ok {
		return s.Selected()
	}
	return nil
}

// group are rows of quarantine that an action can be about.
type group struct {
	name  string // "the 3 marked rows"
	which engine.QuarantineSelection
	open  int64 // of them, not waived, as far as the screen knows
	kept  int64 // of them, waived
}

// groups lists them, the narrowest first: the marked ones, else the one under the cursor; then all for the reason.
func groups(s *screen.Selection) []group {
	var out []group
	entity, reason := s.Reason.Entity, s.Reason.Reason
	switch n := int64(len(s.Marked)); {
	case s.All && len(s.Filter) > 0:
		return []group{filtered(s)}
	case s.All:
	case n > 0:
		name := "the marked row"
		if n > 1 {
			name = "the " + widget.Count(n) + " marked rows"
		}
		out = append(out, group{name, engine.QuarantineSelection{Entity: entity, Reason: reason, IDs: s.Marked}, n, n})
	case s.Row != nil:
		g := group{fmt.Sprintf("row %d", s.Row.ID), engine.QuarantineSelection{Entity: entity, Reason: reason, IDs: []int64{s.Row.ID}}, 1, 0}
		if s.Row.WaivedBy != "" {
			g.open, g.kept = 0, 1
		}
		out = append(out, g)
	}
	if len(s.Filter) > 0 {
		out = append(out, filtered(s))
	}
	name := "all " + widget.Plural(s.Reason.Rows, "row", "rows")
	return append(out, group{
		name, engine.QuarantineSelection{Entity: entity, Reason: reason}, s.Reason.Rows - s.Reason.Waived, s.Reason.Waived,
	})
}

// filtered are the rows that fit the filter. How many of them are waived is not known.
func filtered(s *screen.Selection) group {
	name := "all rows that fit " + s.Filter.String()
	if s.Fit.Known {
		name = "the " + widget.Plural(s.Fit.Value, "row that fits ", "rows that fit ") + s.Filter.String()
	}
	which := engine.QuarantineSelection{Entity: s.Reason.Entity, Reason: s.Reason.Reason, Filter: s.Filter}
	return group{name, which, 1, 1}
}

// askRetryRows asks which rows are to be read again. The first choice does so: reading a row again harms nothing.
func (m *Model) askRetryRows(s *screen.Selection) {
	var items []option
	for _, g := range groups(s) {
		doing := "retry " + g.name + " of " + s.Title
		items = append(items, choice("Retry "+g.name, func(reason string) tea.Cmd {
			act := engine.Act{Reason: reason}
			return m.perform(doing, act, func(ctx context.Context) (string, error) {
				n, err := m.config.Operator.RetryQuarantine(ctx, g.which, act)
				return widget.Plural(n, "row is", "rows are") + " read again by the next tick", err
			})
		}))
	}
	m.ask(widget.Form{
		Title: "Retry " + s.Title + "?",
		Text:  []string{"The rows are read from the source again, at once if no run is active; what is valid by now is loaded."},
		Ask:   "reason (optional)", Hint: m.hint(true),
	}, append(items, choice("Cancel", nil))...)
}

// askWaive asks which rows may stay in quarantine, and why; or which are to be counted again.
func (m *Model) askWaive(s *screen.Selection) {
	items := []option{about("Cancel", "change nothing", nil)}
	for _, g := range groups(s) {
		if g.open > 0 {
			items = append(items, m.waiveOption(s, g, false))
		}
	}
	for _, g := range groups(s) {
		if g.kept > 0 {
			items = append(items, m.waiveOption(s, g, true))
		}
	}
	text := []string{"A waived row stays in quarantine with your note, and is no longer counted as rejected."}
	if s.Row != nil && s.Row.WaivedBy != "" {
		text = append(text, fmt.Sprintf("Row %d was waived by %s: %s", s.Row.ID, s.Row.WaivedBy, s.Row.WaivedNote))
	}
	m.ask(widget.Form{Title: "Waive " + s.Title + "?", Text: text, Ask: "note", Hint: m.hint(true)}, items...)
}

func (m *Model) waiveOption(s *screen.Selection, g group, again bool) option {
	name, line, done, needs := "waive "+g.name, "they may stay", "no longer counted as rejected", "Waiving needs a note: type why they may stay."
	if again {
		name, line, done, needs = "count "+g.name, "as rejected again", "counted as rejected again", ""
	}
	switch all := len(g.which.IDs) == 0 && len(g.which.Filter) == 0; {
	case all && again:
		line = "as rejected again: " + widget.Count(g.kept) + " are waived"
	case all && g.kept > 0:
		line = widget.Count(g.open) + " are not waived yet"
	}
	o := about(name, line, func(note string) tea.Cmd {
		act := engine.Act{Reason: note}
		return m.perform(name+" of "+s.Title, act, func(ctx context.Context) (string, error) {
			n, err := m.config.Operator.Waive(ctx, g.which, act, again)
			return widget.Plural(n, "row is", "rows are") + " " + done, err
		})
	})
	o.needs = needs
	return o
}

// askSwitch asks what a rule is to do with rows that break it.
func (m *Model) askSwitch(s *screen.Selection) {
	rule := s.Rule
	items := []option{about("Cancel", "it stays at "+rule.Severity, nil)}
	for _, severity := range []struct{ name, about string }{
		{"reject", "such rows go to quarantine"},
		{"warn", "such rows are loaded, and counted"},
		{"off", "such rows are loaded, and not counted"},
	} {
		if severity.name == rule.Severity {
			continue
		}
		line := severity.about
		if severity.name == rule.Default {
			line += "; the default"
		}
		items = append(items, about(severity.name, line, func(reason string) tea.Cmd {
			act := engine.Act{Reason: reason}
			return m.perform("set "+rule.Name+" to "+severity.name, act, func(ctx context.Context) (string, error) {
				return rule.Name + " is " + severity.name + " from the next run on", m.config.Operator.SetRule(ctx, rule.Name, severity.name, act)
			})
		}))
	}
	m.ask(widget.Form{
		Title: "Rule " + rule.Name + ": now " + rule.Severity,
		Text:  []string{"It finds fault with a row if " + rule.Why + ".", "The next run reads every row once."},
		Ask:   "reason (optional)", Hint: m.hint(true),
	}, items...)
}
