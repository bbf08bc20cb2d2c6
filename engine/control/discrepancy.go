package control

import (
	"context"
	"errors"
	"time"

	"ferry/engine"
)

// Findings looks after what checks have found.
type Findings interface {
	Discrepancies(ctx context.Context, which engine.DiscrepancySelection, l engine.Listing) (engine.Page[engine.Discrepancy], error)
	DiscrepancyCounts(ctx context.Context, which engine.DiscrepancySelection) ([]engine.DiscrepancyCount, error)
	// DiscrepantRows gives the rows that a selection is about, by entity. It fails with ErrNoSuchRow if there are none.
	DiscrepantRows(ctx context.Context, which engine.DiscrepancySelection) (map[string][]int64, error)
	Acknowledge(ctx context.Context, which engine.DiscrepancySelection, until time.Time, again bool, act engine.Act, by engine.Actor) (int64, error)
}

// Discrepancies lists a page of discrepancies.
func (k *Control) Discrepancies(ctx context.Context, which engine.DiscrepancySelection, l engine.Listing) (engine.Page[engine.Discrepancy], error) {
	return k.c.Ledger.Discrepancies(ctx, which, l)
}

// DiscrepancyCounts counts the open ones by entity, cause and state.
func (k *Control) DiscrepancyCounts(ctx context.Context, which engine.DiscrepancySelection) ([]engine.DiscrepancyCount, error) {
	return k.c.Ledger.DiscrepancyCounts(ctx, which)
}

// checkStarter begins checks.
type checkStarter interface {
	StartCheck(ctx context.Context, o engine.CheckOptions) (engine.RunID, error)
}

// errNoChecks says that this program cannot check.
var errNoChecks = errors.New("this ferry cannot check")

// Recheck begins a check of the selected rows only.
func (k *Control) Recheck(ctx context.Context, which engine.DiscrepancySelection, act engine.Act) (engine.RunID, error) {
	if err := k.mayAct(); err != nil {
		return 0, err
	}
	rows, err := k.c.Ledger.DiscrepantRows(ctx, which)
	if err != nil {
		return 0, err
	}
	starter, ok := any(k).(checkStarter)
	if !ok {
		return 0, errNoChecks
	}
	return starter.StartCheck(ctx, engine.CheckOptions{Reason: act.Reason, Rows: rows})
}

// Acknowledge notes that somebody knows of discrepancies, or takes that back.
func (k *Control) Acknowledge(ctx context.Context, which engine.DiscrepancySelection, until time.Time, again bool, act engine.Act) (int64, error) {
	var changed int64
	err := k.act(ctx, "acknowledge", act, func() (err error) {
		changed, err = k.c.Ledger.Acknowledge(ctx, which, until, again, act, k.c.Actor)
		return err
	})
	return changed, err
}
