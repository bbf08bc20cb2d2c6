package control

import (
	"context"

	"ferry/engine"
)

// Sealer closes the engine to every ferry, and opens it again.
type Sealer interface {
	Seal(ctx context.Context, confirm string, act engine.Act, by engine.Actor) error
	Unseal(ctx context.Context, confirm string, o engine.UnsealOptions, act engine.Act, by engine.Actor) (engine.Unsealed, error)
}

// Seal closes the engine.
func (k *Control) Seal(ctx context.Context, confirm string, act engine.Act) error {
	return k.act(ctx, "seal", act, func() error {
		if err := k.c.Ledger.Ready(ctx); err != nil {
			return err
		}
		return k.c.Ledger.Seal(ctx, confirm, act, k.c.Actor)
	})
}

// Unseal opens the engine again.
func (k *Control) Unseal(ctx context.Context, confirm string, o engine.UnsealOptions, act engine.Act) (engine.Unsealed, error) {
	var done engine.Unsealed
	err := k.act(ctx, "unseal", act, func() (err error) {
		if err := k.c.Ledger.Ready(ctx); err != nil {
			return err
		}
		done, err = k.c.Ledger.Unseal(ctx, confirm, o, act, k.c.Actor)
		return err
	})
	return done, err
}
