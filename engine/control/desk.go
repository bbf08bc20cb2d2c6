package control

import (
	"context"
	"errors"

	"ferry/engine"
	"ferry/engine/entity"
)

// QuarantineRows gives a page of the rows that are in quarantine now.
func (k *Control) QuarantineRows(ctx context.Context, which engine.QuarantineSelection, want engine.Listing) (engine.Page[engine.QuarantineRow], error) {
	return k.c.Ledger.QuarantineRows(ctx, which, want)
}

// RetryQuarantine has rows read again by the next tick, which begins at once if no run is active.
func (k *Control) RetryQuarantine(ctx context.Context, which engine.QuarantineSelection, act engine.Act) (int64, error) {
	var rows int64
	err := k.act(ctx, "retry quarantine", act, func() (err error) {
		rows, err = k.c.Ledger.RetryQuarantine(ctx, which, act, k.c.Actor)
		return err
	})
	if err != nil {
		return rows, err
	}
	_, err = k.StartIncremental(ctx, engine.StartOptions{Reason: "retry of quarantine"})
	if errors.Is(err, engine.ErrRunActive) {
		return rows, nil // the next one reads them
	}
	return rows, err
}

// Waive decides that rows may stay in quarantine, or that they count again.
func (k *Control) Waive(ctx context.Context, which engine.QuarantineSelection, act engine.Act, again bool) (int64, error) {
	var rows int64
	err := k.act(ctx, "waive", act, func() (err error) {
		rows, err = k.c.Ledger.Waive(ctx, which, act, again, k.c.Actor)
		return err
	})
	return rows, err
}

// Rules lists every rule with its severity in force.
func (k *Control) Rules(ctx context.Context) ([]engine.RuleView, error) {
	severities, err := k.c.Ledger.Rules(ctx)
	if err != nil {
		return nil, err
	}
	var out []engine.RuleView
	for _, e := range entity.All() {
		for _, rule := range e.Rules {
			out = append(out, engine.RuleView{
				Name: rule.Name, Entity: e.Name, Why: rule.Why, Severity: string(severities.Of(rule)), Default: string(rule.Default), Fixed: rule.Fixed,
			})
		}
	}
	return out, nil
}

// SetRule gives a rule another severity; the next run reads every row once.
func (k *Control) SetRule(ctx context.Context, rule, severity string, act engine.Act) error {
	return k.act(ctx, "rule "+rule, act, func() error { return k.c.Ledger.SetRule(ctx, rule, severity, act, k.c.Actor) })
}
