package app

import (
	"context"
	"fmt"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"ferry/engine"
	"ferry/tui/widget"
)

// throttledWords tells who holds a run to which rate, and why.
func throttledWords(p engine.PaceView, short string) telling {
	limit := " ≤ " + widget.Count(p.RowsPerSecond) + "/s"
	by := ""
	if p.By != "" {
		by = " by " + p.By
	}
	return telling{wordings: []string{short + limit + by, short + limit, short}, words: because(p.Reason)}
}

// askThrottle asks how fast runs may go. One line takes the new value and the reason; each choice says what it would change.
func (m *Model) askThrottle() {
	names := []string{engine.PolicyThrottle, engine.PolicyBatchRows}
	units := map[string]string{engine.PolicyThrottle: "rows a second", engine.PolicyBatchRows: "rows of a batch"}
	unbound := map[string]string{engine.PolicyThrottle: "none", engine.PolicyBatchRows: "auto"}
	items := []option{about("Cancel", "change nothing", nil)}
	for _, name := range names {
		items = append(items, m.policyOption(name, "set "+units[name], ""))
		if p := m.sight.Snapshot.Policy(name); p != nil && p.Value != unbound[name] {
			items = append(items, m.policyOption(name, map[string]string{
				engine.PolicyThrottle: "take the throttle off", engine.PolicyBatchRows: "let batches adapt",
			}[name], unbound[name]))
		}
	}
	p := m.sight.Snapshot.Pace
	text := "Now: throttle " + m.policyNow(engine.PolicyThrottle) + ", batches " + m.policyNow(engine.PolicyBatchRows)
	if p.RowsPerSecond > 0 {
		text += ", set" + whoWhy(p.By, p.Reason)
	}
	m.ask(widget.Form{
		Title: "How fast may runs go, for everyone?",
		Text:  []string{text + ".", "It counts at once, for all workers of all processes together, until somebody changes it."},
		Ask:   "number, then why", Hint: m.hint(true),
	}, items...)
	m.dialog.follow = m.previewPolicies
}

// askPolicy asks for another value of a policy.
func (m *Model) askPolicy(name string) {
	p := m.sight.Snapshot.Policy(name)
	text := fmt.Sprintf("Now: %s%s. The default is %s.", p.Value, whoWhy(p.By, p.Reason), p.Default)
	items := []option{about("Cancel", "change nothing", nil), m.policyOption(name, "set it", "")}
	if p.Value != p.Default {
		items = append(items, m.policyOption(name, "back to the default", p.Default))
	}
	m.ask(widget.Form{Title: "Policy " + name + ", for everyone", Text: []string{text}, Ask: "value, then why", Hint: m.hint(true)}, items...)
	m.dialog.follow = m.previewPolicies
}

// policyNow is a policy's value in force.
func (m *Model) policyNow(name string) string {
	if p := m.sight.Snapshot.Policy(name); p != nil {
		return p.Value
	}
	return widget.Unknown
}

// policyOption gives a policy the fixed value, or without one the first word that is typed. What else is typed is the reason.
func (m *Model) policyOption(name, title, fixed string) option {
	o := about(title, m.policyChange(name, fixed, ""), func(answer string) tea.Cmd {
		value, why := valueAndReason(answer, fixed)
		from, act := m.policyNow(name), engine.Act{Reason: why}
		return m.perform("set "+name+" to "+value, act, func(ctx context.Context) (string, error) {
			return fmt.Sprintf("%s: %s → %s", name, from, value), m.config.Operator.SetPolicy(ctx, name, value, act)
		})
	})
	o.policy, o.fixed = name, fixed
	if fixed == "" {
		o.needs = "Type the new value first, then why: 2000 Odoo is slow."
	}
	o.check = func(answer string) string {
		if _, why := valueAndReason(answer, fixed); why == "" {
			return "Say why as well: other consoles show it, and the journal keeps it."
		}
		return ""
	}
	return o
}

// policyChange is "none → 2000", as far as the new value is known.
func (m *Model) policyChange(name, fixed, answer string) string {
	value, _ := valueAndReason(answer, fixed)
	if value == "" {
		value = "…"
	}
	return name + ": " + m.policyNow(name) + " → " + value
}

// previewPolicies has each choice say what it would change, as it is typed.
func (m *Model) previewPolicies(d *dialog) {
	for i, o := range d.options {
		if o.policy != "" {
			d.form.Choices[i].About = m.policyChange(o.policy, o.fixed, d.form.Answer)
		}
	}
}

// valueAndReason takes what was typed apart: a value, unless it is fixed, and why.
func valueAndReason(answer, fixed string) (value, why string) {
	answer = strings.TrimSpace(answer)
	if fixed != "" {
		return fixed, answer
	}
	value, why, _ = strings.Cut(answer, " ")
	return value, strings.TrimSpace(why)
}
