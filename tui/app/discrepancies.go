package app

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"ferry/engine"
	"ferry/engine/check"
	"ferry/tui/keymap"
	"ferry/tui/sanitize"
	"ferry/tui/screen"
	"ferry/tui/widget"
)

const day = 24 * time.Hour

// finder is the screen on which repairs are planned, and where it stands among the screens; nil if there is none.
func (m *Model) finder() (int, screen.Finder) {
	for i, s := range m.screens {
		if f, ok := s.(screen.Finder); ok {
			return i, f
		}
	}
	return 0, nil
}

// aboutFound opens the form of an action on discrepancies; false says that it is none.
func (m *Model) aboutFound(action keymap.Action) bool {
	here, ok := m.screens[m.current].(screen.Discrepant)
	i, f := m.finder()
	if !ok || f == nil || !here.Owns(action) {
		return false
	}
	if plan, reason := f.Planned(); plan != nil && action == keymap.Repair && i == m.current {
		m.askApply(f, plan, reason)
		return true
	}
	found := here.Found()
	if len(found) == 0 {
		return false
	}
	switch action { //nolint:exhaustive // the others are not about discrepancies
	case keymap.Recheck:
		m.askRecheck(found)
	case keymap.Repair:
		m.askPlan(found)
	case keymap.Acknowledge:
		m.askAcknowledge(found, "")
	case keymap.Export:
		m.askExport(found)
	default:
		return false
	}
	return true
}

// howMany says how many discrepancies an action was about, or that none was left.
func howMany(n int64, done string) string {
	if n == 0 {
		return "none: they have changed meanwhile"
	}
	return widget.Plural(n, "discrepancy", "discrepancies") + " " + done
}

// askRecheck asks which rows are to be looked at again. The first choice does so: looking harms nothing.
func (m *Model) askRecheck(found []screen.Found) {
	var items []option
	for _, f := range found {
		items = append(items, about("re-check "+f.Short, f.Of, func(reason string) tea.Cmd {
			act := engine.Act{Reason: reason}
			return m.perform("re-check "+f.Name, act, func(ctx context.Context) (string, error) {
				id, err := m.prover.Recheck(ctx, f.Which, act)
				return fmt.Sprintf("check #%d looks at them again", id), err
			})
		}))
	}
	m.ask(widget.Form{
		Title: "Re-check?", Ask: "reason (optional)", Hint: m.hint(true),
		Text: []string{"A check of these rows only begins at once, beside whatever runs. What agrees by now is verified."},
	}, append(items, about("Cancel", "change nothing", nil))...)
}

// askPlan asks what a repair is to be planned for. Planning changes no row; that rows are deleted is chosen here, and only
// here.
func (m *Model) askPlan(found []screen.Found) {
	var items []option
	plan := func(which engine.DiscrepancySelection, o engine.RepairOptions) func(string) tea.Cmd {
		return func(reason string) tea.Cmd {
			i, f := m.finder()
			planned := f.Plan(which, o, engine.Act{Reason: reason})
			return tea.Batch(planned, m.drill(i, nil))
		}
	}
	for _, g := range found {
		if g.Which.Cause.OnlyInEngine() || g.Kept {
			continue // but for deleting them there is nothing to do
		}
		items = append(items, about("plan "+g.Short, semicolon(g.Of)+"none is deleted", plan(g.Which, engine.RepairOptions{})))
	}
	for _, g := range found {
		if g.Extras {
			items = append(items, about(g.Short+", with deletes", semicolon(g.Of)+"what Odoo does not have leaves the engine",
				plan(g.Which, engine.RepairOptions{DeleteExtras: true})))
		}
	}
	m.ask(widget.Form{
		Title: "Plan a repair?", Ask: "reason (optional)", Hint: m.hint(true),
		Text: []string{
			"Rows are to be as Odoo has them. Both sides are read, and the exact rows are shown; none is changed before you have typed " +
				"the database's name.",
		},
	}, append(items, about("Cancel", "change nothing", nil))...)
}

func semicolon(text string) string {
	if text == "" {
		return ""
	}
	return text + "; "
}

// askApply wants the name of the engine database typed before a plan is carried out.
func (m *Model) askApply(f screen.Finder, plan *engine.RepairPlan, reason string) {
	text := widget.Plural(plan.Total, "row", "rows") + " of " + plan.Database + " would change, as the plan shows."
	if plan.Deletes > 0 {
		text += " " + widget.Plural(plan.Deletes, "of them would be DELETED.", "of them would be DELETED.")
	}
	verb := "Repair"
	if plan.Deletes > 0 {
		verb = "Repair and delete"
	}
	repair := choice(verb, func(string) tea.Cmd {
		var begun engine.RunID
		act := engine.Act{Reason: reason}
		return m.performThen(fmt.Sprintf("repair by plan #%d", plan.ID), act, func(ctx context.Context) (string, error) {
			var err error
			begun, err = m.prover.ApplyRepair(ctx, plan.ID, plan.Hash, plan.Database, act)
			return fmt.Sprintf("run #%d repairs by plan #%d", begun, plan.ID), err
		}, func(err error) {
			f.Repaired(err)
			if err == nil {
				m.showRun(begun)
			}
		})
	})
	repair.needs = "Type the name of the engine database: " + plan.Database
	repair.check = func(answer string) string {
		if answer != strings.TrimSpace(sanitize.Text(plan.Database)) {
			return "“" + answer + "” is not the name of the engine database: " + plan.Database
		}
		return ""
	}
	m.ask(widget.Form{
		Title: "Repair " + plan.Database + "?", Ask: "type " + plan.Database, Hint: m.hint(false),
		Text: []string{text, "The rows are read from the source again; one that has changed since the plan was made is left as it is."},
	}, choice("Cancel", nil), repair)
}

// showRun turns to a run.
func (m *Model) showRun(id engine.RunID) {
	for i, s := range m.screens {
		if shower, ok := s.(screen.RunShower); ok {
			m.drill(i, func() { shower.ShowRun(id) })
			return
		}
	}
}

// askAcknowledge asks how long it is to count that somebody knows. The widest choice leads to a form of its own.
func (m *Model) askAcknowledge(found []screen.Found, note string) {
	f := found[0]
	items := []option{about("Cancel", "change nothing", nil)}
	for _, span := range []struct {
		name, line string
		lasts      time.Duration
	}{
		{"for 1 day", "then it counts again", day}, {"for 7 days", "then it counts again", 7 * day}, {"for good", "until it is taken back", 0},
	} {
		var until time.Time
		if span.lasts > 0 {
			until = m.sight.Now.Add(span.lasts).Truncate(time.Second)
		}
		o := about(span.name, span.line, m.acknowledge(f, until, false))
		o.needs = "An acknowledgement needs a note: type what you know about it."
		items = append(items, o)
	}
	if f.Acked {
		items = append(items, about("take it back", "nobody is said to know any more", m.acknowledge(f, time.Time{}, true)))
	}
	if len(found) > 1 {
		items = append(items, about("others instead", found[1].Name, func(note string) tea.Cmd {
			m.askAcknowledge(found[1:], note)
			return nil
		}))
	}
	m.ask(widget.Form{
		Title: "Acknowledge " + f.Name + "?", Ask: "note", Answer: note, Hint: m.hint(true),
		Text: []string{"It stays listed, and counts as it does; everybody sees that you know, and why."},
	}, items...)
}

func (m *Model) acknowledge(f screen.Found, until time.Time, again bool) func(string) tea.Cmd {
	return func(note string) tea.Cmd {
		act, doing, done := engine.Act{Reason: note}, "acknowledge "+f.Name, "acknowledged"
		if again {
			doing, done = "take back the acknowledgement of "+f.Name, "no longer acknowledged"
		}
		return m.perform(doing, act, func(ctx context.Context) (string, error) {
			n, err := m.prover.Acknowledge(ctx, f.Which, until, again, act)
			return howMany(n, done), err
		})
	}
}

// The formats of an export, which are also how its file ends.
const (
	formatCSV   = "csv"
	formatLines = "jsonl"
)

// askExport asks where to and how discrepancies are to be written.
func (m *Model) askExport(found []screen.Found) {
	file := "discrepancies-" + m.sight.Now.UTC().Format("20060102T150405Z") + "." + formatCSV
	items := []option{about("Cancel", "write nothing", nil)}
	for _, f := range found {
		for _, format := range []string{formatCSV, formatLines} {
			o := about(format+", "+f.Short, f.Of, func(answer string) tea.Cmd { return m.export(f, format, named(answer, format)) })
			o.needs = "Type the name of a file."
			if m.config.Create == nil {
				o = o.barred("this console writes no files")
			}
			items = append(items, o)
		}
	}
	m.ask(widget.Form{
		Title: "Export?", Ask: "file", Answer: file, Hint: m.hint(false),
		Text: []string{
			"As CSV, in which what looks like a formula is made harmless, or one JSON object a line; on the host where this console " +
				"runs. A file that is there already is never overwritten.",
		},
	}, items...)
}

// named is a file's name with the ending of its format, if it has that of the other one.
func named(file, format string) string {
	for _, other := range []string{formatCSV, formatLines} {
		if rest, ok := strings.CutSuffix(file, "."+other); ok {
			return rest + "." + format
		}
	}
	return file
}

// export writes a new file. What could not be written whole is taken away again.
func (m *Model) export(f screen.Found, format, file string) tea.Cmd {
	return m.perform("export "+f.Name, engine.Act{}, func(ctx context.Context) (string, error) {
		out, err := m.config.Create(file)
		if err != nil {
			return "", err
		}
		write := check.WriteCSV
		if format == formatLines {
			write = check.WriteJSONL
		}
		n, err := write(out, check.Every(ctx, m.prover, f.Which))
		if err != nil {
			return "", fmt.Errorf("write %s: %w", file, errors.Join(err, out.Discard()))
		}
		if err := out.Close(); err != nil {
			return "", fmt.Errorf("write %s: %w", file, err)
		}
		return widget.Plural(n, "discrepancy is", "discrepancies are") + " in " + file, nil
	})
}
