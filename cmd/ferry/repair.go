package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"ferry/engine"
	"ferry/engine/check"
	"ferry/tui/widget"
)

func (f *ferry) repairCommand() *cobra.Command {
	return group("repair", "Mend what checks have found: first a plan, then the plan and nothing else", f.repairPlanCommand(),
		f.repairShowCommand(), f.repairApplyCommand())
}

func (f *ferry) repairPlanCommand() *cobra.Command {
	var s finding
	var o engine.RepairOptions
	reason := ""
	cmd := &cobra.Command{
		Use:   "plan [NUMBER…]",
		Short: "Say row by row what a repair would write; nothing is written",
		Long: `Read both sides and say, row by row, what a repair of the selected discrepancies would do, with every column before and after.
Without a selection it is about all that are settled and that nobody has acknowledged. Rows that the source does not have are
deleted only with --delete-extras; rows that the engine has made its own are never overwritten.

The plan has a name, its number and the hash of its rows: ` + "`ferry repair apply`" + ` wants to hear it.

Exit codes: 0 planned · 1 there is nothing to repair · 4 refused.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := s.take(args); err != nil {
				return err
			}
			return f.once(cmd.Context(), func(ctx context.Context, c *crossing) error {
				p, err := c.PlanRepair(ctx, s.DiscrepancySelection, o, engine.Act{Reason: reason})
				if err != nil {
					return err
				}
				return f.plan(p)
			})
		},
	}
	s.register(cmd)
	cmd.Flags().BoolVar(&o.DeleteExtras, "delete-extras", false, "also delete the engine's rows that the source does not have")
	cmd.Flags().StringVar(&reason, "reason", "", "why, for other consoles and the journal")
	return cmd
}

// planName is how an operator names a plan: "12-0123456789ab".
func planName(p *engine.RepairPlan) string {
	return fmt.Sprintf("%d-%s", p.ID, p.Hash[:min(check.ShortHash, len(p.Hash))])
}

// readPlanName takes the name of a plan apart; show needs its number only.
func readPlanName(text string, whole bool) (id int64, hash string, err error) {
	number, hash, named := strings.Cut(text, "-")
	id, err = strconv.ParseInt(number, 10, 64)
	hex := strings.Trim(hash, "0123456789abcdef") == ""
	switch {
	case err != nil || id < 1 || !hex:
		return 0, "", usage("%q is no plan's name; `ferry repair plan` says it, such as 12-0123456789ab", text)
	case whole && (!named || len(hash) < check.ShortHash):
		return 0, "", usage("say the plan's whole name, such as %d-0123456789ab; `ferry repair show %[1]d` says it", id)
	}
	return id, hash, nil
}

func (f *ferry) repairShowCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "show PLAN",
		Short: "A plan, and what became of its rows",
		Long: `Show a plan by its number or its name: every row with its columns before and after, and once it has been applied, what became
of each: applied, moved (it changed since the plan was made, and was left), refused, failed.

Exit codes: 0 shown · 1 there is no such plan.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage("say one plan; `ferry repair plan` makes one")
			}
			id, _, err := readPlanName(args[0], false)
			if err != nil {
				return err
			}
			return f.once(cmd.Context(), func(ctx context.Context, c *crossing) error {
				if err := c.target.Ready(ctx); err != nil {
					return err
				}
				p, err := c.RepairPlan(ctx, id)
				if err != nil {
					return err
				}
				return f.plan(p)
			})
		},
	}
}

func (f *ferry) repairApplyCommand() *cobra.Command {
	confirm, reason := "", ""
	cmd := &cobra.Command{
		Use:   "apply PLAN --confirm DBNAME",
		Short: "Carry a plan out: its rows as planned, and no others",
		Long: `Carry a plan out, here and to its end. Every row is read again from the source and written only if both sides are still as the
plan has them; what changed meanwhile is left and said. --confirm takes the name of the engine database, typed. A plan is good
for a day and for one time; a run that was broken off is taken up again by the same command.

Repaired is not verified: the verdict stays unknown until a whole check has ended clean.

Exit codes: 0 carried out, with what was left said · 1 failed · 4 refused: the plan is stale, spent or another one, the name is not
the database's, another run is active, or this ferry is read-only.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage("say one plan; `ferry repair plan` makes one")
			}
			id, hash, err := readPlanName(args[0], true)
			if err != nil {
				return err
			}
			if confirm == "" {
				return usage("say the name of the engine database with --confirm")
			}
			return f.carry(cmd.Context(), carrying{
				kind: engine.RunRepair,
				begin: func(ctx context.Context, c *crossing) (engine.RunID, error) {
					return takeUp(ctx, c, id, hash, confirm, engine.Act{Reason: reason})
				},
				end: func(ctx context.Context, c *crossing, _ engine.RunID) error {
					p, err := c.RepairPlan(ctx, id)
					if err != nil {
						return err
					}
					return f.plan(p)
				},
			})
		},
	}
	cmd.Flags().StringVar(&confirm, "confirm", "", "the name of the engine database; required")
	cmd.Flags().StringVar(&reason, "reason", "", "why, for other consoles and the journal")
	return cmd
}

// takeUp begins the run that applies a plan, or goes on with the one that was broken off.
func takeUp(ctx context.Context, c *crossing, id int64, hash, confirm string, act engine.Act) (engine.RunID, error) {
	p, err := c.RepairPlan(ctx, id)
	if err != nil {
		return 0, err
	}
	if p.State != engine.RepairApplying || !strings.HasPrefix(p.Hash, hash) || confirm != p.Database {
		return c.ApplyRepair(ctx, id, hash, confirm, act)
	}
	d, err := c.RunDetail(ctx, p.Run)
	if err != nil || !d.State.Resumable() || d.State == engine.RunPaused || d.State == engine.RunPausing {
		return p.Run, err // somebody is at it, or has paused it
	}
	act.Run = p.Run
	return p.Run, c.Resume(ctx, act)
}

// planLine is a plan, or an item of it, in JSON.
type planLine struct {
	*engine.RepairPlan

	V    int    `json:"v"`
	Type string `json:"type"`
	Name string `json:"plan"`
}

// plan prints a plan.
func (f *ferry) plan(p *engine.RepairPlan) error {
	if f.settings.JSON {
		return f.line(planLine{p, 1, "result", planName(p)})
	}
	for _, it := range p.Items {
		for _, line := range describeItem(it) {
			if err := f.say(line); err != nil {
				return err
			}
		}
	}
	if more := p.Total - int64(len(p.Items)); more > 0 {
		if err := f.say(fmt.Sprintf("… and %s rows more", widget.Count(more))); err != nil {
			return err
		}
	}
	return f.say(describePlan(p))
}

// describeItem says what a plan does to a row, and what became of that.
func describeItem(it engine.RepairItem) []string {
	line := fmt.Sprintf("%-8s %-7s %-22s %10d  %s", it.State, it.Action, it.Entity, it.Row, it.Cause)
	if it.With != 0 {
		line += fmt.Sprintf("  along with %d, which gets its code", it.With)
	}
	if it.Outcome != "" {
		line += "  " + it.Outcome
	}
	out := []string{line}
	if it.Action == engine.RepairDelete {
		return out
	}
	columns := maps.Clone(it.Before)
	maps.Copy(columns, it.After)
	for _, name := range slices.Sorted(maps.Keys(columns)) {
		before, had := it.Before[name]
		after, has := it.After[name]
		out = append(out, fmt.Sprintf("           %-28s %s → %s", name, orDash(engine.Maybe[string]{Value: before, Known: had}),
			orDash(engine.Maybe[string]{Value: after, Known: has})))
	}
	return out
}

// describePlan sums a plan up, and says how it is applied.
func describePlan(p *engine.RepairPlan) string {
	var parts []string
	for _, s := range []engine.RepairState{engine.RepairPlanned, engine.RepairApplied, engine.RepairMoved, engine.RepairRefused, engine.RepairFailed} {
		if n := p.ByState[s]; n > 0 {
			parts = append(parts, fmt.Sprintf("%s %s", widget.Count(n), s))
		}
	}
	text := fmt.Sprintf("plan %s of %s by %s: %s rows (%s), %s to be deleted", planName(p), p.MadeAt.Format(time.RFC3339), p.By,
		widget.Count(p.Total), strings.Join(parts, ", "), widget.Count(p.Deletes))
	switch {
	case p.State == engine.RepairPlanned && p.ByState[engine.RepairPlanned] > 0:
		return text + fmt.Sprintf("; `ferry repair apply %s --confirm %s` carries it out", planName(p), p.Database)
	case p.State == engine.RepairPlanned:
		return text + "; nothing of it may be written"
	case p.State == engine.RepairApplied:
		return text + fmt.Sprintf("; applied by run #%d, and verified once a check has ended clean", p.Run)
	}
	return text + fmt.Sprintf("; run #%d is at it", p.Run)
}
