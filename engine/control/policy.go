package control

import (
	"context"
	"errors"

	"ferry/engine"
	"ferry/engine/cycle"
)

// policyBook keeps the policies. The engine database is one.
type policyBook interface {
	Policies(ctx context.Context) (cycle.Policies, error)
	SetPolicy(ctx context.Context, name, value string, act engine.Act, by engine.Actor) error
}

// errNoPolicies says that a ledger keeps no policies.
var errNoPolicies = errors.New("this engine database keeps no policies")

// Policies gives the policies in force: those that the next run begins with.
func (k *Control) Policies(ctx context.Context) (cycle.Policies, error) {
	book, ok := k.c.Ledger.(policyBook)
	if !ok {
		return cycle.DefaultPolicies(), errNoPolicies
	}
	return book.Policies(ctx)
}

// SetPolicy gives a policy another value; the next run begins with it. How fast runs go counts at once.
func (k *Control) SetPolicy(ctx context.Context, name, value string, act engine.Act) error {
	return k.act(ctx, "policy "+name, act, func() error {
		book, ok := k.c.Ledger.(policyBook)
		if !ok {
			return errNoPolicies
		}
		return book.SetPolicy(ctx, name, value, act, k.c.Actor)
	})
}
