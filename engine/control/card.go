package control

import (
	"context"

	"ferry/engine"
	"ferry/engine/check"
)

// Book is what the engine database knows of single cards, and of Odoo's own ledger.
type Book interface {
	check.CardEngine
	LedgerCards(ctx context.Context, which engine.LedgerSelection, l engine.Listing) (engine.Page[engine.LedgerCard], error)
}

// LedgerCards lists cards whose balances disagree in Odoo.
func (k *Control) LedgerCards(ctx context.Context, which engine.LedgerSelection, l engine.Listing) (engine.Page[engine.LedgerCard], error) {
	return k.c.Ledger.LedgerCards(ctx, which, l)
}

// Card reads a card on both sides.
func (k *Control) Card(ctx context.Context, key engine.CardKey, scan bool) (*engine.CardReport, error) {
	return check.Card(ctx, k.c.Ledger, k.c.Source, key, scan)
}
