package main

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"ferry/engine"
	"ferry/engine/entity"
	"ferry/tui/widget"
)

// tending says which rows of quarantine a command is about.
type tending struct {
	engine.QuarantineSelection

	all bool
}

func (t *tending) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&t.Entity, "entity", "", "rows of this source table; ids are of it")
	cmd.Flags().StringVar(&t.Reason, "reason", "", "rows with this reason, such as card.partner_missing")
	cmd.Flags().BoolVar(&t.all, "all", false, "every row in quarantine")
}

// take reads the ids, and refuses a selection that is none: what is about every row must say so.
func (t *tending) take(args []string) error {
	if len(args) > 1 && t.Entity == "" {
		if _, named := entity.Find(args[0]); named {
			return usage("write --entity %s", strings.Join(args, " "))
		}
	}
	var err error
	if t.IDs, err = rowIDs(args); err != nil {
		return err
	}
	if err := knownEntity(t.Entity); err != nil {
		return err
	}
	if err := knownReason(t.Reason); err != nil {
		return err
	}
	some := t.Entity != "" || t.Reason != "" || len(t.IDs) > 0
	switch {
	case len(t.IDs) > 0 && t.Entity == "":
		return usage("an id needs its entity: --entity loyalty_card %s", strings.Join(args, " "))
	case t.all && some:
		return usage("say --all alone, or which rows")
	case !t.all && !some:
		return usage("say which rows: --entity, --reason, ids, or --all")
	}
	return nil
}

func (f *ferry) quarantineRetryCommand() *cobra.Command {
	var t tending
	cmd := &cobra.Command{
		Use:   "retry [ID…]",
		Short: "Have rows read again, at once",
		Long: `Have rows in quarantine read again by a tick, which is begun at once and carried out here, unless a run is active: then the
next tick reads them. Rows are retried by themselves too, when they change or when what they wait for comes.

Exit codes: 0 read again, whatever came of it · 1 no such row is in quarantine, or the tick failed · 4 refused, or the tick is
paused or needs an answer.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := t.take(args); err != nil {
				return err
			}
			return f.retryQuarantine(cmd.Context(), t.QuarantineSelection)
		},
	}
	t.register(cmd)
	return cmd
}

// retryQuarantine has rows read again, and carries the tick out that does so.
func (f *ferry) retryQuarantine(ctx context.Context, which engine.QuarantineSelection) error {
	soft, hard, caught, release := untilSignal(ctx)
	defer release()
	c, level, end, err := f.openWorking(soft, hard)
	if err != nil {
		return err
	}
	defer end()
	rows, s, own, err := f.beginRetry(soft, c, which)
	if err != nil {
		c.leave(hard)
		return err
	}
	tick := s.Run
	if !own || f.settings.Workers == 0 {
		c.leave(hard)
		return f.retriedLater(s, rows)
	}
	level.Set(slog.LevelWarn)
	c.Run(hard)
	s, err = f.follow(soft, c, tick.ID)
	if err = f.drain(soft, hard, c, err); err == nil {
		err = f.retried(s, rows)
	}
	if code := caught(); code != 0 {
		f.interrupted(hard, c, tick.ID, tick.Kind)
		return exitWith(code, nil)
	}
	return err
}

// beginRetry marks rows to be read again, and gives their number, what is at work then, and whether that is a tick which
// begins only now: one that was at work before may have read them already.
func (f *ferry) beginRetry(ctx context.Context, c *crossing, which engine.QuarantineSelection) (rows int64, s *engine.Snapshot, own bool, err error) {
	if err := c.reach(ctx); err != nil {
		return 0, nil, false, err
	}
	if err := c.target.Ready(ctx); err != nil {
		return 0, nil, false, err
	}
	before, err := c.target.Read(ctx)
	if err != nil {
		return 0, nil, false, err
	}
	if rows, err = c.RetryQuarantine(ctx, which, engine.Act{}); err != nil {
		return 0, nil, false, err
	}
	if s, err = c.target.Read(ctx); err != nil {
		return 0, nil, false, err
	}
	own = s.Run != nil && s.Run.State.Active() && s.Run.Kind == engine.RunIncremental && (before.Run == nil || before.Run.ID != s.Run.ID)
	return rows, s, own, nil
}

// retriedLater says when rows are read again that are not read here.
func (f *ferry) retriedLater(s *engine.Snapshot, rows int64) error {
	verb, what := "are", ""
	if rows == 1 {
		verb = "is"
	}
	if s.Run != nil && s.Run.State.Active() {
		what = fmt.Sprintf("; %s is active", runWords(s.Run))
	}
	return f.tended(rows, verb+" read again by the next tick"+what)
}

// retried says what came of rows that were read again.
func (f *ferry) retried(s *engine.Snapshot, rows int64) error {
	if s.Run.State == engine.RunDone {
		var released int64
		for _, e := range s.Entities {
			released += e.Counts.Released
		}
		return f.tended(rows, fmt.Sprintf("read again by run #%d; %s left quarantine", s.Run.ID, widget.Count(released)))
	}
	return f.result(s)
}

func (f *ferry) quarantineWaiveCommand() *cobra.Command {
	var t tending
	note, undo := "", false
	cmd := &cobra.Command{
		Use:   "waive [ID…] --note TEXT",
		Short: "Decide that rows may stay in quarantine: they no longer count against the limit",
		Long: `Decide that rows may stay in quarantine, and say why: they no longer count against the limit of rejected rows, in exit codes
and in the console. They stay waived for as long as their reason is the same. --undo takes that back.

Exit codes: 0 done · 1 no such row is in quarantine, or none that this would change · 4 refused.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := t.take(args); err != nil {
				return err
			}
			if strings.TrimSpace(note) == "" && !undo {
				return usage("say why with --note: whoever looks next must be able to judge it")
			}
			return f.once(cmd.Context(), func(ctx context.Context, c *crossing) error {
				if err := c.target.Ready(ctx); err != nil {
					return err
				}
				rows, err := c.Waive(ctx, t.QuarantineSelection, engine.Act{Reason: note}, undo)
				if err != nil {
					return err
				}
				if undo {
					return f.tended(rows, "counted again")
				}
				return f.tended(rows, "waived")
			})
		},
	}
	t.register(cmd)
	cmd.Flags().StringVar(&note, "note", "", "why they may stay, for whoever looks next and for the journal; required, but for --undo")
	cmd.Flags().BoolVar(&undo, "undo", false, "let waived rows count again")
	return cmd
}

// tended says of how many rows something was done.
func (f *ferry) tended(rows int64, what string) error {
	if f.settings.JSON {
		return f.line(map[string]any{"v": 1, "type": "result", "rows": rows})
	}
	noun := " rows "
	if rows == 1 {
		noun = " row "
	}
	return f.say(widget.Count(rows) + noun + what)
}
