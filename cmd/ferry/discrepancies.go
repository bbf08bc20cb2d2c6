package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"ferry/engine"
	"ferry/engine/check"
)

func (f *ferry) discrepanciesCommand() *cobra.Command {
	return group("discrepancies", "What checks have found to differ between Odoo and the engine", f.discrepanciesListCommand(),
		f.discrepanciesShowCommand(), f.discrepanciesRecheckCommand(), f.discrepanciesAcknowledgeCommand(), f.discrepanciesExportCommand())
}

// discrepancyFields are the columns that a filter may name.
var discrepancyFields = []string{
	"number", "entity", "id", "field", "cause", "state", "source", "expected", "target", "found", "seen", "acknowledged",
}

// finding says which discrepancies a command is about.
type finding struct {
	engine.DiscrepancySelection

	cause, filter string
	states        []string
	run           runFlag
	all           bool
}

func (s *finding) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&s.Entity, "entity", "", "only of this source table")
	flags.StringVar(&s.cause, "cause", "", "only with this cause: "+joined(engine.Causes))
	flags.StringSliceVar(&s.states, "state", nil, "only in these states: "+joined(discrepancyStates)+"; without it those that are not over")
	flags.Var(&s.run, "run", "only those that this check has seen")
	flags.StringVar(&s.filter, "filter", "", "only those that fit: words (regular expressions), `field:word`, `!word`; fields are "+
		strings.Join(discrepancyFields, ", "))
}

// discrepancyStates are all states.
var discrepancyStates = slices.Concat(engine.OpenDiscrepancy, []engine.DiscrepancyState{engine.DiscrepancyVerified})

func joined[T ~string](names []T) string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = string(n)
	}
	return strings.Join(out, ", ")
}

// take reads the numbers and the flags, and refuses what no discrepancy can have: a typing error must not read as all clear.
func (s *finding) take(args []string) error {
	for _, arg := range args {
		number, err := strconv.ParseInt(strings.TrimPrefix(arg, "#"), 10, 64)
		if err != nil || number < 1 {
			return usage("%q is no discrepancy's number; `ferry discrepancies list` has them", arg)
		}
		s.IDs = append(s.IDs, number)
	}
	if err := knownEntity(s.Entity); err != nil {
		return err
	}
	if s.Cause = engine.Cause(s.cause); s.cause != "" && !slices.Contains(engine.Causes, s.Cause) {
		return usage("no cause %q; there are %s", s.cause, joined(engine.Causes))
	}
	for _, state := range s.states {
		if !slices.Contains(discrepancyStates, engine.DiscrepancyState(state)) {
			return usage("no state %q; there are %s", state, joined(discrepancyStates))
		}
		s.States = append(s.States, engine.DiscrepancyState(state))
	}
	s.Run = engine.RunID(s.run)
	var err error
	if s.Filter, err = engine.ParseFilter(s.filter, discrepancyFields); err != nil {
		return usage("--filter: %w", err)
	}
	return nil
}

// some refuses a selection that is none: what is about every discrepancy must say so.
func (s *finding) some() error {
	some := len(s.IDs) > 0 || s.Entity != "" || s.Cause != "" || len(s.States) > 0 || s.Run != 0 || len(s.Filter) > 0
	switch {
	case s.all && some:
		return usage("say --all alone, or which discrepancies")
	case !s.all && !some:
		return usage("say which discrepancies: numbers, --entity, --cause, --state, --run, --filter, or --all")
	}
	return nil
}

func (f *ferry) discrepanciesListCommand() *cobra.Command {
	var s finding
	limit := 0
	cmd := &cobra.Command{
		Use:   "list",
		Short: "Discrepancies that are not over, or those in a state",
		Long: `List discrepancies by number: one line for each field of a row, or for a row as a whole, with what the source says, what the
engine should have and what it has. Settled ones are wrong; those in flight may be a change under way; explained ones are known and
kept by policy; repaired ones wait for a check that sees both sides equal, and are verified then.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := knownLimit(limit); err != nil {
				return err
			}
			if err := s.take(nil); err != nil {
				return err
			}
			return f.once(cmd.Context(), func(ctx context.Context, c *crossing) error { return f.listDiscrepancies(ctx, c, s, limit) })
		},
	}
	s.register(cmd)
	cmd.Flags().IntVar(&limit, "limit", 0, "at most so many; 0 for all")
	return cmd
}

func (f *ferry) listDiscrepancies(ctx context.Context, c *crossing, s finding, limit int) error {
	if err := c.target.Ready(ctx); err != nil {
		return err
	}
	shown := 0
	for d, err := range check.Every(ctx, c, s.DiscrepancySelection) {
		if err != nil {
			return err
		}
		if err := f.discrepancy(d); err != nil {
			return err
		}
		shown++
		if shown == limit {
			break
		}
	}
	if f.settings.JSON {
		return f.listed(shown)
	}
	if shown == 0 {
		fmt.Fprintln(f.out, "no such discrepancy is known; a check looks for them")
	}
	return nil
}

func (f *ferry) discrepancy(d engine.Discrepancy) error {
	if f.settings.JSON {
		return f.line(check.JSONLine(d))
	}
	field := d.Field
	if field == "" {
		field = "(row)"
	}
	source, expected, target := d.Sides()
	line := fmt.Sprintf("#%-6d %-22s %10d  %-20s %-17s %-9s  source %s  expected %s  engine %s", d.ID, d.Entity, d.Row, field, d.Cause, d.State,
		orDash(source), orDash(expected), orDash(target))
	if d.Acknowledged(time.Now()) {
		line += "  acknowledged by " + d.AckBy + because(d.AckNote)
	}
	return f.say(line)
}

// orDash is a value that may be unknown.
func orDash(v engine.Maybe[string]) string {
	if !v.Known {
		return "–"
	}
	if v.Value == "" {
		return `""`
	}
	return v.Value
}

func (f *ferry) discrepanciesShowCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "show NUMBER",
		Short: "One discrepancy with its whole life",
		Long: `Show one discrepancy: both sides, its cause, when it was found, seen last, settled, repaired and verified, and by which runs,
and who acknowledged it.

Exit codes: 0 shown · 1 there is no such discrepancy.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			var s finding
			if len(args) != 1 {
				return usage("say one number; `ferry discrepancies list` has them")
			}
			if err := s.take(args); err != nil {
				return err
			}
			return f.once(cmd.Context(), func(ctx context.Context, c *crossing) error { return f.showDiscrepancy(ctx, c, s) })
		},
	}
}

func (f *ferry) showDiscrepancy(ctx context.Context, c *crossing, s finding) error {
	if err := c.target.Ready(ctx); err != nil {
		return err
	}
	page, err := c.Discrepancies(ctx, s.DiscrepancySelection, engine.Listing{Limit: 1})
	if err != nil {
		return err
	}
	if len(page.Rows) == 0 {
		return engine.Refuse(engine.ErrNoSuchRow, "there is no discrepancy %d; `ferry discrepancies list` has them", s.IDs[0])
	}
	if f.settings.JSON {
		return f.line(struct {
			engine.Discrepancy

			V    int    `json:"v"`
			Type string `json:"type"`
		}{page.Rows[0], 1, "result"})
	}
	for _, line := range describeDiscrepancy(page.Rows[0]) {
		if err := f.say(line); err != nil {
			return err
		}
	}
	return nil
}

// describeDiscrepancy says everything about a discrepancy, in words.
func describeDiscrepancy(d engine.Discrepancy) []string {
	what := d.Field
	if what == "" {
		what = "the row as a whole"
	}
	out := []string{fmt.Sprintf("discrepancy #%d: %s %d, %s: %s, %s", d.ID, d.Entity, d.Row, what, d.Cause, d.State)}
	add := func(name, text string) { out = append(out, fmt.Sprintf("  %-13s %s", name, text)) }
	source, expected, target := d.Sides()
	add("source", orDash(source))
	add("expected", orDash(expected))
	add("engine", orDash(target))
	event := func(name string, run engine.RunID, at time.Time) {
		switch {
		case at.IsZero():
		case run == 0:
			add(name, at.Format(time.RFC3339))
		default:
			add(name, fmt.Sprintf("%s by run #%d", at.Format(time.RFC3339), run))
		}
	}
	event("found", d.FoundRun, d.FoundAt)
	event("seen", d.SeenRun, d.SeenAt)
	event("settled", 0, d.SettledAt)
	event("repaired", d.RepairedRun, d.RepairedAt)
	event("verified", d.VerifiedRun, d.VerifiedAt)
	if d.AckBy != "" {
		until := ""
		switch {
		case d.AckUntil.IsZero():
		case d.Acknowledged(time.Now()):
			until = ", until " + d.AckUntil.Format(time.RFC3339)
		default:
			until = ", which counted until " + d.AckUntil.Format(time.RFC3339)
		}
		add("acknowledged", fmt.Sprintf("%s by %s%s%s", d.AckAt.Format(time.RFC3339), d.AckBy, because(d.AckNote), until))
	}
	return out
}
