package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"ferry/engine"
	"ferry/engine/entity"
	"ferry/store/enginedb"
)

func (f *ferry) quarantineCommand() *cobra.Command {
	var filter enginedb.QuarantineFilter
	list := &cobra.Command{
		Use:   "list",
		Short: "Rows that are in quarantine, with the reason and the cure",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := knownEntity(filter.Entity); err != nil {
				return err
			}
			if err := knownReason(filter.Reason); err != nil {
				return err
			}
			return f.once(cmd.Context(), func(ctx context.Context, c *crossing) error {
				return f.listQuarantine(ctx, c, filter)
			})
		},
	}
	list.Flags().StringVar(&filter.Entity, "entity", "", "only of this source table")
	list.Flags().StringVar(&filter.Reason, "reason", "", "only for this reason, such as card.partner_missing")
	list.Flags().IntVar(&filter.Limit, "limit", 0, "at most so many rows")
	return group("quarantine", "Source rows that are not in the engine as they should be", list)
}

// knownReason refuses a reason that no row can have: a typing error must not read as all clear.
func knownReason(name string) error {
	known := []string{"", entity.ReasonWaiting, entity.ReasonCode, entity.ReasonOwned}
	for rule := range entity.DefaultRules() {
		known = append(known, rule)
	}
	if slices.Contains(known, name) || strings.HasPrefix(name, "refused_") {
		return nil
	}
	slices.Sort(known)
	return usage("no reason %q; there are refused_SQLSTATE, %s", name, strings.Join(known[1:], ", "))
}

type quarantineLine struct {
	engine.QuarantineRow

	V    int    `json:"v"`
	Type string `json:"type"`
}

func (f *ferry) listQuarantine(ctx context.Context, c *crossing, filter enginedb.QuarantineFilter) error {
	if err := c.target.Ready(ctx); err != nil {
		return err
	}
	count := 0
	err := c.target.Quarantine(ctx, filter, func(q engine.QuarantineRow) error {
		count++
		if f.settings.JSON {
			return f.line(quarantineLine{q, 1, "quarantine"})
		}
		more := ""
		if q.Owner.Known {
			more += fmt.Sprintf(" (%d)", q.Owner.Value)
		}
		if q.Stale {
			more += "; an older version is in the engine"
		}
		return f.say(fmt.Sprintf("%-22s %10d  %-26s %s%s", q.Entity, q.ID, q.Reason, q.Detail, more))
	})
	if err != nil {
		return err
	}
	if f.settings.JSON {
		return f.line(map[string]any{"v": 1, "type": "result", "rows": count})
	}
	switch {
	case count > 0:
	case filter.Entity != "" || filter.Reason != "":
		fmt.Fprintln(f.out, "nothing of that is in quarantine")
	default:
		fmt.Fprintln(f.out, "nothing is in quarantine")
	}
	return nil
}
