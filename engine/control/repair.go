package control

import (
	"context"

	"ferry/engine"
	"ferry/engine/cycle"
)

// Repairs plans repairs and begins them.
type Repairs interface {
	cycle.DryTarget
	// RepairWanted gives the rows that a repair is about. It fails with ErrNoSuchRow if there are none.
	RepairWanted(ctx context.Context, which engine.DiscrepancySelection, o engine.RepairOptions, sourceIdentity string) ([]cycle.Wanted, error)
	KeepPlan(ctx context.Context, items []engine.RepairItem, sourceIdentity string, act engine.Act, by engine.Actor) (*engine.RepairPlan, error)
	RepairPlan(ctx context.Context, id int64) (*engine.RepairPlan, error)
	StartRepair(ctx context.Context, o cycle.RepairOrder, act engine.Act, by engine.Actor) (engine.RunID, error)
}

// PlanRepair reads both sides and writes down what a repair of the selected discrepancies would do; it changes no row.
func (k *Control) PlanRepair(
	ctx context.Context, which engine.DiscrepancySelection, o engine.RepairOptions, act engine.Act,
) (*engine.RepairPlan, error) {
	var plan *engine.RepairPlan
	err := k.act(ctx, "plan a repair", act, func() error {
		identity, err := k.mendable(ctx)
		if err != nil {
			return err
		}
		wanted, err := k.c.Ledger.RepairWanted(ctx, which, o, identity)
		if err != nil {
			return err
		}
		work, err := k.c.Ledger.DryWork(ctx, engine.RunRepair, identity, nil)
		if err != nil {
			return err
		}
		items, err := cycle.PlanRepair(ctx, k.c.Source, k.c.Ledger, work, wanted)
		if err != nil {
			return err
		}
		plan, err = k.c.Ledger.KeepPlan(ctx, items, identity, act, k.c.Actor)
		return err
	})
	return plan, err
}

// mendable gives the source's identity, if both databases are such that a repair may begin.
func (k *Control) mendable(ctx context.Context) (string, error) {
	if err := k.c.Ledger.Ready(ctx); err != nil {
		return "", err
	}
	if err := k.fit(ctx); err != nil {
		return "", err
	}
	return k.c.Source.Identity(ctx)
}

// RepairPlan gives a plan.
func (k *Control) RepairPlan(ctx context.Context, id int64) (*engine.RepairPlan, error) {
	return k.c.Ledger.RepairPlan(ctx, id)
}

// ApplyRepair begins the writing run that applies a plan.
func (k *Control) ApplyRepair(ctx context.Context, id int64, hash, confirm string, act engine.Act) (engine.RunID, error) {
	var run engine.RunID
	err := k.act(ctx, "start repair", act, func() error {
		identity, err := k.mendable(ctx)
		if err != nil {
			return err
		}
		if err := k.signOn(ctx); err != nil {
			return err
		}
		run, err = k.c.Ledger.StartRepair(ctx, cycle.RepairOrder{Plan: id, Hash: hash, Confirm: confirm, SourceIdentity: identity}, act, k.c.Actor)
		return err
	})
	return run, err
}
