package check

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ferry/engine"
	"ferry/engine/cycle"
)

// LedgerSource gives Odoo's balances.
type LedgerSource interface {
	// Drifted compares the balances of the cards with ids above low up to high, in one short snapshot, and gives those that
	// disagree. It costs a scan of history and one of moves, however few cards that are, and another of both if any drifted.
	Drifted(ctx context.Context, low, high int64) (LedgerRange, error)
}

// LedgerTarget keeps what the ledger's step finds.
type LedgerTarget interface {
	// KeepLedger puts what was found of a range of cards in the place of what was known of it, counts the batch and completes
	// its job, in one transaction. It fails with ErrFenced if the batch is no longer this attempt's.
	KeepLedger(ctx context.Context, w cycle.Work, found LedgerRange, took time.Duration) error
}

// LedgerRange is what one look at the balances of a range of cards found.
type LedgerRange struct {
	Cards   int64 // at the source
	Last    bool  // no card has an id above the range
	Drifted []engine.LedgerCard
}

// LedgerWidth is how many ids of cards a batch of the ledger's step spans: some two seconds at the source, and 25 MB
// here. A narrow one costs the same scans, so it does not adapt; what takes too long is cut in two.
const LedgerWidth = 1 << 19

// Ledger is the step that compares Odoo's own balances at the source: the engine's copies are rounded, and lack the cards that
// are in quarantine.
func Ledger(source LedgerSource) cycle.Verb {
	return func(ctx context.Context, target cycle.Target, w cycle.Work) error {
		keeper, ok := target.(LedgerTarget)
		if !ok {
			return errors.New("this engine database keeps no ledger")
		}
		started := time.Now()
		found, err := source.Drifted(ctx, w.Low, w.High)
		if err != nil {
			return fmt.Errorf("comparing balances of cards %d to %d: %w", w.Low+1, w.High, err)
		}
		return keeper.KeepLedger(ctx, w, found, time.Since(started))
	}
}
