package tuitest

import (
	"context"

	"ferry/engine"
)

// Seal is noted.
func (o *Operator) Seal(_ context.Context, confirm string, act engine.Act) error {
	return o.take(Call{Action: "seal", Act: act, Set: confirm})
}

// Unseal is noted; others wrote two rows.
func (o *Operator) Unseal(_ context.Context, confirm string, options engine.UnsealOptions, act engine.Act) (engine.Unsealed, error) {
	return engine.Unsealed{Written: 2}, o.take(Call{Action: "unseal", Act: act, Set: confirm, Again: options.Overwrite})
}
