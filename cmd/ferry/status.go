package main

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"ferry/engine"
	"ferry/engine/monitor"
	"ferry/tui/widget"
)

func (f *ferry) statusCommand() *cobra.Command {
	check := false
	cmd := &cobra.Command{
		Use:   "status",
		Short: "One snapshot: the active run, or the last one, and what the engine holds",
		Long: `Print one snapshot: the active run, or the last one; what each entity has on both sides and in quarantine; how late the
engine may be, what holds the floor back, and when ticks come; and whether the engine is sealed, by whom and why.

Exit codes: 0 printed · 1 a database does not answer, or the engine database is not initialised.
With --check: 0 all is well · 3 settled discrepancies, more of an entity's rows are rejected than the limit (--rejected-share,
else the policy), or its rows do not add up · 5 that could not be said: nothing was synced yet, a database does not answer, it
is not known how late the engine is, it may be more than a minute late though ticks are kept by somebody or paused, or a
check was begun and its proof does not hold. It prints why.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if check {
				return f.checkStatus(cmd.Context())
			}
			return f.once(cmd.Context(), func(ctx context.Context, c *crossing) error {
				if err := c.target.Ready(ctx); err != nil {
					return err
				}
				return f.snapshot(c.Look(ctx))
			})
		},
	}
	cmd.Flags().BoolVar(&check, "check", false, "judge what is seen: exit code 3 if it is wrong, 5 if that cannot be said")
	return cmd
}

// snapshot prints a snapshot as a result.
func (f *ferry) snapshot(s *engine.Snapshot) error {
	if f.settings.JSON {
		return f.line(newReport("result", s))
	}
	writePlain(f.out, s)
	return nil
}

// checkStatus prints a snapshot and judges it. A database that does not answer is not looked for again: this is for
// monitors, which come back.
func (f *ferry) checkStatus(ctx context.Context) error {
	c, err := f.open(ctx, 0, logTo(f.err, slog.LevelError))
	if err != nil {
		return err
	}
	defer c.close()
	limited, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	s := c.Look(limited)
	if err := f.snapshot(s); err != nil {
		return err
	}
	return f.judge(s)
}

// judge chooses the exit code of a check: what is wrong comes before what is not known.
func (f *ferry) judge(s *engine.Snapshot) error {
	if s.Target.Down() {
		return unchecked("the engine database %s does not answer: %s", s.Target.Address, s.Target.Err)
	}
	switch s.Setup {
	case engine.SetupReady:
	case engine.SetupOlder:
		return exitWith(exitUnchecked, fmt.Errorf("%w: run `ferry init` to migrate it", engine.ErrSchemaOlder))
	case engine.SetupNewer:
		return exitWith(exitUnchecked, fmt.Errorf("%w: use that version or a later one", engine.ErrSchemaNewer))
	case engine.SetupMissing, engine.SetupUnknown:
		return exitWith(exitUnchecked, fmt.Errorf("%w: run `ferry init` first", engine.ErrNotInitialised))
	}
	return f.judgeReady(s)
}

// judgeReady judges what an engine database holds that is ready.
func (f *ferry) judgeReady(s *engine.Snapshot) error {
	var unknown []string
	for _, e := range s.Entities {
		switch {
		case !e.Accounted.Known:
			unknown = append(unknown, e.Name)
		case !e.Accounted.Value:
			return exitWith(exitDiscrepancy, fmt.Errorf("the rows of %s do not add up: source %d, engine %d − stale %d − extra %d + quarantined %d; "+
				"`ferry sync full` reads every row", e.Name, e.SourceRows.Value, e.TargetRows.Value, e.Stale.Value, e.Extra.Value, e.Quarantined.Value))
		}
		if share := e.RejectedShare(); share.Known && share.Value > f.settings.rejectedLimit(e) {
			return f.tooMany(s, e, share.Value)
		}
	}
	if p := s.Proof; p.Verdict == engine.Fail || p.Settled > 0 {
		return exitWith(exitDiscrepancy, fmt.Errorf("%s not as Odoo has it, and it is no change under way%s; see `ferry discrepancies list`",
			widget.Plural(p.Settled, "row is", "rows are"), agreeing(p)))
	}
	switch {
	case s.Source.Down():
		return unchecked("the source %s does not answer: %s", s.Source.Address, s.Source.Err)
	case s.Freshness.ReadFrom.IsZero():
		return unchecked("no cycle has been completed, so nobody knows how late the engine is; `ferry sync full` makes the first")
	}
	if err := late(s); err != nil {
		return err
	}
	if len(unknown) > 0 {
		return unchecked("whether the rows of %s add up is not known while a run reads them; ask again when it has ended", strings.Join(unknown, ", "))
	}
	return unproven(s.Proof)
}

// agreeing says how many rows agree all the same.
func agreeing(p engine.ProofView) string {
	if !p.Agreement.Known {
		return ""
	}
	return ", " + monitor.Percent(p.Agreement.Value, 1) + " agree"
}

// unproven fails with exitUnchecked if checks were begun and what they say does not hold. Where nobody ever checks there is
// nothing to say: that is the state of an engine that is only synced.
func unproven(p engine.ProofView) error {
	if p.NewestAt.IsZero() || p.Verdict != engine.CouldNotCheck {
		return nil
	}
	why := cmp.Or(p.Why, "no clean pass of a check is young enough")
	return unchecked("whether the engine is as Odoo says is not proven: %s; `ferry check` compares both sides", why)
}

func unchecked(format string, args ...any) error {
	return exitWith(exitUnchecked, fmt.Errorf("could not check: "+format, args...))
}
