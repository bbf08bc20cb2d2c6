package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"ferry/engine"
	"ferry/engine/entity"
)

func (f *ferry) quarantineCommand() *cobra.Command {
	return group("quarantine", "Source rows that are not in the engine as they should be", f.quarantineListCommand(), f.quarantineShowCommand(),
		f.quarantineRetryCommand(), f.quarantineWaiveCommand(), f.quarantineRuleCommand(), f.quarantineRulesCommand())
}

// listing narrows what is listed of quarantine.
type listing struct {
	engine.QuarantineSelection

	state string
	limit int // 0: all
}

// rowStates are those of a row that is in quarantine.
var rowStates = []string{"open", "waiting_parent", "waived"}

func (f *ferry) quarantineListCommand() *cobra.Command {
	var l listing
	cmd := &cobra.Command{
		Use:   "list",
		Short: "Rows that are in quarantine, with the reason",
		Long: `List the rows that are in quarantine now, by entity and id, with the reason. A row is open (a rule or the engine refused
it), waiting_parent (valid, but what it belongs to is not in the engine) or waived (somebody decided that it may stay).`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := l.check(); err != nil {
				return err
			}
			return f.once(cmd.Context(), func(ctx context.Context, c *crossing) error { return f.listQuarantine(ctx, c, l) })
		},
	}
	cmd.Flags().StringVar(&l.Entity, "entity", "", "only of this source table")
	cmd.Flags().StringVar(&l.Reason, "reason", "", "only for this reason, such as card.partner_missing")
	cmd.Flags().StringVar(&l.state, "state", "", "only in this state: "+strings.Join(rowStates, ", "))
	cmd.Flags().IntVar(&l.limit, "limit", 0, "at most so many rows; 0 for all")
	return cmd
}

func (l listing) check() error {
	if err := knownLimit(l.limit); err != nil {
		return err
	}
	if err := knownEntity(l.Entity); err != nil {
		return err
	}
	if l.state != "" && !slices.Contains(rowStates, l.state) {
		return usage("no state %q; there are %s", l.state, strings.Join(rowStates, ", "))
	}
	return knownReason(l.Reason)
}

// knownReason refuses a reason that no row can have: a typing error must not read as all clear.
func knownReason(name string) error {
	known := []string{"", entity.ReasonWaiting, entity.ReasonCode, entity.ReasonOwned}
	for rule := range entity.DefaultRules() {
		known = append(known, rule)
	}
	if slices.Contains(known, name) || strings.HasPrefix(name, refusedPrefix) {
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

func (f *ferry) listQuarantine(ctx context.Context, c *crossing, l listing) error {
	if err := c.target.Ready(ctx); err != nil {
		return err
	}
	shown, err := f.eachQuarantined(ctx, c, l)
	switch {
	case err != nil:
		return err
	case f.settings.JSON:
		return f.listed(shown)
	case shown > 0:
	case l.Entity != "" || l.Reason != "" || l.state != "":
		fmt.Fprintln(f.out, "nothing of that is in quarantine")
	default:
		fmt.Fprintln(f.out, "nothing is in quarantine")
	}
	return nil
}

// eachQuarantined prints the rows that are meant, and counts them: one entity after the other, whose rows an index gives by id.
func (f *ferry) eachQuarantined(ctx context.Context, c *crossing, l listing) (int, error) {
	names := []string{l.Entity}
	if l.Entity == "" {
		names = nil
		for _, e := range entity.All() {
			names = append(names, e.Name)
		}
		slices.Sort(names)
	}
	shown := 0
	for _, l.Entity = range names {
		more, err := f.eachOfEntity(ctx, c, l)
		shown += more
		if err != nil || (l.limit > 0 && more == l.limit) {
			return shown, err
		}
		l.limit = max(0, l.limit-more) // 0 is none
	}
	return shown, nil
}

func (f *ferry) eachOfEntity(ctx context.Context, c *crossing, l listing) (int, error) {
	shown, want := 0, engine.Listing{Limit: page}
	for {
		read, err := c.QuarantineRows(ctx, l.QuarantineSelection, want)
		if err != nil {
			return shown, err
		}
		for _, q := range read.Rows {
			if l.state != "" && q.State != l.state {
				continue
			}
			if err := f.quarantineRow(q); err != nil {
				return shown, err
			}
			shown++
			if shown == l.limit {
				return shown, nil
			}
		}
		if !read.More {
			return shown, nil
		}
		want.From = &read.Cursors[len(read.Cursors)-1]
	}
}

func (f *ferry) quarantineRow(q engine.QuarantineRow) error {
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
	if q.WaivedBy != "" {
		more += "; waived by " + q.WaivedBy
	}
	if q.Due {
		more += "; the next tick reads it again"
	}
	return f.say(fmt.Sprintf("%-22s %10d  %-26s %s%s", q.Entity, q.ID, q.Reason, q.Detail, more))
}
