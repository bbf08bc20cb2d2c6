package control

import (
	"context"
	"time"

	"ferry/engine"
	"ferry/engine/cycle"
	"ferry/engine/entity"
)

// lookLimit bounds what preflight asks of one database.
const lookLimit = 16 * time.Second

// Preflight looks at every precondition of a sync: each database alone, then both together, then, if nothing fails and
// it is wanted, what the rules would reject.
func (k *Control) Preflight(ctx context.Context, forecast bool) (engine.Preflight, error) {
	var all engine.Preflight
	for _, look := range []func(context.Context) engine.Preflight{k.c.Source.Preflight, k.c.Ledger.Preflight, k.pair} {
		limited, cancel := context.WithTimeout(ctx, lookLimit)
		all = append(all, look(limited)...)
		cancel()
	}
	if !forecast || all.Failed() || ctx.Err() != nil {
		return all, ctx.Err()
	}
	rules := entity.DefaultRules()
	if k.c.Ledger.Ready(ctx) == nil {
		stored, err := k.c.Ledger.Rules(ctx)
		if err != nil {
			return all, err
		}
		rules = stored
	}
	result, err := cycle.Forecast(ctx, k.c.Source, rules, nil)
	if ctx.Err() != nil {
		return all, ctx.Err()
	}
	if err != nil {
		return append(all, engine.UnknownLine("forecast", err.Error(), "cure that and run preflight again")), nil
	}
	return append(all, result.Preflight()...), nil
}

// pair checks that the two databases are two. Where one cannot be identified, its own lines say so.
func (k *Control) pair(ctx context.Context) engine.Preflight {
	source, sourceErr := k.c.Source.Identity(ctx)
	target, targetErr := k.c.Ledger.Identity(ctx)
	if sourceErr != nil || targetErr != nil {
		return nil
	}
	return engine.Preflight{engine.SameDatabase(source, target)}
}
