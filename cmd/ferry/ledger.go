package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"ferry/engine"
)

func (f *ferry) ledgerCommand() *cobra.Command {
	return group("ledger", "Odoo's own truth: cards whose balances disagree in Odoo itself", f.ledgerListCommand(), f.ledgerShowCommand())
}

// driftKinds are those that a list can be narrowed to.
var driftKinds = []engine.Drift{engine.DriftHistory, engine.DriftMoves, engine.DriftRunning}

// ledgerListing narrows and sorts what is listed of the ledger.
type ledgerListing struct {
	which  engine.LedgerSelection
	drift  string
	filter string
	sort   string
	limit  int // 0: all
}

func (f *ferry) ledgerListCommand() *cobra.Command {
	var l ledgerListing
	cmd := &cobra.Command{
		Use:   "list",
		Short: "Cards whose balances disagree in Odoo",
		Long: `List the cards whose three balances disagree in Odoo itself by more than a millionth, as the last check saw them: the card's
points, the last balance of its history (highest id), and the sum of what remains of its active moves (of cards that have any
move). Drift is of kind history, moves, or running: of a card that drifts, some line's balance is not the one before plus its
amount. A faithful copy of such a card is no healthier than Odoo's.

--filter takes words that must all fit, as regular expressions: FIELD:WORD looks in one column, ! in front inverts.
--sort takes a column, with - in front of it descending. Columns: ` + strings.Join(engine.LedgerColumns, ", ") + `.

Exit codes: 0 listed · 1 error · 5 no check has looked at Odoo's ledger yet.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := l.check(); err != nil {
				return err
			}
			return f.once(cmd.Context(), func(ctx context.Context, c *crossing) error { return f.listLedger(ctx, c, l) })
		},
	}
	cmd.Flags().StringVar(&l.drift, "drift", "", "only drift of this kind: history, moves, running")
	cmd.Flags().BoolVar(&l.which.Incomplete, "incomplete", false, "only cards whose latest line is in quarantine")
	cmd.Flags().StringVar(&l.filter, "filter", "", "only what fits, such as 'size:^1000 !code:x'")
	cmd.Flags().StringVar(&l.sort, "sort", "", "by a column, such as -size; by card unless given")
	cmd.Flags().IntVar(&l.limit, "limit", 0, "at most so many cards; 0 for all")
	return cmd
}

func (l *ledgerListing) check() error {
	l.which.Drift = engine.Drift(l.drift)
	if l.drift != "" && !slices.Contains(driftKinds, l.which.Drift) {
		return usage("no drift %q; there are history, moves, running", l.drift)
	}
	if column := strings.TrimPrefix(l.sort, "-"); column != "" && !slices.Contains(engine.LedgerColumns, column) {
		return usage("no column %q; there are %s", column, strings.Join(engine.LedgerColumns, ", "))
	}
	var err error
	if l.which.Filter, err = engine.ParseFilter(l.filter, engine.LedgerColumns); err != nil {
		return usage("--filter: %w", err)
	}
	return knownLimit(l.limit)
}

type ledgerLine struct {
	engine.LedgerCard

	V    int    `json:"v"`
	Type string `json:"type"`
}

func (f *ferry) listLedger(ctx context.Context, c *crossing, l ledgerListing) error {
	if err := c.target.Ready(ctx); err != nil {
		return err
	}
	s, err := c.target.Read(ctx)
	if err != nil {
		return err
	}
	if !s.Ledger.Cards.Known {
		return exitWith(exitUnchecked, errors.New("could not check: no check has looked at Odoo's ledger yet; `ferry check` does"))
	}
	shown, err := f.eachDrifted(ctx, c, l)
	switch {
	case err != nil:
		return err
	case f.settings.JSON:
		return f.listed(shown)
	case shown == 0:
		return f.say("no card of that drifts in Odoo, as of " + s.Ledger.At.Format("2006-01-02 15:04:05Z"))
	}
	return nil
}

// eachDrifted prints the cards that are meant, and counts them.
func (f *ferry) eachDrifted(ctx context.Context, c *crossing, l ledgerListing) (int, error) {
	shown := 0
	want := engine.Listing{Order: engine.Order{Column: strings.TrimPrefix(l.sort, "-"), Descending: strings.HasPrefix(l.sort, "-")}, Limit: page}
	for {
		if l.limit > 0 {
			want.Limit = min(page, l.limit-shown)
		}
		found, err := c.LedgerCards(ctx, l.which, want)
		if err != nil {
			return shown, err
		}
		for _, card := range found.Rows {
			if err := f.drifted(card); err != nil {
				return shown, err
			}
			shown++
		}
		if !found.More || shown == l.limit {
			return shown, nil
		}
		want.From = &found.Cursors[len(found.Cursors)-1]
	}
}

func (f *ferry) drifted(c engine.LedgerCard) error {
	if f.settings.JSON {
		return f.line(ledgerLine{c, 1, "ledger"})
	}
	kinds := make([]string, len(c.Drifts))
	for i, d := range c.Drifts {
		kinds[i] = string(d)
	}
	more := ""
	if c.Waiting {
		more = "  incomplete"
	}
	return f.say(fmt.Sprintf("%10d  %-16s card %16s  last history %16s  moves %16s  apart %12s  %s%s",
		c.Card, c.Code, cell(c.Points), cell(c.Last), cell(c.Moves), c.Size, strings.Join(kinds, ", "), more))
}

func (f *ferry) ledgerShowCommand() *cobra.Command {
	lines := 0
	cmd := &cobra.Command{
		Use:   "show CARD",
		Short: "One card's ledger as Odoo has it: its three balances, its lines, the first that breaks",
		Long: `Show one card's ledger, read from Odoo's database: its three balances and whether they agree, and its newest lines with the
balance that each should show, the one before plus its amount. Tables without an index on the card are scanned for it; the
report says what that costs. CARD is an id or a code, as for ` + "`ferry card show`" + `.

Exit codes: 0 shown · 1 nobody knows such a card, or a database does not answer.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			key, err := cardKey(args)
			if err != nil {
				return err
			}
			if err := knownLimit(lines); err != nil {
				return err
			}
			return f.once(cmd.Context(), func(ctx context.Context, c *crossing) error { return f.showLedger(ctx, c, key, lines) })
		},
	}
	cmd.Flags().IntVar(&lines, "limit", 0, "print at most so many lines; 0 for all that were read")
	return cmd
}

func (f *ferry) showLedger(ctx context.Context, c *crossing, key engine.CardKey, lines int) error {
	if f.settings.JSON {
		return f.showCard(ctx, c, key, true, lines)
	}
	if err := c.target.Ready(ctx); err != nil {
		return err
	}
	r, err := c.Card(ctx, key, true)
	if err != nil {
		return err
	}
	if r.ID == 0 {
		return exitWith(exitError, errors.New(r.Sentence))
	}
	out := append([]string{fmt.Sprintf("card %d  %s", r.ID, r.Code), r.Sentence, ""}, describeBalances(r)...)
	return f.sayAll(append(out, describeLines(r, lines)...))
}
