package main

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"ferry/engine"
	"ferry/engine/check"
	"ferry/tui/widget"
)

func (f *ferry) discrepanciesRecheckCommand() *cobra.Command {
	var s finding
	reason := ""
	cmd := &cobra.Command{
		Use:   "recheck [NUMBER…]",
		Short: "Compare the rows of discrepancies again, at once",
		Long: `Begin a check of the rows that the selected discrepancies are about, and carry it out here. What is equal by now is verified.

Exit codes: 0 compared, whatever came of it · 1 no such discrepancy, or the check failed · 4 refused.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := s.take(args); err != nil {
				return err
			}
			if err := s.some(); err != nil {
				return err
			}
			return f.carry(cmd.Context(), carrying{
				kind: engine.RunCheck,
				begin: func(ctx context.Context, c *crossing) (engine.RunID, error) {
					return c.Recheck(ctx, s.DiscrepancySelection, engine.Act{Reason: reason})
				},
				end: func(ctx context.Context, c *crossing, id engine.RunID) error { return f.rechecked(ctx, c, s, id) },
			})
		},
	}
	s.register(cmd)
	cmd.Flags().BoolVar(&s.all, "all", false, "every discrepancy that is not over")
	cmd.Flags().StringVar(&reason, "reason", "", "why, for other consoles and the journal")
	return cmd
}

// rechecked says what of a selection is not over by now.
func (f *ferry) rechecked(ctx context.Context, c *crossing, s finding, id engine.RunID) error {
	counts, err := c.DiscrepancyCounts(ctx, s.DiscrepancySelection)
	if err != nil {
		return err
	}
	left := map[engine.DiscrepancyState]int64{}
	for _, n := range counts {
		left[n.State] += n.Fields
	}
	if f.settings.JSON {
		return f.line(map[string]any{
			"v": 1, "type": "result", "run": id, "settled": left[engine.DiscrepancySettled], "in_flight": left[engine.DiscrepancyInFlight],
		})
	}
	return f.say(fmt.Sprintf("compared again by run #%d; of these are settled now: %s, in flight: %s", id,
		widget.Count(left[engine.DiscrepancySettled]), widget.Count(left[engine.DiscrepancyInFlight])))
}

// carrying is a run that a command begins and carries out with its own workers.
type carrying struct {
	begin func(ctx context.Context, c *crossing) (engine.RunID, error)
	end   func(ctx context.Context, c *crossing, id engine.RunID) error // it is done
	kind  engine.RunKind
}

// carry begins a run, carries it out to its end, and fails if it did not end well.
func (f *ferry) carry(ctx context.Context, run carrying) error {
	soft, hard, caught, release := untilSignal(ctx)
	defer release()
	c, level, end, err := f.openWorking(soft, hard)
	if err != nil {
		return err
	}
	defer end()
	if err := c.reach(soft); err != nil {
		return err
	}
	if err := c.target.Ready(soft); err != nil {
		return err
	}
	id, err := run.begin(soft, c)
	if err != nil {
		c.leave(hard)
		return err
	}
	if f.settings.Workers == 0 {
		c.leave(hard)
		if f.settings.JSON {
			return f.line(map[string]any{"v": 1, "type": "result", "run": id})
		}
		return f.say(fmt.Sprintf("run #%d has begun; whoever has workers carries it out, `ferry runs show %[1]d` shows it", id))
	}
	level.Set(slog.LevelWarn)
	c.Run(hard)
	detail, err := awaitRun(soft, c, id)
	if err = f.drain(soft, hard, c, err); err == nil {
		err = f.carried(hard, c, run, detail)
	}
	if code := caught(); code != 0 {
		f.interrupted(hard, c, id, run.kind)
		return exitWith(code, nil)
	}
	return err
}

// awaitRun waits until a run has ended, waits for an operator, or ctx has ended.
func awaitRun(ctx context.Context, c *crossing, id engine.RunID) (*engine.RunDetail, error) {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		d, err := c.RunDetail(ctx, id)
		switch {
		case ctx.Err() != nil:
			return nil, nil //nolint:nilnil // interrupted; whoever asks knows
		case err != nil && engine.ClassOf(err) == engine.ClassStop:
			return nil, err
		case err == nil && (d.State.Ended() || d.State == engine.RunAsking || d.State == engine.RunPaused):
			return d, nil
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}

// carried says how a run ended.
func (f *ferry) carried(ctx context.Context, c *crossing, run carrying, d *engine.RunDetail) error {
	if d == nil {
		return nil
	}
	switch d.State { //nolint:exhaustive // the others did not end well
	case engine.RunDone:
		return run.end(ctx, c, d.ID)
	case engine.RunAsking:
		return asking(&d.RunView)
	case engine.RunPaused:
		return paused(&d.RunView)
	case engine.RunCancelled:
		return fmt.Errorf("run #%d was cancelled by %s", d.ID, d.StateBy)
	}
	return fmt.Errorf("run #%d %s: %s; once that is cured, `ferry resume --run %[1]d` goes on where it stopped", d.ID, d.State, d.Error)
}

func (f *ferry) discrepanciesAcknowledgeCommand() *cobra.Command {
	var s finding
	note, until, undo := "", "", false
	cmd := &cobra.Command{
		Use:   "acknowledge [NUMBER…] --note TEXT [--until WHEN]",
		Short: "Note that somebody knows of discrepancies; no rate changes by that",
		Long: `Note that somebody knows of discrepancies, and say why that is well: for good, or until a moment (2026-03-01,
2026-03-01T10:00:00Z) or for a while (72h). It changes no rate and no verdict; a repair leaves them out unless they are chosen by
number. --undo takes it back.

Exit codes: 0 done · 1 no such discrepancy · 4 refused.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := s.take(args); err != nil {
				return err
			}
			if err := s.some(); err != nil {
				return err
			}
			if strings.TrimSpace(note) == "" && !undo {
				return usage("say why with --note: whoever looks next must be able to judge it")
			}
			end, err := moment(until, time.Now())
			if err != nil {
				return err
			}
			return f.once(cmd.Context(), func(ctx context.Context, c *crossing) error {
				if err := c.target.Ready(ctx); err != nil {
					return err
				}
				n, err := c.Acknowledge(ctx, s.DiscrepancySelection, end, undo, engine.Act{Reason: note})
				if err != nil {
					return err
				}
				return f.acknowledged(n, undo)
			})
		},
	}
	s.register(cmd)
	cmd.Flags().BoolVar(&s.all, "all", false, "every discrepancy that is not over")
	cmd.Flags().StringVar(&note, "note", "", "why, for whoever looks next and for the journal; required, but for --undo")
	cmd.Flags().StringVar(&until, "until", "", "when it counts no longer; without it, it counts for good")
	cmd.Flags().BoolVar(&undo, "undo", false, "take acknowledgements back")
	return cmd
}

func (f *ferry) acknowledged(n int64, undo bool) error {
	if f.settings.JSON {
		return f.line(map[string]any{"v": 1, "type": "result", "discrepancies": n})
	}
	what := " acknowledged"
	if undo {
		what = " acknowledged no longer"
	}
	noun := " discrepancies"
	if n == 1 {
		noun = " discrepancy"
	}
	return f.say(widget.Count(n) + noun + what)
}

// moment reads a moment to come: a day, a time, or how long from now; nothing at all is the zero time.
func moment(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if d, err := time.ParseDuration(text); err == nil && d > 0 {
		return now.Add(d), nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if at, err := time.Parse(layout, text); err == nil && at.After(now) {
			return at, nil
		}
	}
	return time.Time{}, usage("--until %s: say a day or a time to come, such as 2030-03-01 or 2030-03-01T10:00:00Z, or how long, such as 72h", text)
}

func (f *ferry) discrepanciesExportCommand() *cobra.Command {
	var s finding
	format, out := "csv", ""
	cmd := &cobra.Command{
		Use:   "export [NUMBER…] --format csv|jsonl [--out FILE]",
		Short: "Write discrepancies as CSV for spreadsheets, or as JSON lines for scripts",
		Long: `Write discrepancies by number, to a file or to standard output. CSV is for people: a cell that a spreadsheet would take for a
formula begins with ', numbers stay numbers, and characters that nobody would see are made visible. JSON lines hold every value
exactly as it is.

Exit codes: 0 written · 1 it could not be written.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := s.take(args); err != nil {
				return err
			}
			if format != "csv" && format != "jsonl" {
				return usage("--format %s: say csv or jsonl", format)
			}
			return f.once(cmd.Context(), func(ctx context.Context, c *crossing) error { return f.export(ctx, c, s, format, out) })
		},
	}
	s.register(cmd)
	cmd.Flags().StringVar(&format, "format", format, "csv or jsonl")
	cmd.Flags().StringVar(&out, "out", "", "the file, which must not exist yet; standard output without it")
	return cmd
}

func (f *ferry) export(ctx context.Context, c *crossing, s finding, format, out string) (err error) {
	if err := c.target.Ready(ctx); err != nil {
		return err
	}
	to := f.out
	if out != "" {
		file, err := os.OpenFile(out, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err != nil {
			return fmt.Errorf("writing the export: %w", err)
		}
		defer func() {
			if closed := file.Close(); closed != nil && err == nil {
				err = fmt.Errorf("writing the export: %w", closed)
			}
		}()
		to = file
	}
	buffered := bufio.NewWriter(to)
	write := check.WriteCSV
	if format == "jsonl" {
		write = check.WriteJSONL
	}
	n, err := write(buffered, check.Every(ctx, c, s.DiscrepancySelection))
	if err != nil {
		return err
	}
	if err := buffered.Flush(); err != nil {
		return fmt.Errorf("writing the export: %w", err)
	}
	if out != "" {
		return f.exported(n, out)
	}
	return nil
}

// exported says what was written to a file.
func (f *ferry) exported(n int64, out string) error {
	if f.settings.JSON {
		return f.line(map[string]any{"v": 1, "type": "result", "rows": n, "file": out})
	}
	return f.say(fmt.Sprintf("%s discrepancies written to %s", widget.Count(n), out))
}
