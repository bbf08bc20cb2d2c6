package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/spf13/cobra"

	"ferry/cmd/ferry/internal/whole"
	"ferry/engine"
	"ferry/engine/rehearsal"
	"ferry/tui/sanitize"
)

func (f *ferry) rehearsalsCommand() *cobra.Command {
	return group("rehearsals", "The rehearsals that there have been", f.listRehearsalsCommand(), f.showRehearsalCommand(), f.compareRehearsalsCommand())
}

func (f *ferry) listRehearsalsCommand() *cobra.Command {
	limit := 0
	cmd := &cobra.Command{
		Use:   "list",
		Short: "All rehearsals, newest first, and whether a GO still holds",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := knownLimit(limit); err != nil {
				return err
			}
			return f.once(cmd.Context(), func(ctx context.Context, c *crossing) error { return f.listRehearsals(ctx, c, limit) })
		},
	}
	cmd.Flags().IntVar(&limit, "limit", 50, "at most so many; 0 for all")
	return cmd
}

func (f *ferry) listRehearsals(ctx context.Context, c *crossing, limit int) error {
	if err := c.target.Ready(ctx); err != nil {
		return err
	}
	shown, before := 0, engine.RunID(0)
	for {
		want := page
		if limit > 0 {
			want = min(page, limit-shown)
		}
		if want == 0 {
			return f.listed(shown)
		}
		some, err := c.Rehearsals(ctx, before, want)
		if err != nil {
			return err
		}
		for i := range some {
			if err := f.rehearsalLine(&some[i]); err != nil {
				return err
			}
			before = some[i].ID
			shown++
		}
		if len(some) < want {
			break
		}
	}
	if shown == 0 && !f.settings.JSON {
		fmt.Fprintln(f.out, "there has been no rehearsal yet; `ferry rehearse` makes the first")
	}
	return f.listed(shown)
}

func (f *ferry) rehearsalLine(v *engine.RehearsalView) error {
	if f.settings.JSON {
		return f.line(rehearsal.NewReport("rehearsal", v, time.Now()))
	}
	line := fmt.Sprintf("#%-5d %-24s %s  freeze %-7s  window %-12s by %s", v.ID, rehearsal.Outcome(v), v.CreatedAt.UTC().Format(time.RFC3339),
		v.Freeze, rehearsal.WindowWords(v), v.By)
	return f.say(line + labelled("  ", v.Why) + labelled("  moved: ", v.Moved) + prefixed("  ", frozenNow(v)))
}

// frozenNow says that Odoo may not be unfrozen, while it may not.
func frozenNow(v *engine.RehearsalView) string {
	if !v.Frozen() {
		return ""
	}
	return rehearsal.Unfreeze(v)
}

func (f *ferry) showRehearsalCommand() *cobra.Command {
	report := ""
	cmd := &cobra.Command{
		Use:   "show NUMBER",
		Short: "One rehearsal: its steps, its gates, and whether its GO still holds",
		Long: `Show one rehearsal by its number: its steps with their times, its gates with figure, threshold and evidence, the downtime that the
real cutover takes, and whether its GO still holds. --report writes the report again, compared with the rehearsal before it.

Exit codes: 0 shown · 1 there is no such rehearsal.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage("say one rehearsal's number; `ferry rehearsals list` lists them")
			}
			id, err := runNumber(args[0])
			if err != nil {
				return err
			}
			if err := mayReport(report); err != nil {
				return err
			}
			return f.once(cmd.Context(), func(ctx context.Context, c *crossing) error { return f.showRehearsal(ctx, c, id, report) })
		},
	}
	cmd.Flags().StringVar(&report, "report", "", "write a report to this file: Markdown, with JSON and charts beside it")
	return cmd
}

func (f *ferry) showRehearsal(ctx context.Context, c *crossing, id engine.RunID, report string) error {
	if err := c.target.Ready(ctx); err != nil {
		return err
	}
	v, err := c.Rehearsal(ctx, id)
	if err != nil {
		return err
	}
	if report != "" {
		if err := f.writeReport(ctx, c, v, report); err != nil {
			return err
		}
		fmt.Fprintf(f.err, "report: %s\n", report)
	}
	if f.settings.JSON {
		return f.line(rehearsal.NewReport("result", v, time.Now()))
	}
	return f.sayAll(describeRehearsal(v))
}

func (f *ferry) compareRehearsalsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "compare A B",
		Short: "Two rehearsals side by side, step by step and gate by gate",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usage("say two rehearsals' numbers; `ferry rehearsals list` lists them")
			}
			var ids [2]engine.RunID
			for i, text := range args {
				var err error
				if ids[i], err = runNumber(text); err != nil {
					return err
				}
			}
			return f.once(cmd.Context(), func(ctx context.Context, c *crossing) error { return f.compareRehearsals(ctx, c, ids) })
		},
	}
}

func (f *ferry) compareRehearsals(ctx context.Context, c *crossing, ids [2]engine.RunID) error {
	if err := c.target.Ready(ctx); err != nil {
		return err
	}
	var of [2]*engine.RehearsalView
	for i, id := range ids {
		var err error
		if of[i], err = c.Rehearsal(ctx, id); err != nil {
			return err
		}
	}
	both := rehearsal.Compare(of[0], of[1])
	if f.settings.JSON {
		return f.line(rehearsal.NewComparisonReport(both, time.Now()))
	}
	a, b := fmt.Sprintf("#%d", ids[0]), fmt.Sprintf("#%d", ids[1])
	rows := [][]string{{"", a, b, ""}, {"verdict", rehearsal.Outcome(of[0]), rehearsal.Outcome(of[1]), ""}}
	for _, p := range both.Steps {
		rows = append(rows, []string{string(p.Name), stepWords(p.A, of[0]), stepWords(p.B, of[1]), rehearsal.ChangeOf(p.Change)})
	}
	rows = append(rows, []string{"window", rehearsal.SpanOf(of[0].Window), rehearsal.SpanOf(of[1].Window), rehearsal.ChangeOf(both.Window)})
	for _, p := range both.Gates {
		changed := ""
		if p.Changed() {
			changed = "changed"
		}
		rows = append(rows, []string{string(p.Name), gateWords(p.A), gateWords(p.B), changed})
	}
	return f.sayAll(aligned(rows))
}

// aligned puts rows into lines, each column as wide as its widest cell.
func aligned(rows [][]string) []string {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], ansi.StringWidth(sanitize.Text(cell)))
		}
	}
	lines := make([]string, len(rows))
	for n, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			line.WriteString(sanitize.Pad(sanitize.Text(cell), widths[i]+2))
		}
		lines[n] = strings.TrimRight(line.String(), " ")
	}
	return lines
}

func stepWords(s engine.RehearsalStep, v *engine.RehearsalView) string {
	if s.State != engine.RehearsalDone {
		return string(rehearsal.Stands(s.State, v))
	}
	return rehearsal.SpanOf(s.Took())
}

func gateWords(g engine.RehearsalGate) string {
	return rehearsal.VerdictWord(g.Verdict) + labelled(" ", g.Figure)
}

// describeRehearsal tells a rehearsal in lines.
func describeRehearsal(v *engine.RehearsalView) []string {
	lines := []string{
		fmt.Sprintf("rehearsal #%d: %s", v.ID, rehearsal.Outcome(v)), rehearsal.Sentence(v),
		"downtime window: " + rehearsal.WindowWords(v) + labelled("; frozen ", frozenSince(v)), "",
	}
	for _, s := range v.Steps {
		idle := ""
		if s.Idle > 0 {
			idle = fmt.Sprintf("  (and %s in which nobody carried it out)", rehearsal.Span(s.Idle))
		}
		lines = append(lines, fmt.Sprintf("  %-10s %-12s %8s  %s%s", s.Name, rehearsal.Stands(s.State, v), rehearsal.SpanOf(s.Took()), s.Found, idle))
	}
	lines = append(lines, "")
	for _, g := range v.Gates {
		lines = append(lines, fmt.Sprintf("  %-12s %-16s %-28s %s", g.Name, rehearsal.VerdictWord(g.Verdict), labelled("", g.Figure), g.Threshold))
		if g.Evidence != "" {
			lines = append(lines, "               "+g.Evidence)
		}
		if g.Advice != "" {
			lines = append(lines, "               → "+g.Advice)
		}
	}
	if line := rehearsal.Unfreeze(v); line != "" {
		lines = append(lines, "", line)
	}
	return lines
}

func frozenSince(v *engine.RehearsalView) string {
	if v.FrozenAt.IsZero() {
		return ""
	}
	return v.FrozenAt.UTC().Format(time.RFC3339) + ", " + v.FrozenBy
}

// mayReport fails where a report could not be written, before anything begins.
func mayReport(name string) error {
	if name == "" {
		return nil
	}
	dir := filepath.Dir(name)
	info, err := os.Stat(dir)
	switch {
	case err != nil:
		return usage("--report: %w", err)
	case !info.IsDir():
		return usage("--report: %s is no folder", dir)
	}
	if info, err := os.Stat(name); err == nil && info.IsDir() {
		return usage("--report: %s is a folder; name a file", name)
	}
	return nil
}

// rehearsalBefore gives the last rehearsal before another one that came to a verdict; nil: none did.
func (c *crossing) rehearsalBefore(ctx context.Context, id engine.RunID) (*engine.RehearsalView, error) {
	for {
		some, err := c.target.Rehearsals(ctx, id, page)
		if err != nil {
			return nil, err
		}
		for _, kept := range some {
			if kept.Verdict != "" {
				return &kept.RehearsalView, nil
			}
			id = kept.ID
		}
		if len(some) < page {
			return nil, nil //nolint:nilnil // there is none, which is no error
		}
	}
}

// writeReport writes a rehearsal's report, compared with the one before it, each file in one step.
func (f *ferry) writeReport(ctx context.Context, c *crossing, v *engine.RehearsalView, name string) error {
	samples, err := c.RehearsalSamples(ctx, v.ID)
	if err != nil {
		return err
	}
	earlier, err := c.rehearsalBefore(ctx, v.ID)
	if err != nil {
		return err
	}
	files, err := rehearsal.Files(name, v, earlier, samples, time.Now())
	if err != nil {
		return err
	}
	var failed error
	for _, file := range files {
		failed = errors.Join(failed, whole.Write(file.Name, file.Text))
	}
	if failed != nil {
		return fmt.Errorf("the report: %w", failed)
	}
	return nil
}

// reportHere writes a rehearsal's report into the folder in which ferry was started, and says where that is.
func (f *ferry) reportHere(ctx context.Context, c *crossing, id engine.RunID) (string, error) {
	v, err := c.Rehearsal(ctx, id)
	if err != nil {
		return "", err
	}
	name, err := filepath.Abs(fmt.Sprintf("rehearsal-%d.md", id))
	if err != nil {
		return "", fmt.Errorf("the report: %w", err)
	}
	return name, f.writeReport(ctx, c, v, name)
}
