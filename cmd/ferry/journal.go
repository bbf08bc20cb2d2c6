package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"ferry/engine"
)

func (f *ferry) journalCommand() *cobra.Command {
	limit := 0
	list := &cobra.Command{
		Use:   "list",
		Short: "Every action, newest first: who, from where, what, on what state, why, how it ended",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := knownLimit(limit); err != nil {
				return err
			}
			return f.once(cmd.Context(), func(ctx context.Context, c *crossing) error { return f.listJournal(ctx, c, limit) })
		},
	}
	list.Flags().IntVar(&limit, "limit", 100, "at most so many entries; 0 for all")
	return group("journal", "What was done, by whom", list)
}

// group is a command that only holds others.
func group(name, short string, commands ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use:   name,
		Short: short,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage("unknown command %q; see `%s --help`", args[0], cmd.CommandPath())
			}
			return usage("say what: `%s --help` lists it", cmd.CommandPath())
		},
	}
	cmd.AddCommand(commands...)
	return cmd
}

// page is how many entries are asked for at once, so that memory stays bounded however long a list is.
const page = 500

type journalLine struct {
	engine.JournalEntry

	V    int    `json:"v"`
	Type string `json:"type"`
}

func (f *ferry) listJournal(ctx context.Context, c *crossing, limit int) error {
	if err := c.target.Ready(ctx); err != nil {
		return err
	}
	shown, before := 0, int64(0)
	for {
		entries, err := c.target.Journal(ctx, before, page)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if limit > 0 && shown == limit {
				return f.listed(shown)
			}
			if err := f.journalEntry(e); err != nil {
				return err
			}
			shown++
			before = e.ID
		}
		if len(entries) < page {
			return f.listed(shown)
		}
	}
}

// listed ends a listing in JSON with its result.
func (f *ferry) listed(rows int) error {
	if !f.settings.JSON {
		return nil
	}
	return f.line(map[string]any{"v": 1, "type": "result", "rows": rows})
}

func (f *ferry) journalEntry(e engine.JournalEntry) error {
	if f.settings.JSON {
		return f.line(journalLine{e, 1, "journal"})
	}
	run := ""
	if e.Run.Known {
		run = fmt.Sprintf(" run #%d", e.Run.Value)
	}
	var line strings.Builder
	fmt.Fprintf(&line, "%s  %-20s %s%s", e.At.Format("2006-01-02T15:04:05Z"), e.Actor, e.Action, run)
	for _, part := range [][2]string{{", was ", e.State}, {": ", e.Outcome}, {" — ", e.Reason}, {"  from ", e.SSH}} {
		if part[1] != "" {
			line.WriteString(part[0] + part[1])
		}
	}
	return f.say(line.String())
}
