package recording

import (
	"context"

	"ferry/engine"
)

// What screens ask beside snapshots. Each is recorded here and answered in answers.go under the same name; a test makes
// sure that nothing of engine.Operator is missing.

// Preflight is the operator's.
func (r *Recorder) Preflight(ctx context.Context, forecast bool) (engine.Preflight, error) {
	lines, err := r.Operator.Preflight(ctx, forecast)
	return kept(r, "Preflight", []any{forecast}, lines, err)
}

// Runs are the operator's.
func (r *Recorder) Runs(ctx context.Context, before engine.RunID, limit int) ([]engine.RunSummary, error) {
	runs, err := r.Operator.Runs(ctx, before, limit)
	return kept(r, "Runs", []any{before, limit}, runs, err)
}

// RunDetail is the operator's.
func (r *Recorder) RunDetail(ctx context.Context, id engine.RunID) (*engine.RunDetail, error) {
	run, err := r.Operator.RunDetail(ctx, id)
	r.keep("RunDetail", []any{id}, detailOf(run), err)
	return run, err
}

// Journal is the operator's.
func (r *Recorder) Journal(ctx context.Context, filter engine.Filter, want engine.Listing) (engine.Page[engine.JournalEntry], error) {
	page, err := r.Operator.Journal(ctx, filter, want)
	return kept(r, "Journal", []any{filter, want}, page, err)
}

// QuarantineRows are the operator's.
func (r *Recorder) QuarantineRows(
	ctx context.Context, which engine.QuarantineSelection, want engine.Listing,
) (engine.Page[engine.QuarantineRow], error) {
	page, err := r.Operator.QuarantineRows(ctx, which, want)
	return kept(r, "QuarantineRows", []any{which, want}, page, err)
}

// Rules are the operator's.
func (r *Recorder) Rules(ctx context.Context) ([]engine.RuleView, error) {
	rules, err := r.Operator.Rules(ctx)
	return kept(r, "Rules", []any{}, rules, err)
}

// Check is the operator's.
func (r *Recorder) Check(ctx context.Context, id engine.RunID) (*engine.CheckView, error) {
	check, err := r.Operator.Check(ctx, id)
	return kept(r, "Check", []any{id}, check, err)
}

// Discrepancies are the operator's.
func (r *Recorder) Discrepancies(
	ctx context.Context, which engine.DiscrepancySelection, want engine.Listing,
) (engine.Page[engine.Discrepancy], error) {
	page, err := r.Operator.Discrepancies(ctx, which, want)
	return kept(r, "Discrepancies", []any{which, want}, page, err)
}

// DiscrepancyCounts are the operator's.
func (r *Recorder) DiscrepancyCounts(ctx context.Context, which engine.DiscrepancySelection) ([]engine.DiscrepancyCount, error) {
	counts, err := r.Operator.DiscrepancyCounts(ctx, which)
	return kept(r, "DiscrepancyCounts", []any{which}, counts, err)
}

// RepairPlan is the operator's.
func (r *Recorder) RepairPlan(ctx context.Context, id int64) (*engine.RepairPlan, error) {
	plan, err := r.Operator.RepairPlan(ctx, id)
	return kept(r, "RepairPlan", []any{id}, plan, err)
}

// LedgerCards are the operator's.
func (r *Recorder) LedgerCards(
	ctx context.Context, which engine.LedgerSelection, want engine.Listing,
) (engine.Page[engine.LedgerCard], error) {
	page, err := r.Operator.LedgerCards(ctx, which, want)
	return kept(r, "LedgerCards", []any{which, want}, page, err)
}

// Card is the operator's.
func (r *Recorder) Card(ctx context.Context, key engine.CardKey, scan bool) (*engine.CardReport, error) {
	report, err := r.Operator.Card(ctx, key, scan)
	return kept(r, "Card", []any{key, scan}, report, err)
}

// Alerts are the operator's.
func (r *Recorder) Alerts(ctx context.Context, before int64, limit int) ([]engine.AlertView, error) {
	alerts, err := r.Operator.Alerts(ctx, before, limit)
	return kept(r, "Alerts", []any{before, limit}, alerts, err)
}

// Rehearsals are the operator's.
func (r *Recorder) Rehearsals(ctx context.Context, before engine.RunID, limit int) ([]engine.RehearsalView, error) {
	rehearsals, err := r.Operator.Rehearsals(ctx, before, limit)
	return kept(r, "Rehearsals", []any{before, limit}, rehearsals, err)
}

// Rehearsal is the operator's.
func (r *Recorder) Rehearsal(ctx context.Context, id engine.RunID) (*engine.RehearsalView, error) {
	rehearsal, err := r.Operator.Rehearsal(ctx, id)
	return kept(r, "Rehearsal", []any{id}, rehearsal, err)
}

// RehearsalSamples are the operator's.
func (r *Recorder) RehearsalSamples(ctx context.Context, id engine.RunID) ([]engine.RehearsalSample, error) {
	samples, err := r.Operator.RehearsalSamples(ctx, id)
	return kept(r, "RehearsalSamples", []any{id}, samples, err)
}
