package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"ferry/engine"
	"ferry/tui/widget"
)

func (f *ferry) cardCommand() *cobra.Command {
	return group("card", "Why a card is as it is", f.cardShowCommand())
}

// linesSaid is how many lines of a card's ledger are printed unless asked for otherwise.
const linesSaid = 20

func (f *ferry) cardShowCommand() *cobra.Command {
	scan, lines := false, linesSaid
	cmd := &cobra.Command{
		Use:   "show ID|CODE",
		Short: "One card on both sides: what is so, why, and what to do now",
		Long: `Show one card, by id or by code. A code is cleaned as a load would; a number is an id if either side knows it, else a code.
The first sentence says what is so, why, and what to do now. Behind it: field by field what the source has, what the engine
should have and has; Odoo's three balances; the newest lines of the ledger; what is known of how the engine's copy came about.

The ledger is read from the engine's copy, which is rounded to cents. With --source it is read from Odoo's database: tables
without an index on the card are scanned for it, and the report says what that costs.

A code that the engine does not know is looked for at the source: first in the spellings that an index finds at once (as
typed, trimmed, in lower and in upper case), then in any other for at most 2 s.

Exit codes: 0 shown · 1 nobody knows such a card, or a database does not answer.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			key, err := cardKey(args)
			if err != nil {
				return err
			}
			if err := knownLimit(lines); err != nil {
				return err
			}
			return f.once(cmd.Context(), func(ctx context.Context, c *crossing) error { return f.showCard(ctx, c, key, scan, lines) })
		},
	}
	cmd.Flags().BoolVar(&scan, "source", false, "read the card's ledger from the source, which may scan whole tables")
	cmd.Flags().IntVar(&lines, "limit", linesSaid, "print at most so many lines of the ledger; 0 for all that were read")
	return cmd
}

// cardKey reads what names a card.
func cardKey(args []string) (engine.CardKey, error) {
	if len(args) != 1 || strings.TrimSpace(args[0]) == "" {
		return engine.CardKey{}, usage("say one card, by id or by code, such as `ferry card show 17`; a code with spaces wants quotes")
	}
	key := engine.CardKey{Code: args[0]}
	if id, err := strconv.ParseInt(args[0], 10, 64); err == nil && id > 0 {
		key.ID = id
	}
	return key, nil
}

type cardLine struct {
	*engine.CardReport

	V    int    `json:"v"`
	Type string `json:"type"`
}

func (f *ferry) showCard(ctx context.Context, c *crossing, key engine.CardKey, scan bool, lines int) error {
	if err := c.target.Ready(ctx); err != nil {
		return err
	}
	r, err := c.Card(ctx, key, scan)
	if err != nil {
		return err
	}
	if f.settings.JSON {
		if err := f.line(cardLine{r, 1, "result"}); err != nil {
			return err
		}
	}
	if r.ID == 0 {
		return exitWith(exitError, errors.New(r.Sentence))
	}
	if f.settings.JSON {
		return nil
	}
	return f.sayAll(describeCard(r, lines))
}

func (f *ferry) sayAll(lines []string) error {
	for _, line := range lines {
		if err := f.say(line); err != nil {
			return err
		}
	}
	return nil
}

// describeCard says everything about a card, in words.
func describeCard(r *engine.CardReport, lines int) []string {
	out := []string{fmt.Sprintf("card %d  %s", r.ID, r.Code), r.Sentence, ""}
	out = append(out, describeFields(r)...)
	out = append(out, "")
	out = append(out, describeBalances(r)...)
	for _, d := range r.Differences {
		out = append(out, "  differs     "+describeDifference(d))
	}
	for _, d := range r.Discrepancies {
		out = append(out, fmt.Sprintf("  check #%-4d %s", d.SeenRun, describeDifference(d)))
	}
	if len(r.Others) > 0 {
		out = append(out, "  same code   "+strings.Trim(strings.Join(strings.Fields(fmt.Sprint(r.Others)), ", "), "[]"))
	}
	if r.Provenance != "" {
		out = append(out, "  provenance  "+r.Provenance)
	}
	return append(out, describeLines(r, lines)...)
}

func describeDifference(d engine.Discrepancy) string {
	what := d.Field + ": engine " + cell(d.Target) + ", should be " + cell(d.Expected)
	if d.Field == "" {
		what = "the row as a whole"
	}
	return fmt.Sprintf("%s %d %s (%s, %s)", d.Entity, d.Row, what, d.Cause, d.State)
}

// cell is a value in a table; what is not there is a dash.
func cell(v engine.Maybe[string]) string {
	if !v.Known {
		return "–"
	}
	return v.Value
}

func describeFields(r *engine.CardReport) []string {
	out := []string{fmt.Sprintf("  %-14s %-24s %-24s %-24s %s", "field", "Odoo, raw", "Odoo", "expected", "engine")}
	for _, field := range r.Fields {
		sign := ""
		if !field.Equal {
			sign = "  ≠"
		}
		out = append(out, fmt.Sprintf("  %-14s %-24s %-24s %-24s %s%s",
			field.Name, cell(field.Raw), cell(field.Source), cell(field.Expected), cell(field.Target), sign))
	}
	return out
}

func describeBalances(r *engine.CardReport) []string {
	stated := ""
	if r.Stated != "" {
		stated = " (" + r.Stated + ")"
	}
	out := []string{fmt.Sprintf("  Odoo says   card %s, last history %s, moves %s%s", cell(r.Points), cell(r.Last), cell(r.Moves), stated)}
	if r.Break.Known {
		out = append(out, fmt.Sprintf("  breaks      at line %d first: its balance is not the one before plus its amount", r.Break.Value))
	}
	if r.Rule != "" {
		out = append(out, "  engine says "+cell(r.Engine)+": "+r.Rule)
	}
	return out
}

// describeLines prints the newest lines of a card's ledger, newest first.
func describeLines(r *engine.CardReport, most int) []string {
	from := "from the engine's copy; --source reads them from Odoo: " + r.Cost
	if r.FromSource {
		from = "from Odoo: " + r.Cost
	}
	shown := r.Lines
	if most > 0 && len(shown) > most {
		shown = shown[:most]
	}
	out := []string{"", fmt.Sprintf("  ledger, newest first, %s of %s lines, %s", widget.Count(int64(len(shown))), widget.Count(r.LinesTotal), from)}
	for _, line := range shown {
		sign := " "
		if line.Broken {
			sign = "≠"
		}
		at := "–"
		if !line.At.IsZero() {
			at = line.At.Format(time.RFC3339)
		}
		text := fmt.Sprintf("  %10d  %-20s %14s  balance %14s %s running %14s  %s",
			line.ID, at, cell(line.Amount), cell(line.Balance), sign, cell(line.Running), line.Origin)
		if line.Why != "" {
			text += "  [" + line.Why + "]"
		}
		out = append(out, strings.TrimRight(text, " "))
	}
	return out
}
