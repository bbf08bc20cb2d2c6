package recording

import (
	"context"
	"errors"

	"ferry/engine"
)

// ErrNotRecorded says that nobody had asked this while a recording was made.
var ErrNotRecorded = errors.New("this is a recording, and nobody had opened this while it was made")

// refused is the answer to every action.
func refused() error { return engine.Refuse(engine.ErrReadOnly, "this is a recording") }

// Preflight is as it was.
func (p *Player) Preflight(_ context.Context, forecast bool) (engine.Preflight, error) {
	return replayed[engine.Preflight](p, "Preflight", forecast)
}

// Runs are as they were.
func (p *Player) Runs(_ context.Context, before engine.RunID, limit int) ([]engine.RunSummary, error) {
	return replayed[[]engine.RunSummary](p, "Runs", before, limit)
}

// RunDetail is as it was.
func (p *Player) RunDetail(_ context.Context, id engine.RunID) (*engine.RunDetail, error) {
	run, err := replayed[*detail](p, "RunDetail", id)
	return run.run(), err
}

// Journal is as it was.
func (p *Player) Journal(_ context.Context, filter engine.Filter, want engine.Listing) (engine.Page[engine.JournalEntry], error) {
	return replayed[engine.Page[engine.JournalEntry]](p, "Journal", filter, want)
}

// QuarantineRows are as they were.
func (p *Player) QuarantineRows(
	_ context.Context, which engine.QuarantineSelection, want engine.Listing,
) (engine.Page[engine.QuarantineRow], error) {
	return replayed[engine.Page[engine.QuarantineRow]](p, "QuarantineRows", which, want)
}

// Rules are as they were.
func (p *Player) Rules(context.Context) ([]engine.RuleView, error) {
	return replayed[[]engine.RuleView](p, "Rules")
}

// Check is as it was.
func (p *Player) Check(_ context.Context, id engine.RunID) (*engine.CheckView, error) {
	return replayed[*engine.CheckView](p, "Check", id)
}

// Discrepancies are as they were.
func (p *Player) Discrepancies(
	_ context.Context, which engine.DiscrepancySelection, want engine.Listing,
) (engine.Page[engine.Discrepancy], error) {
	return replayed[engine.Page[engine.Discrepancy]](p, "Discrepancies", which, want)
}

// DiscrepancyCounts are as they were.
func (p *Player) DiscrepancyCounts(_ context.Context, which engine.DiscrepancySelection) ([]engine.DiscrepancyCount, error) {
	return replayed[[]engine.DiscrepancyCount](p, "DiscrepancyCounts", which)
}

// RepairPlan is as it was.
func (p *Player) RepairPlan(_ context.Context, id int64) (*engine.RepairPlan, error) {
	return replayed[*engine.RepairPlan](p, "RepairPlan", id)
}

// LedgerCards are as they were.
func (p *Player) LedgerCards(
	_ context.Context, which engine.LedgerSelection, want engine.Listing,
) (engine.Page[engine.LedgerCard], error) {
	return replayed[engine.Page[engine.LedgerCard]](p, "LedgerCards", which, want)
}

// Card is as it was.
func (p *Player) Card(_ context.Context, key engine.CardKey, scan bool) (*engine.CardReport, error) {
	return replayed[*engine.CardReport](p, "Card", key, scan)
}

// Alerts are as they were.
func (p *Player) Alerts(_ context.Context, before int64, limit int) ([]engine.AlertView, error) {
	return replayed[[]engine.AlertView](p, "Alerts", before, limit)
}

// Rehearsals are as they were.
func (p *Player) Rehearsals(_ context.Context, before engine.RunID, limit int) ([]engine.RehearsalView, error) {
	return replayed[[]engine.RehearsalView](p, "Rehearsals", before, limit)
}

// Rehearsal is as it was.
func (p *Player) Rehearsal(_ context.Context, id engine.RunID) (*engine.RehearsalView, error) {
	return replayed[*engine.RehearsalView](p, "Rehearsal", id)
}

// RehearsalSamples are as they were.
func (p *Player) RehearsalSamples(_ context.Context, id engine.RunID) ([]engine.RehearsalSample, error) {
	return replayed[[]engine.RehearsalSample](p, "RehearsalSamples", id)
}
