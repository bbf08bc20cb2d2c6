package demo

import (
	"context"
	_ "embed" // the statements
	"fmt"
	"maps"
	"strings"

	"github.com/jackc/pgx/v5"
)

var (
	//go:embed session.sql
	sessionSQL string
	//go:embed schema.sql
	schemaSQL string
	//go:embed helpers.sql
	helpersSQL string
	//go:embed codes.sql
	codesSQL string
	//go:embed programs.sql
	programsSQL string
	//go:embed partners.sql
	partnersSQL string
	//go:embed ledger.sql
	ledgerSQL string
	//go:embed history.sql
	historySQL string
	//go:embed disturb.sql
	disturbSQL string
	//go:embed keys.sql
	keysSQL string
	//go:embed finish.sql
	finishSQL string
)

// generator is one generation, inside its transaction.
type generator struct {
	Params

	tx      pgx.Tx
	summary Summary
	events  int64 // ledger rows that wait for their place in the history
}

func (g *generator) run(ctx context.Context, tx pgx.Tx) error {
	g.tx = tx
	steps := []struct {
		name string
		do   func(context.Context) error
	}{
		{"tables", g.createTables},
		{"partners", g.fillPartners},
		{"cards", g.fillCards},
		{"ledger", g.fillHistory},
		{"later writes", g.disturb},
		{"keys and indexes", g.addKeys},
		{"statistics", g.finish},
	}
	for _, step := range steps {
		if err := step.do(ctx); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
	}
	return nil
}

// args are the parameters that every statement may use; a statement takes those that it names.
func (g *generator) args(more pgx.NamedArgs) pgx.NamedArgs {
	args := pgx.NamedArgs{
		"seed":      g.Seed,
		"clean":     g.Clean,
		"cards":     int64(g.Cards),
		"partners":  g.partners(),
		"epoch":     epoch,
		"span":      span.Seconds(),
		"stretches": int64(stretches),
	}
	maps.Copy(args, more)
	return args
}

// partners is how many customers there are: some have several cards, some none.
func (g *generator) partners() int64 { return max(1, int64(g.Cards)*4/5) }

// oddStep is the distance between rows with an impossible value, such that there are about the same few in a
// database of any size, but never so many that they dominate a small one.
func oddStep(rows, wanted int64) int64 { return max(17, rows/wanted) }

// exec runs one statement with its parameters, or several that have none, and counts the rows of the last.
func (g *generator) exec(ctx context.Context, sql string, args ...any) (int64, error) {
	tag, err := g.tx.Exec(ctx, sql, args...)
	if err != nil {
		return 0, fmt.Errorf("execute: %w", err)
	}
	return tag.RowsAffected(), nil
}

func (g *generator) createTables(ctx context.Context) error {
	var found []string
	err := g.tx.QueryRow(ctx, `SELECT coalesce(array_agg(t ORDER BY n), '{}')
		FROM unnest($1::text[]) WITH ORDINALITY AS u (t, n)
		WHERE to_regclass('public.' || quote_ident(t)) IS NOT NULL`, tables).Scan(&found)
	if err != nil {
		return fmt.Errorf("look for existing tables: %w", err)
	}
	if len(found) > 0 {
		return fmt.Errorf("%w: %s", ErrNotEmpty, strings.Join(found, ", "))
	}
	// DDL takes no parameters: the helpers read this one from the session.
	if _, err := g.exec(ctx, `SELECT set_config('demo.stretches', $1::int::text, true)`, stretches); err != nil {
		return err
	}
	for _, sql := range []string{sessionSQL, schemaSQL, helpersSQL, codesSQL} {
		if _, err := g.exec(ctx, sql); err != nil {
			return err
		}
	}
	if g.summary.Programs, err = g.exec(ctx, programsSQL, g.args(nil)); err != nil {
		return err
	}
	g.Progress("tables", 1, 1)
	return nil
}

func (g *generator) fillPartners(ctx context.Context) error {
	total := g.partners()
	for lo := int64(1); lo <= total; lo += chunkPartners {
		hi := min(total, lo+chunkPartners-1)
		rows, err := g.exec(ctx, partnersSQL, g.args(pgx.NamedArgs{"lo": lo, "hi": hi}))
		if err != nil {
			return err
		}
		g.summary.Partners += rows
		g.Progress("partners", int(hi), int(total))
	}
	return nil
}

// fillCards writes the cards and their moves, and keeps their ledger rows for fillHistory.
func (g *generator) fillCards(ctx context.Context) error {
	cards := int64(g.Cards)
	total := cards
	if !g.Clean {
		total += cards / 400 // deleted since: their history stays
	}
	// Uses are drawn evenly from 0 to twice their average, by rounding down: hence the one more.
	uses := 1 + 2*max(0, float64(g.LedgerPerCard)-earningPerCard)/ledgerShare

	for lo := int64(1); lo <= total; lo += chunkCards {
		hi := min(total, lo+chunkCards-1)
		var made, moves, events int64
		err := g.tx.QueryRow(ctx, ledgerSQL, g.args(pgx.NamedArgs{
			"lo":          lo,
			"hi":          hi,
			"moves":       g.summary.Moves,
			"uses":        uses,
			"most":        int64(uses) + 2,
			"partnerless": partnerlessShare,
			"drifted":     driftedShare,
			"typed_step":  min(125, max(5, cards/60)),
			"odd_step":    oddStep(cards, 65),
		})).Scan(&made, &moves, &events)
		if err != nil {
			return fmt.Errorf("cards %d to %d: %w", lo, hi, err)
		}
		g.summary.Cards += made
		g.summary.Moves += moves
		g.events += events
		g.Progress("cards", int(min(hi, cards)), int(cards))
	}
	return nil
}

// fillHistory moves the ledger rows into the history, oldest stretch first.
func (g *generator) fillHistory(ctx context.Context) error {
	for stretch := range stretches {
		rows, err := g.exec(ctx, historySQL, g.args(pgx.NamedArgs{
			"stretch":  int64(stretch),
			"before":   g.summary.History,
			"odd_step": oddStep(g.events, 66),
		}))
		if err != nil {
			return err
		}
		g.summary.History += rows
		g.Progress("ledger", int(g.summary.History), int(g.events))
	}
	return nil
}

func (g *generator) disturb(ctx context.Context) error {
	if _, err := g.exec(ctx, disturbSQL, g.args(nil)); err != nil {
		return err
	}
	g.Progress("later writes", 1, 1)
	return nil
}

// addKeys runs the statements one by one, because on a large database each takes seconds.
func (g *generator) addKeys(ctx context.Context) error {
	statements := strings.SplitAfter(strings.TrimSpace(keysSQL), ";\n")
	for i, sql := range statements {
		if _, err := g.exec(ctx, sql); err != nil {
			return err
		}
		g.Progress("keys and indexes", i+1, len(statements))
	}
	return nil
}

func (g *generator) finish(ctx context.Context) error {
	if _, err := g.exec(ctx, finishSQL); err != nil {
		return err
	}
	g.Progress("statistics", 1, 1)
	return nil
}
