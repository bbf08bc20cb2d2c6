package rehearsal

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"time"
	"unicode"

	"ferry/engine"
)

// File is one file of a report.
type File struct {
	Name string
	Text []byte
}

// Files makes a report: Markdown, JSON beside it, and its charts. A name that ends in .json asks for JSON alone. before is an
// earlier rehearsal to compare with, or nil.
func Files(name string, v, before *engine.RehearsalView, samples []engine.RehearsalSample, now time.Time) ([]File, error) {
	object, err := json.MarshalIndent(NewReport("result", v, now), "", "  ")
	if err != nil {
		return nil, fmt.Errorf("writing the report as JSON: %w", err)
	}
	object = append(object, '\n')
	if filepath.Ext(name) == ".json" {
		return []File{{name, object}}, nil
	}
	base := strings.TrimSuffix(name, ".md")
	throughput, freshness := base+"-throughput.svg", base+"-freshness.svg"
	page := Markdown(v, before, now) + charts(filepath.Base(throughput), filepath.Base(freshness), samples)
	return []File{
		{base + ".md", []byte(page)},
		{base + ".json", object},
		{throughput, Throughput(v, samples)},
		{freshness, Freshness(v, samples)},
	}, nil
}

func charts(throughput, freshness string, samples []engine.RehearsalSample) string {
	if len(samples) == 0 {
		return "\nNothing was sampled in its course, so the charts are empty.\n"
	}
	link := func(name string) string { // a name with brackets or spaces is still one link
		return "<" + strings.NewReplacer("<", "%3C", ">", "%3E", "\n", "%0A", `\`, "%5C").Replace(name) + ">"
	}
	return fmt.Sprintf("\n## In its course\n\n![rows per second](%s)\n\n![how late the engine was at most](%s)\n", link(throughput), link(freshness))
}

// Markdown is a rehearsal as a page to be read and kept.
func Markdown(v, before *engine.RehearsalView, now time.Time) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Rehearsal #%d: %s\n\n", v.ID, plain(Outcome(v)))
	fmt.Fprintf(&b, "%s\n\n", plain(Sentence(v)))
	facts := [][2]string{
		{"begun", moment(v.CreatedAt) + " by " + v.By},
		{"verdict", moment(v.VerdictAt)},
		{"reason", v.Reason},
		{"downtime window", windowRow(v)},
		{"freeze", string(v.Freeze)},
		{"frozen", frozenWords(v)},
		{"source", v.Source},
		{"interruptions", breakWords(v)},
		{"this page", moment(now)},
	}
	b.WriteString("| | |\n|---|---|\n")
	for _, f := range facts {
		if f[1] != "" {
			fmt.Fprintf(&b, "| %s | %s |\n", f[0], plain(f[1]))
		}
	}
	if line := Unfreeze(v); line != "" {
		fmt.Fprintf(&b, "\n**%s**\n", line)
	}
	b.WriteString("\n## Gates\n\n| gate | verdict | figure | wanted | evidence | what to do |\n|---|---|---|---|---|---|\n")
	for _, g := range v.Gates {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", g.Name, VerdictWord(g.Verdict), plain(dash(g.Figure)), plain(dash(g.Threshold)),
			plain(dash(g.Evidence)), plain(g.Advice))
	}
	b.WriteString("\n## Steps\n\n| step | state | took | idle | inside the freeze | found |\n|---|---|---|---|---|---|\n")
	for _, s := range v.Steps {
		inside := ""
		if v.Freeze != engine.FreezeNone && Inside(s.Name) {
			inside = "yes"
		}
		idle := ""
		if s.Idle > 0 {
			idle = Span(s.Idle)
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", s.Name, Stands(s.State, v), SpanOf(s.Took()), idle, inside, plain(s.Found))
	}
	if before != nil {
		b.WriteString(compared(Compare(before, v)))
	}
	return b.String()
}

func compared(c Comparison) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n## Compared with rehearsal #%d (%s)\n\n| step | #%[1]d | #%[3]d | change |\n|---|---|---|---|\n", c.A.ID, plain(Outcome(c.A)), c.B.ID)
	for _, p := range c.Steps {
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", p.Name, SpanOf(p.A.Took()), SpanOf(p.B.Took()), ChangeOf(p.Change))
	}
	fmt.Fprintf(&b, "| downtime window | %s | %s | %s |\n", SpanOf(c.A.Window), SpanOf(c.B.Window), ChangeOf(c.Window))
	fmt.Fprintf(&b, "\n| gate | #%d | #%d |\n|---|---|---|\n", c.A.ID, c.B.ID)
	for _, p := range c.Gates {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", p.Name, plain(gateWords(p.A)), plain(gateWords(p.B)))
	}
	return b.String()
}

func windowRow(v *engine.RehearsalView) string {
	if v.Freeze == engine.FreezeNone {
		return WindowWords(v)
	}
	return WindowWords(v) + " (the steps inside the freeze: catch-up, check, ledger, verdict)"
}

func gateWords(g engine.RehearsalGate) string {
	word := VerdictWord(g.Verdict)
	if g.Figure != "" {
		word += " " + g.Figure
	}
	return word
}

func frozenWords(v *engine.RehearsalView) string {
	if v.FrozenAt.IsZero() {
		return ""
	}
	return moment(v.FrozenAt) + ", " + v.FrozenBy
}

func breakWords(v *engine.RehearsalView) string {
	if v.Breaks == 0 {
		return "none"
	}
	return fmt.Sprintf("%d, %s in which nobody carried it out", v.Breaks, Span(v.Idle))
}

func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

func dash(s string) string {
	if s == "" {
		return "–"
	}
	return s
}

// plain makes a text mean nothing in Markdown or HTML but itself, on one line: names, errors and reasons come from databases and
// from operators.
func plain(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '\n' || r == '\r' || r == '\t':
			b.WriteByte(' ')
		case r == '&':
			b.WriteString("&amp;")
		case r == '<':
			b.WriteString("&lt;")
		case r == '>':
			b.WriteString("&gt;")
		case strings.ContainsRune("\\`*_{}[]|~#!$@", r):
			b.WriteByte('\\')
			b.WriteRune(r)
		case unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == unicode.ReplacementChar:
			fmt.Fprintf(&b, "(U+%04X)", r)
		default:
			b.WriteRune(r)
		}
	}
	return strings.ReplaceAll(b.String(), "://", "&#58;//")
}
