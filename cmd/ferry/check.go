package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"ferry/engine"
	"ferry/engine/check"
	"ferry/tui/sanitize"
	"ferry/tui/widget"
)

func (f *ferry) checkCommand() *cobra.Command {
	var o engine.CheckOptions
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Compare both sides, row by row and field by field",
		Long: `Compare every row of the source with the engine's, and print what differs. What may be a change under way is looked at again
behind a later cycle; where nobody starts ticks, the check begins that cycle itself. Rows that are explained, because they
are in quarantine or were deleted at the source, are told apart.

With --max-duration it ends with what it has compared by then, beginning with what was not looked at for longest. With
--read-only it compares in this process, keeps no record and begins no cycle: what is in flight then stays so.

Exit codes: 0 everything agrees · 3 rows differ, and that is no change under way · 4 refused: another check is active
· 5 could not check: something failed or was not compared, or differences are still in flight · 128+signal when interrupted.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := (&syncOptions{StartOptions: engine.StartOptions{Entities: o.Entities}}).check(); err != nil {
				return err
			}
			if o.MaxDuration < 0 {
				return usage("--max-duration %s: say how long it may take, such as 10m", o.MaxDuration)
			}
			return f.check(cmd.Context(), o)
		},
	}
	cmd.Flags().StringArrayVar(&o.Entities, "entity", nil, "only this source table; may be repeated")
	cmd.Flags().DurationVar(&o.MaxDuration, "max-duration", 0, "end after this time with what is compared by then (default: when all is)")
	cmd.Flags().StringVar(&o.Reason, "reason", "", "why, for other consoles and the journal")
	return cmd
}

// check runs a check to its end.
func (f *ferry) check(ctx context.Context, o engine.CheckOptions) error {
	soft, hard, caught, release := untilSignal(ctx)
	defer release()
	if f.settings.Workers == 0 && !f.settings.ReadOnly {
		return usage("--workers 0 only looks and steers; a check needs at least one")
	}
	c, level, end, err := f.openWorking(soft, hard)
	if err != nil {
		return err
	}
	defer end()
	if err := c.mayCheck(soft); err != nil {
		return err
	}
	var s *engine.Snapshot
	if f.settings.ReadOnly {
		s, err = f.checkHere(soft, c, o)
	} else {
		s, err = f.prove(soft, hard, c, o, level)
	}
	if code := caught(); code != 0 {
		f.checkInterrupted(s)
		return exitWith(code, nil)
	}
	if err != nil {
		return err
	}
	return f.checked(s)
}

// mayCheck refuses an engine of which there is nothing to check.
func (c *crossing) mayCheck(ctx context.Context) error {
	if err := c.reach(ctx); err != nil {
		return err
	}
	if err := c.target.Ready(ctx); err != nil {
		return err
	}
	s, err := c.target.Read(ctx)
	if err != nil {
		return err
	}
	if s.Freshness.ReadFrom.IsZero() {
		return unchecked("no cycle has been completed, so the engine is not expected to agree; `ferry sync full` makes the first")
	}
	return nil
}

func (f *ferry) checkInterrupted(s *engine.Snapshot) {
	switch {
	case s == nil || s.Check == nil:
		fmt.Fprintln(f.err, "ferry: interrupted before a check was under way")
	case s.Check.ID == 0:
		fmt.Fprintln(f.err, "ferry: interrupted; nothing was kept")
	default:
		fmt.Fprintf(f.err, "ferry: interrupted; check #%d is at a batch boundary, `ferry check` goes on with it\n", s.Check.ID)
	}
}

// prove begins a check, or goes on with one that was interrupted, follows it, and tells what it found.
func (f *ferry) prove(soft, hard context.Context, c *crossing, o engine.CheckOptions, level *slog.LevelVar) (*engine.Snapshot, error) {
	id, err := f.beginCheck(soft, c, o)
	if err != nil {
		c.leave(hard)
		return nil, err
	}
	level.Set(slog.LevelWarn)
	c.Run(hard)
	s, err := f.followCheck(soft, c, id)
	if err == nil && soft.Err() == nil {
		err = f.tellFound(soft, c, id)
	}
	return s, f.drain(soft, hard, c, err)
}

// beginCheck begins a check, or takes over one whose process is gone.
func (f *ferry) beginCheck(ctx context.Context, c *crossing, o engine.CheckOptions) (engine.RunID, error) {
	before, err := c.target.UnfinishedCheck(ctx, o)
	if err != nil {
		return 0, err
	}
	if before == nil {
		id, err := c.StartCheck(ctx, o)
		if errors.Is(err, engine.ErrUnkeyed) {
			return 0, unchecked("%w", err)
		}
		return id, err
	}
	if before.State.Active() {
		s, err := c.target.Read(ctx)
		if err != nil {
			return 0, err
		}
		if _, held := liveHolder(s); held || before.State == engine.RunPaused || before.State == engine.RunPausing {
			return c.StartCheck(ctx, o) // which says what is in the way
		}
		fmt.Fprintf(f.err, "taking over check #%d, whose process is gone\n", before.ID)
		return before.ID, nil
	}
	fmt.Fprintf(f.err, "resuming check #%d, interrupted %s\n", before.ID, widget.Ago(before.Since, time.Now()))
	return before.ID, c.Resume(ctx, engine.Act{Run: before.ID, Seen: before.State, Reason: o.Reason})
}

// followCheck tells how far a check is until it has ended, or ctx has.
func (f *ferry) followCheck(ctx context.Context, c *crossing, id engine.RunID) (*engine.Snapshot, error) {
	look := time.NewTicker(200 * time.Millisecond)
	defer look.Stop()
	var told time.Time
	var s *engine.Snapshot
	for {
		next, err := c.readCheck(ctx, id)
		switch {
		case err == nil:
			s = next
		case ctx.Err() != nil:
			return s, nil
		case engine.ClassOf(err) != engine.ClassReconnect:
			return s, err
		}
		if err == nil && s.Check.State.Ended() {
			return s, nil
		}
		if err == nil && time.Since(told) >= time.Second {
			told = time.Now()
			if err := f.checkProgress(s); err != nil {
				return s, err
			}
		}
		select {
		case <-ctx.Done():
			return s, nil
		case <-look.C:
		}
	}
}

// readCheck reads the state as of one check.
func (c *crossing) readCheck(ctx context.Context, id engine.RunID) (*engine.Snapshot, error) {
	s, err := c.target.ReadRun(ctx, id)
	if err != nil {
		return nil, err
	}
	s.Check, err = c.Check(ctx, id)
	return s, err
}

func (f *ferry) checkProgress(s *engine.Snapshot) error {
	if f.settings.JSON {
		return f.line(newReport("progress", s))
	}
	v := s.Check
	line := fmt.Sprintf("check #%d %s, %s of the ids: %s rows compared, %s differ, %s in flight", v.ID, v.State.Word(), check.Percent(v.Coverage),
		widget.Count(v.Compared), widget.Count(v.Settled), widget.Count(v.InFlight))
	switch {
	case v.State == engine.RunPaused:
		line = pausedWords(&v.RunView) + "; waiting"
	case v.Waits != "":
		line += "; it waits for a cycle: " + v.Waits
	case v.NowDoing != "":
		line += "; " + v.NowDoing
	}
	fmt.Fprintln(f.err, sanitize.Text(line))
	return nil
}

// discrepancyReport is a difference in JSON: fields are only ever added.
type discrepancyReport struct {
	V        int                     `json:"v"`
	Type     string                  `json:"type"`
	Entity   string                  `json:"entity"`
	ID       int64                   `json:"id"`
	Field    string                  `json:"field"`
	Source   engine.Maybe[string]    `json:"source"`
	Expected engine.Maybe[string]    `json:"expected"`
	Target   engine.Maybe[string]    `json:"target"`
	Cause    engine.Cause            `json:"cause"`
	Settled  bool                    `json:"settled"`
	State    engine.DiscrepancyState `json:"state"`
	Number   engine.Maybe[int64]     `json:"number"`
}

// tellFound lists what a check has found, page by page.
func (f *ferry) tellFound(ctx context.Context, c *crossing, id engine.RunID) error {
	after := int64(0)
	for {
		found, err := c.target.FoundBy(ctx, id, after, page)
		if err != nil {
			return err
		}
		for _, d := range found {
			after = d.ID
			if err := f.tellDiscrepancy(d); err != nil {
				return err
			}
		}
		if len(found) < page {
			return nil
		}
	}
}

func (f *ferry) tellDiscrepancy(d engine.Discrepancy) error {
	if f.settings.JSON {
		return f.line(discrepancyReport{
			1, "discrepancy", d.Entity, d.Row, d.Field, d.Source, d.Expected, d.Target, d.Cause, d.Settled(), d.State,
			engine.Maybe[int64]{Value: d.ID, Known: d.ID != 0},
		})
	}
	what := string(d.Cause)
	if d.Field != "" {
		what = fmt.Sprintf("%s: source %s, expected %s, engine %s (%s)", d.Field, shown(d.Source), shown(d.Expected), shown(d.Target), d.Cause)
	}
	return f.say(fmt.Sprintf("%-10s %s %d %s", d.State, d.Entity, d.Row, what))
}

// shown is a value for people.
func shown(v engine.Maybe[string]) string {
	if !v.Known {
		return "NULL"
	}
	return v.Value
}

// checked prints how a check ended, and chooses the exit code.
func (f *ferry) checked(s *engine.Snapshot) error {
	v := s.Check
	if f.settings.JSON {
		if err := f.line(newReport("result", s)); err != nil {
			return err
		}
	} else if err := f.sayChecked(s); err != nil {
		return err
	}
	switch v.Verdict {
	case engine.Pass:
		return nil
	case engine.Fail:
		return exitWith(exitDiscrepancy, fmt.Errorf(
			"%s of %s rows that were compared differ, and that is no change under way; `ferry discrepancies list` has them",
			widget.Count(v.Settled), widget.Count(v.Compared)))
	case engine.CouldNotCheck:
		return unchecked("%s", v.Why)
	}
	return exitWith(exitUnchecked, errors.New("could not check: it has not ended"))
}

func (f *ferry) sayChecked(s *engine.Snapshot) error {
	v := s.Check
	name := "check"
	if v.ID != 0 {
		name = fmt.Sprintf("check #%d", v.ID)
	}
	head := fmt.Sprintf("%s: %s; %s rows compared, %s differ, %s in flight, %s explained, %s of the ids", name, v.Verdict, widget.Count(v.Compared),
		widget.Count(v.Settled), widget.Count(v.InFlight), widget.Count(v.Explain), check.Percent(v.Coverage))
	if took := elapsed(&v.RunView, s.TakenAt); took > 0 {
		head += ", " + took.Round(10*time.Millisecond).String()
	}
	if err := f.say(head); err != nil {
		return err
	}
	for _, e := range v.Entities {
		line := fmt.Sprintf("  %-22s compared %s  differ %s  in flight %s  explained %s  %s of the ids", e.Name,
			widget.Count(e.Compared), widget.Count(e.Settled), widget.Count(e.InFlight), widget.Count(e.Explained), check.Percent(e.Coverage))
		if why := causes(e.ByCause); why != "" {
			line += "  (" + why + ")"
		}
		if err := f.say(line); err != nil {
			return err
		}
	}
	return nil
}

// causes lists causes with their rows.
func causes(of map[engine.Cause]int64) string {
	var parts []string
	for _, cause := range engine.Causes {
		if of[cause] > 0 {
			parts = append(parts, fmt.Sprintf("%s %s", cause, widget.Count(of[cause])))
		}
	}
	return strings.Join(parts, ", ")
}
