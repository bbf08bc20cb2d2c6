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
	"ferry/engine/entity"
	"ferry/tui/widget"
)

func (f *ferry) quarantineShowCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "show ENTITY ID",
		Short: "One row in quarantine: its columns, why it is there, what waits for it",
		Long: `Show one row that is in quarantine: the reason in words, every column as it was read last, the row that its code belongs
to and the one that it waits for, how often and when it was seen, what waits for it, and who waived it and why.

Exit codes: 0 shown · 1 the row is not in quarantine · 2 there is no such entity.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usage("say an entity and an id, such as `ferry quarantine show loyalty_card 17`")
			}
			ids, err := rowIDs(args[1:])
			if err != nil {
				return err
			}
			if err := knownEntity(args[0]); err != nil {
				return err
			}
			which := engine.QuarantineSelection{Entity: args[0], IDs: ids}
			return f.once(cmd.Context(), func(ctx context.Context, c *crossing) error { return f.showQuarantine(ctx, c, which) })
		},
	}
}

// rowIDs reads ids of source rows.
func rowIDs(args []string) ([]int64, error) {
	var out []int64
	for _, arg := range args {
		id, err := strconv.ParseInt(arg, 10, 64)
		if err != nil || id < 1 {
			return nil, usage("%q is no id of a row", arg)
		}
		out = append(out, id)
	}
	return out, nil
}

func (f *ferry) showQuarantine(ctx context.Context, c *crossing, which engine.QuarantineSelection) error {
	if err := c.target.Ready(ctx); err != nil {
		return err
	}
	found, err := c.QuarantineRows(ctx, which, engine.Listing{Limit: 1})
	if err != nil {
		return err
	}
	if len(found.Rows) == 0 {
		return fmt.Errorf("%w: %s %d; `ferry quarantine list --entity %[2]s` lists those that are", engine.ErrNoSuchRow, which.Entity, which.IDs[0])
	}
	q := found.Rows[0]
	if f.settings.JSON {
		return f.line(quarantineLine{q, 1, "result"})
	}
	for _, line := range describeRow(q) {
		if err := f.say(line); err != nil {
			return err
		}
	}
	return nil
}

// describeRow says everything about a row in quarantine, in words.
func describeRow(q engine.QuarantineRow) []string {
	out := []string{
		fmt.Sprintf("%s %d is in quarantine: %s", q.Entity, q.ID, reasonInWords(q.Entity, q.Reason)),
		fmt.Sprintf("  reason      %s (%s): %s", q.Reason, q.State, q.Detail),
	}
	add := func(name, format string, args ...any) {
		out = append(out, fmt.Sprintf("  %-11s %s", name, fmt.Sprintf(format, args...)))
	}
	if q.Owner.Known {
		add("code's row", "%s %d", q.Entity, q.Owner.Value)
	}
	if q.Parent.Known {
		add("belongs to", "%s %d", q.ParentEntity, q.Parent.Value)
	}
	if q.Stale {
		add("engine", "an older version of it stays there")
	} else {
		add("engine", "it is not there")
	}
	add("seen", "%s, first %s, last %s", times(q.Attempts), q.FirstSeen.Format(time.RFC3339), q.LastSeen.Format(time.RFC3339))
	if q.Due {
		add("due", "the next tick reads it again")
	}
	add("waiting", "%s", hanging(q))
	if q.WaivedBy != "" {
		add("waived", "by %s: %s", q.WaivedBy, q.WaivedNote)
	}
	if len(q.Payload) == 0 {
		add("columns", "not kept while a row only waits")
	}
	for i, name := range slices.Sorted(maps.Keys(q.Payload)) {
		if i == 0 {
			out = append(out, "  columns")
		}
		out = append(out, fmt.Sprintf("    %-20s %s", name, q.Payload[name]))
	}
	return out
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

func hanging(q engine.QuarantineRow) string {
	switch q.Hangs {
	case 0:
		return "nothing waits for it"
	case 1:
		return "1 row of another entity waits for it"
	}
	return widget.Count(q.Hangs) + " rows of other entities wait for it"
}

// refusedPrefix begins the reason of a row that the engine database refused; the SQLSTATE follows.
const refusedPrefix = "refused_"

// reasonInWords says what a reason means.
func reasonInWords(of, reason string) string {
	switch {
	case reason == entity.ReasonWaiting:
		return "it is valid, and waits until what it belongs to is in the engine"
	case reason == entity.ReasonCode:
		return "its code belongs to another row"
	case reason == entity.ReasonOwned:
		return "the engine has made its copy its own, so it is not overwritten"
	case strings.HasPrefix(reason, refusedPrefix):
		return "the engine database refused it with SQLSTATE " + strings.TrimPrefix(reason, refusedPrefix)
	}
	if e, known := entity.Find(of); known {
		for _, rule := range e.Rules {
			if rule.Name == reason {
				return rule.Why
			}
		}
	}
	return reason
}
