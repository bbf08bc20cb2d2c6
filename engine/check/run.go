package check

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"ferry/engine"
	"ferry/engine/cycle"
	"ferry/engine/entity"
)

// Cell is how many ids are looked at in one go, and the grid on which looks lie: what a later look finds of a cell takes the
// place of what was found before. No look holds more rows than a batch of a cycle may.
const Cell = cycle.MaxRows

// WidestBatch is how many ids a batch may span: looks at as many cells, one behind the other.
const WidestBatch = 16 * Cell

// RowsBatch is how many rows a batch of a re-check has.
const RowsBatch = 1000

// MostRows is how many rows may be checked again by name; more are not looked for one by one.
const MostRows = 100_000

// lookLimit is how long a look may keep its snapshot of the source open; see the source's own rule of 10 s.
const lookLimit = 9 * time.Second

// Target is the engine database, as one attempt at a batch of a check sees it.
type Target interface {
	cycle.Target
	Bounded

	// Asked gives what the check was asked for.
	Asked(ctx context.Context, run engine.RunID) (Asked, error)
	// Proven gives when each cell of an entity was compared last, by the ids that it is above; cells that never were are left out.
	Proven(ctx context.Context, e *entity.Entity) (map[int64]time.Time, error)
	// Waiting says what of a check's differences may be a change under way, and when a cycle may come.
	Waiting(ctx context.Context, w cycle.Work) (Waiting, error)
	// AskCycle begins the cycle that a check waits for. It fails with ErrRunActive if one is under way.
	AskCycle(ctx context.Context, w cycle.Work) error
	// BeginCheck opens the batch's one writing transaction. It fails with ErrFenced.
	BeginCheck(ctx context.Context, w cycle.Work) (Findings, error)
}

// Findings is the writing transaction of one batch of a check.
type Findings interface {
	// Plan makes the check's steps.
	Plan(ctx context.Context, steps []Step) error
	// Keep stores what a look found: differences that are new, or go on; those of the same rows that are over; and of a whole
	// cell, that it was compared.
	Keep(ctx context.Context, seen Seen) error
	// Wait has the batch taken up again after a while, and says what it waits for; empty: nothing.
	Wait(ctx context.Context, why string, after time.Duration) error
	// GiveUp keeps why the check ends although differences are in flight.
	GiveUp(ctx context.Context, why string) error
	// Checkpoint stores the counts, carves the next batches and completes the job. It fails with ErrFenced if the batch is no
	// longer this attempt's.
	Checkpoint(ctx context.Context, counts engine.Counts, took time.Duration) error
	Commit(ctx context.Context) error
	Rollback()
}

// Asked is what a check was asked for.
type Asked struct {
	Sort    Sort               `json:"sort"`
	Rows    map[string][]int64 `json:"rows,omitempty"` // in order
	Limited bool               `json:"limited,omitempty"`
}

// Sort tells checks apart that may run beside each other.
type Sort string

// The sorts of checks.
const (
	SortWhole   Sort = "whole"   // every row, as fast as it goes; perhaps only for some time
	SortRows    Sort = "rows"    // some rows again
	SortRolling Sort = "rolling" // every row, in small budgets
)

// Step is one step of a check. Ids above Low up to High are looked at; of a re-check, the places of the rows that were asked
// for.
type Step struct {
	Verb      engine.StepVerb
	Entity    string
	Low, High int64
	Width     int64
}

// Seen is a look with what it was a look at.
type Seen struct {
	Look

	Entity string
	Scope  cycle.Scope
	// Behind is when the cycles began to read that the look was behind, of all entities that the rows derive from; zero: there
	// were none. A difference that was seen before, just so, is settled now.
	Behind time.Time
	Again  bool    // its rows were counted before
	Proves *Proven // nil: it was of some rows, or other parts of its cell follow
}

// Runner carries out the verbs of checks.
type Runner struct {
	Source Source
	Ledger cycle.Verb // nil: checks do not look at Odoo's own balances

	LedgerWidth int64 // how many ids of cards a batch of that spans

	// For tests.
	Reached  func(cycle.Point) // nil but where a worker is ended or stopped there
	Patience time.Duration     // 0: as settle.go has it
	Again    time.Duration     // 0: 0.75 s; how long the confirmation waits before it looks again whether a cycle has ended
}

// Verbs gives the verbs of checks.
func (r *Runner) Verbs() map[engine.StepVerb]cycle.Verb {
	out := map[engine.StepVerb]cycle.Verb{engine.StepCompare: r.compare, engine.StepConfirm: r.confirm}
	if r.Ledger != nil {
		out[engine.StepLedger] = r.Ledger
	}
	return out
}

// Plans gives how checks are planned.
func (r *Runner) Plans() map[engine.RunKind]cycle.Verb {
	return map[engine.RunKind]cycle.Verb{engine.RunCheck: r.plan}
}

// errNoChecks says that an engine database keeps no checks.
var errNoChecks = errors.New("this engine database keeps no checks")

// at tells tests where a batch is.
func (r *Runner) at(p cycle.Point) {
	if r.Reached != nil {
		r.Reached(p)
	}
}

// write carries out a batch in its one writing transaction.
func (r *Runner) write(
	ctx context.Context, target Target, w cycle.Work, began time.Time, do func(Findings, *engine.Counts) (waits bool, err error),
) error {
	r.at(cycle.PointRead)
	tx, err := target.BeginCheck(ctx, w)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	var counts engine.Counts
	waits, err := do(tx, &counts)
	if err != nil {
		return err
	}
	r.at(cycle.PointWrite)
	if !waits {
		if err := tx.Checkpoint(ctx, counts, time.Since(began)); err != nil {
			return err
		}
	}
	r.at(cycle.PointCheckpoint)
	if err := tx.Commit(ctx); err != nil {
		return err
	}
	r.at(cycle.PointCommitAnswer)
	return nil
}

// plan bounds the check by the cells that hold a row on either side.
func (r *Runner) plan(ctx context.Context, t cycle.Target, w cycle.Work) error {
	target, ok := t.(Target)
	if !ok {
		return errNoChecks
	}
	began := time.Now()
	asked, err := target.Asked(ctx, w.Run)
	if err != nil {
		return err
	}
	var steps []Step
	if asked.Sort == SortRows {
		steps = planRows(asked.Rows)
	} else if steps, err = r.planCells(ctx, target, w, asked); err != nil {
		return err
	}
	return r.write(ctx, target, w, began, func(tx Findings, _ *engine.Counts) (bool, error) { return false, tx.Plan(ctx, steps) })
}

// planRows plans a re-check.
func planRows(rows map[string][]int64) []Step {
	var steps []Step
	for _, e := range entity.All() {
		if ids := rows[e.Name]; len(ids) > 0 {
			steps = append(steps, Step{Verb: engine.StepCompare, Entity: e.Name, High: int64(len(ids)), Width: RowsBatch})
		}
	}
	return append(steps, Step{Verb: engine.StepConfirm, High: 1, Width: 1})
}

// planCells plans a pass over whole entities. One that may end early begins with what was not looked at for longest.
func (r *Runner) planCells(ctx context.Context, target Target, w cycle.Work, asked Asked) ([]Step, error) {
	limited, end := context.WithTimeout(ctx, lookLimit)
	defer end()
	snap, err := r.Source.Look(limited)
	if err != nil {
		return nil, err
	}
	defer snap.Close()
	r.at(cycle.PointSnapshot)
	var passes []pass
	cards := int64(0)
	for _, e := range entity.All() {
		if len(w.Entities) > 0 && !slices.Contains(w.Entities, e.Name) {
			continue
		}
		if e == entity.Card {
			if cards, err = snap.MaxID(limited, e); err != nil {
				return nil, err
			}
		}
		lows, err := occupied(limited, snap, target, e)
		if err != nil {
			return nil, err
		}
		proven, err := target.Proven(ctx, e)
		if err != nil {
			return nil, err
		}
		passes = append(passes, newPass(e.Name, lows, proven))
	}
	steps := compareSteps(passes, asked.Limited || asked.Sort == SortRolling)
	steps = append(steps, Step{Verb: engine.StepConfirm, High: 1, Width: 1})
	if r.Ledger != nil && asked.Sort == SortWhole && len(w.Entities) == 0 {
		steps = append(steps, Step{Verb: engine.StepLedger, Entity: entity.Card.Name, High: cards, Width: r.LedgerWidth})
	}
	return steps, nil
}

// pass is a pass over an entity's cells.
type pass struct {
	entity string
	spans  []span
	start  int64     // where what was not looked at for longest begins
	oldest time.Time // when that was; zero: never
}

func newPass(name string, lows []int64, proven map[int64]time.Time) pass {
	p := pass{entity: name, spans: spansOf(lows)}
	first := true
	for _, s := range p.spans {
		for low := s.low; low < s.high; low += Cell {
			if at := proven[low]; first || at.Before(p.oldest) {
				p.start, p.oldest, first = low, at, false
			}
		}
	}
	return p
}

// round gives the spans of a pass from where it starts on, and then those before.
func (p pass) round() []span {
	var behind, before []span
	for _, s := range p.spans {
		if s.high > p.start {
			behind = append(behind, span{max(s.low, p.start), s.high})
		}
		if s.low < p.start {
			before = append(before, span{s.low, min(s.high, p.start)})
		}
	}
	return append(behind, before...)
}

// compareSteps makes the steps of passes. Those by age go round from the oldest range on, entity by entity. An entity without rows
// has a step, too: that there are none is known.
func compareSteps(passes []pass, byAge bool) []Step {
	if byAge {
		slices.SortStableFunc(passes, func(a, b pass) int { return a.oldest.Compare(b.oldest) })
	}
	var steps []Step
	for _, p := range passes {
		spans := p.spans
		if byAge {
			spans = p.round()
		}
		if len(spans) == 0 {
			spans = []span{{}}
		}
		for _, s := range spans {
			steps = append(steps, Step{Verb: engine.StepCompare, Entity: p.entity, Low: s.low, High: s.high, Width: Cell})
		}
	}
	return steps
}

// compare carries out a batch: a look at each of its cells.
func (r *Runner) compare(ctx context.Context, t cycle.Target, w cycle.Work) error {
	target, ok := t.(Target)
	if !ok {
		return errNoChecks
	}
	began := time.Now()
	e, err := entity.Lookup(w.Entity)
	if err != nil {
		return err
	}
	asked, err := target.Asked(ctx, w.Run)
	if err != nil {
		return err
	}
	scopes, err := scopesOf(asked, w)
	if err != nil {
		return err
	}
	seen, err := r.looks(ctx, target, e, w.Rules, scopes)
	if err != nil {
		return err
	}
	if asked.Sort == SortRolling { // its confirmation may be half an hour away
		waiting, err := target.Waiting(ctx, w)
		if err != nil {
			return err
		}
		again, err := r.ready(ctx, target, w, waiting)
		if err != nil {
			return err
		}
		seen = append(again, seen...)
	}
	return r.write(ctx, target, w, began, func(tx Findings, c *engine.Counts) (bool, error) {
		for _, s := range seen {
			if err := tx.Keep(ctx, s); err != nil {
				return false, err
			}
			if s.Again {
				continue
			}
			c.Read += s.Rows
			c.Unchanged += max(0, s.Rows-rowsIn(s.Differences))
		}
		return false, nil
	})
}

// scopesOf are what a batch looks at: cells, or some rows.
func scopesOf(asked Asked, w cycle.Work) ([]cycle.Scope, error) {
	if asked.Sort == SortRows {
		ids := asked.Rows[w.Entity]
		if w.Low < 0 || w.High > int64(len(ids)) || w.Low >= w.High {
			return nil, fmt.Errorf("the check is of %d rows of %s, its batch of those from %d to %d", len(ids), w.Entity, w.Low+1, w.High)
		}
		return []cycle.Scope{rowsOf(ids[w.Low:w.High])}, nil
	}
	var out []cycle.Scope
	for low := w.Low; low < w.High; low += Cell {
		out = append(out, cycle.Scope{Low: low, High: min(low+Cell, w.High)})
	}
	return out, nil
}

// rowsOf is the scope of some ids, in order.
func rowsOf(ids []int64) cycle.Scope {
	return cycle.Scope{Low: ids[0] - 1, High: ids[len(ids)-1], IDs: ids}
}

// Look takes one look at some rows: the engine's view first, then the source's snapshot.
func (r *Runner) Look(ctx context.Context, of Engine, e *entity.Entity, rules entity.Rules, scope cycle.Scope) (Seen, error) {
	view, err := of.View(ctx)
	if err != nil {
		return Seen{}, err
	}
	defer view.Close()
	limited, end := context.WithTimeout(ctx, lookLimit)
	defer end()
	snap, err := r.Source.Look(limited)
	if err != nil {
		return Seen{}, err
	}
	defer snap.Close()
	r.at(cycle.PointSnapshot)
	identity, err := r.Source.Identity(limited)
	if err != nil {
		return Seen{}, err
	}
	found, err := Compare(limited, view, snap, e, rules, scope, &Options{Identity: identity})
	if err != nil {
		return Seen{}, err
	}
	return Seen{Look: found, Entity: e.Name, Scope: scope, Behind: behind(view, e)}, nil
}

// behind is when the last completed cycles began to read what an entity's rows derive from; zero: one never was.
func behind(view EngineView, e *entity.Entity) time.Time {
	var first time.Time
	for i, of := range Roots(e) {
		readFrom := view.ReadFrom(of)
		if i == 0 || readFrom.Before(first) {
			first = readFrom
		}
	}
	return first
}

// Roots are the entities from whose rows an entity's rows in the engine follow: its own, its parents', and those that feed it.
func Roots(e *entity.Entity) []*entity.Entity {
	roots := []*entity.Entity{e}
	for _, p := range e.Parents {
		if parent, ok := entity.Find(p.Entity); ok {
			roots = append(roots, parent)
		}
	}
	for _, child := range e.Children() {
		if p, ok := child.Feeds(); ok && p.Entity == e.Name {
			roots = append(roots, child)
		}
	}
	return roots
}

// rowsIn counts the rows that differ.
func rowsIn(found []Difference) int64 {
	rows := map[int64]bool{}
	for _, d := range found {
		rows[d.Row] = true
	}
	return int64(len(rows))
}
