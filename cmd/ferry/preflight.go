package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"

	"ferry/cmd/ferry/internal/config"
	"ferry/engine"
	"ferry/tui/cure"
	"ferry/tui/sanitize"
)

func (f *ferry) preflightCommand() *cobra.Command {
	forecast := true
	cmd := &cobra.Command{
		Use:   "preflight",
		Short: "Every precondition with its figure: pass, fail, or could not check",
		Long: `Look at both databases and say, line by line, whether a sync may begin: versions, privileges (the source role must be
unable to write), columns and their types, clocks, encryption, space, existing tables, and how many rows the rules would reject.

Exit code 0 unless a line fails (1), or the source role could write (4). Lines that could not be checked, and the
forecast, never change it. The forecast reads the whole source once, in short transactions; --forecast=false leaves it out.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.preflight(cmd.Context(), forecast) },
	}
	cmd.Flags().BoolVar(&forecast, "forecast", true, "read the source and forecast what the rules would reject")
	return cmd
}

func (f *ferry) preflight(ctx context.Context, forecast bool) error {
	soft, _, caught, release := untilSignal(ctx)
	defer release()
	c, err := f.open(soft, 0, logTo(f.err, slog.LevelWarn))
	if err != nil {
		return err
	}
	defer c.close()
	lines, err := c.Preflight(soft, forecast)
	if code := caught(); code != 0 {
		return exitWith(code, nil)
	}
	if err != nil {
		return err
	}
	lines = append(lines, f.rulesLines(soft, c)...)
	if err := f.print(lines); err != nil {
		return err
	}
	return f.verdict(lines)
}

// rulesLines say where the config file and the engine database disagree about rules: the database's copy is in force.
func (f *ferry) rulesLines(ctx context.Context, c *crossing) engine.Preflight {
	if c.target.Ready(ctx) != nil {
		return nil
	}
	stored, err := c.target.Rules(ctx)
	if err != nil {
		return engine.Preflight{engine.UnknownLine("rules", err.Error(), "")}
	}
	var out engine.Preflight
	for _, difference := range config.DifferingRules(f.settings.Rules(), stored) {
		out = append(out, engine.UnknownLine("rules", difference, "the engine database's copy is in force; the config is only its seed at `ferry init`"))
	}
	return out
}

type preflightLine struct {
	V       int            `json:"v"`
	Type    string         `json:"type"`
	Name    string         `json:"name"`
	Verdict engine.Verdict `json:"verdict"`
	Found   string         `json:"found"`
	Advice  string         `json:"advice,omitempty"`
}

func (f *ferry) print(lines engine.Preflight) error {
	for _, l := range lines {
		advice := cure.ForLine(l)
		if f.settings.JSON {
			if err := f.line(preflightLine{1, "preflight", l.Name, l.Verdict, l.Found, advice}); err != nil {
				return err
			}
			continue
		}
		fmt.Fprintf(f.out, "%s %-15s %-40s %s\n", verdictGlyph(l.Verdict), l.Verdict, l.Name, sanitize.Text(l.Found))
		if advice != "" {
			fmt.Fprintf(f.out, "%-19s→ %s\n", "", sanitize.Text(advice))
		}
	}
	return nil
}

func verdictGlyph(v engine.Verdict) string {
	switch v {
	case engine.Pass:
		return "✓"
	case engine.Fail:
		return "✗"
	case engine.CouldNotCheck:
	}
	return "?"
}

// verdict ends preflight with its exit code.
func (f *ferry) verdict(lines engine.Preflight) error {
	if f.settings.JSON {
		err := f.line(map[string]any{"v": 1, "type": "result", "failed": lines.Failed(), "unsafe": lines.Unsafe()})
		if err != nil {
			return err
		}
	}
	switch {
	case lines.Unsafe():
		return exitWith(exitRefused, errors.New("the source is not safe from this role; nothing is read before that is cured"))
	case lines.Failed():
		return exitWith(exitError, errors.New("a precondition fails; see the lines above"))
	}
	if !f.settings.JSON {
		fmt.Fprintln(f.out, "nothing stands in the way of a sync")
	}
	return nil
}
