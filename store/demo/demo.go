// Package demo makes an Odoo-shaped source database out of a seed, for the demo and for benchmarks, and writes to it as
// Odoo does: see Traffic.
//
// Every row is computed by the server from (seed, ordinal) with hash functions, so equal Params give equal content on
// every machine; nothing asks for the time or for a random number. The rows behave as they do in production: codes
// that people typed, floats with residue, three balances that disagree on some cards, ids with gaps, write dates that
// are starts of transactions. Cards are worked off in chunks, their ledger rows wait in a temporary table in stretches
// of time, so that history ids run through time and neighbours belong to different cards.
//
// One transaction does it all: a generation that fails or is cancelled leaves nothing behind.
package demo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// The share of cards without a partner, and of cards whose points differ from the last balance of their ledger.
// A customer may have 40 % of the first (coupons, gift cards): in a demo most rows should load.
const (
	partnerlessShare = 0.02
	driftedShare     = 0.015
)

const (
	defaultLedgerPerCard = 5
	maxLedgerPerCard     = 100
	maxCards             = 20_000_000
	maxLedger            = 1_500_000_000 // ids are 32 bits

	chunkCards    = 10_000
	chunkPartners = 100_000
	stretches     = 24

	// What comes before the average card's ledger, see class and many in ledger.sql: 80 % of the cards have a ledger,
	// with 1.1 rows of earning for a card overall.
	ledgerShare    = 0.8
	earningPerCard = 1.1
)

// epoch is the present of the generated world: everything happened in the span before it.
var epoch = time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)

const span = 3 * 365 * 24 * time.Hour

// ErrNotEmpty is returned when the database already has one of the tables.
var ErrNotEmpty = errors.New("the database already has loyalty tables")

// tables are the tables of the source, parents first.
var tables = []string{"res_partner", "loyalty_program", "loyalty_card", "loyalty_point_move", "loyalty_point_history"}

// Params say what to generate. Equal Params (Progress apart) give equal content.
type Params struct {
	Cards         int
	Seed          int64
	LedgerPerCard int  // average rows of loyalty_point_history per card; 0 means 5
	Clean         bool // only rows that pass every rule and cards that don't drift, for benchmarks

	// Progress, if set, is called on the caller's goroutine as a step advances. The steps, in order: tables, partners,
	// cards, ledger, later writes, keys and indexes, statistics; cards and ledger count rows and take most of the time.
	Progress func(step string, done, total int)
}

// Summary counts what was generated.
type Summary struct {
	Partners, Programs, Cards, Moves, History int64

	Seed  int64
	Clean bool
}

// Generate creates the tables in schema public of an empty database and fills them. The connection must belong to
// a role that may create tables there; it must not be in a transaction.
func Generate(ctx context.Context, conn *pgx.Conn, p Params) (Summary, error) {
	if p.LedgerPerCard == 0 {
		p.LedgerPerCard = defaultLedgerPerCard
	}
	if p.Cards < 1 || p.Cards > maxCards {
		return Summary{}, fmt.Errorf("generate demo data: %d cards, want 1 to %d", p.Cards, maxCards)
	}
	if p.LedgerPerCard < 1 || p.LedgerPerCard > maxLedgerPerCard {
		return Summary{}, fmt.Errorf("generate demo data: %d ledger rows per card, want 1 to %d", p.LedgerPerCard, maxLedgerPerCard)
	}
	if p.Cards*p.LedgerPerCard > maxLedger {
		return Summary{}, fmt.Errorf("generate demo data: %d cards of %d ledger rows need larger ids", p.Cards, p.LedgerPerCard)
	}
	if p.Progress == nil {
		p.Progress = func(string, int, int) {}
	}

	g := generator{Params: p, summary: Summary{Seed: p.Seed, Clean: p.Clean}}
	err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error { return g.run(ctx, tx) })
	if err != nil {
		return Summary{}, fmt.Errorf("generate demo data: %w", err)
	}
	return g.summary, nil
}
