package cycle

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/RoaringBitmap/roaring/v2/roaring64"

	"ferry/engine"
	"ferry/engine/entity"
)

// DryTarget is the engine database as a dry run sees it: nothing of it writes.
type DryTarget interface {
	// DryWork gives what a run of that kind would begin with now.
	DryWork(ctx context.Context, kind engine.RunKind, sourceIdentity string, entities []string) (Work, error)
	// Reading begins a read-only transaction.
	Reading(ctx context.Context) (DryReader, error)
}

// DryReader is one state of the engine.
type DryReader interface {
	LoadReader

	// Highest is an entity's highest id in the engine, in quarantine and among extras.
	Highest(ctx context.Context, e *entity.Entity) (int64, error)
	// Buckets and Known are those of a Sweeper.
	Buckets(ctx context.Context, e *entity.Entity, low, high int64) ([]Bucket, error)
	Known(ctx context.Context, e *entity.Entity, low, high int64) ([]int64, error)
	// Waiting gives the rows of an entity in quarantine that wait for one of the parents.
	Waiting(ctx context.Context, e, parent *entity.Entity, parents []int64) ([]int64, error)
	// Claimants gives the rows of an entity in quarantine whose code belongs to one of the owners.
	Claimants(ctx context.Context, e *entity.Entity, owners []int64) ([]int64, error)
	// Unlisted gives how many of the ids are not known as extra yet, and how many rows of the entity the engine has.
	Unlisted(ctx context.Context, e *entity.Entity, ids []int64) (unlisted, rows int64, err error)
	Close()
}

// DryOptions say which run is tried.
type DryOptions struct {
	Kind           engine.RunKind
	SourceIdentity string
	Entities       []string                              // none: all
	Progress       func(entity string, done, high int64) // nil: nobody asks
}

// DryResult is what a run would do, if neither database changed until it ran. What the engine database itself would refuse
// is not known before it is tried.
type DryResult struct {
	WhyFull  string // why an incremental run would read every row
	Policies Policies
	Entities []DryEntity // parents first; those that the run would be about
	Notes    []string    // what the run would put into the journal
}

// DryEntity is what would become of one entity's rows.
type DryEntity struct {
	Entity       string        // source table
	Counts       engine.Counts // Read to Rejected, Stale, Extra, Precise and Warned
	SourceRows   int64
	Estimated    bool
	Vanished     int64 // of Extra: not known as extra so far
	Asks         bool  // so many that the run would stop and ask
	CodesPartial bool  // more rows than codes could be remembered for: more of them may be rejected
}

// DryRun finds out what a run would do, and writes nothing. It plans as a run does, reads the same rows in the same short
// snapshots, and merges them with the engine's in read-only transactions. What earlier ranges would have changed is kept
// apart: the ids of rows that would be new, a bit or two each, and their codes, see codeSet.
func DryRun(ctx context.Context, source Source, target DryTarget, o DryOptions) (DryResult, error) {
	w, err := target.DryWork(ctx, o.Kind, o.SourceIdentity, o.Entities)
	if err != nil {
		return DryResult{}, err
	}
	d := &dryRun{
		source: source, target: target, w: w, progress: o.Progress, arrived: map[string]*roaring64.Bitmap{},
		woken: map[string]*roaring64.Bitmap{}, codes: map[string]*codeSet{}, results: map[string]*DryEntity{},
	}
	for _, e := range entity.All() {
		d.arrived[e.Name], d.woken[e.Name] = roaring64.New(), roaring64.New()
		if e.Code >= 0 {
			d.codes[e.Name] = newCodeSet(maxCodes)
		}
	}
	if err := d.run(ctx); err != nil {
		return DryResult{}, fmt.Errorf("dry run: %w", err)
	}
	return d.result(), nil
}

// dryRun is a dry run under way.
type dryRun struct {
	source   Source
	target   DryTarget
	w        Work
	plan     Plan
	progress func(entity string, done, high int64)

	arrived map[string]*roaring64.Bitmap // rows that would be new in the engine
	woken   map[string]*roaring64.Bitmap // rows in quarantine that would be read again
	codes   map[string]*codeSet          // codes that rows would have
	results map[string]*DryEntity
}

func (d *dryRun) result() DryResult {
	out := DryResult{WhyFull: d.plan.WhyFull, Policies: d.w.Policies, Notes: d.plan.Notes}
	for _, p := range d.plan.Entities {
		r := d.results[p.Entity.Name]
		if codes := d.codes[p.Entity.Name]; codes != nil {
			r.CodesPartial = codes.full
		}
		out.Entities = append(out.Entities, *r)
	}
	return out
}

func (d *dryRun) run(ctx context.Context) error {
	done, err := d.begin(ctx)
	if done || err != nil {
		return err
	}
	for _, p := range d.plan.Entities {
		if err := d.load(ctx, p); err != nil {
			return err
		}
	}
	for _, p := range d.plan.Entities {
		if !p.Sweep {
			continue
		}
		if err := d.sweep(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// begin plans, and carries a small tick out in the planning snapshot, as a run would. It reports whether that was all.
func (d *dryRun) begin(ctx context.Context) (bool, error) {
	limited, cancel := context.WithTimeout(ctx, sourceLimit)
	defer cancel()
	snap, err := d.source.Snapshot(limited)
	if err != nil {
		return false, err
	}
	defer func() { snap.Close() }()
	d.plan, err = look(limited, snap, d.w, tickRows)
	if errors.Is(err, errTooMuch) { // see Executor.plan
		snap.Close()
		if snap, err = d.source.Snapshot(limited); err != nil {
			return false, err
		}
		d.plan, err = look(limited, snap, d.w, 0)
	}
	if err != nil {
		return false, err
	}
	for _, p := range d.plan.Entities {
		d.results[p.Entity.Name] = &DryEntity{Entity: p.Entity.Name, SourceRows: p.Rows, Estimated: p.Estimated}
	}
	if !d.plan.small() {
		return false, nil
	}
	if err := d.tick(limited, snap); err != nil {
		return false, err
	}
	snap.Close()
	// A tick compares ids only if the numbers of rows do not add up; if nothing is gone, comparing them all finds nothing.
	for _, p := range d.plan.Entities {
		if err := d.sweep(ctx, p); err != nil {
			return false, err
		}
	}
	return true, nil
}

// tick tries a small incremental cycle: see tick.carryOut.
func (d *dryRun) tick(ctx context.Context, snap SourceSnapshot) error {
	tx, err := d.target.Reading(ctx)
	if err != nil {
		return err
	}
	defer tx.Close()
	for _, p := range d.plan.Entities {
		if err := d.tickEntity(ctx, snap, tx, p.Entity, p.rows); err != nil {
			return err
		}
	}
	return nil
}

// tickEntity tries the changed rows of an entity and those that are due, until none is due that was not tried already.
func (d *dryRun) tickEntity(ctx context.Context, snap SourceSnapshot, tx DryReader, e *entity.Entity, rows []judged) error {
	var done []int64
	for {
		due, err := d.due(ctx, tx, e, 0, maxID, tickRows)
		if err != nil {
			return err
		}
		due = without(due, done)
		if len(rows)+len(due) == 0 {
			return nil
		}
		if rows, err = withDue(ctx, snap, e, d.w, rows, due); err != nil {
			return err
		}
		scope := scopeOf(idsOf(rows), due)
		if err := d.merge(ctx, ctx, snap, tx, newMerge(e, d.w, scope, rows)); err != nil {
			return err
		}
		done = scopeOf(done, scope.IDs).IDs
		rows = nil
	}
}

// due gives the rows of a range that are due, or would be by now, in id order.
func (d *dryRun) due(ctx context.Context, tx DryReader, e *entity.Entity, low, high int64, limit int) ([]int64, error) {
	ids, err := tx.Due(ctx, e, low, high, limit)
	if err != nil {
		return nil, err
	}
	for it := d.woken[e.Name].Iterator(); it.HasNext(); {
		if id := int64(it.Next()); id > low && id <= high { //nolint:gosec // an id that was put there as one
			ids = append(ids, id)
		}
	}
	return scopeOf(ids).IDs, nil
}

// dryWidth is how many ids a range of a dry run spans: like a batch, it must not keep the source's snapshot open for long.
const dryWidth = 20_000

// load tries an entity's ranges.
func (d *dryRun) load(ctx context.Context, p EntityPlan) error {
	high, err := d.highest(ctx, p)
	if err != nil {
		return err
	}
	width := int64(dryWidth)
	if p.Since != "" {
		width = MaxRows
	}
	for low := int64(0); low < high; low += width {
		if err := d.loadRange(ctx, p, low, min(low+width, high)); err != nil {
			return err
		}
		if d.progress != nil {
			d.progress(p.Entity.Name, min(low+width, high), high)
		}
	}
	return nil
}

// highest is an entity's highest id on either side.
func (d *dryRun) highest(ctx context.Context, p EntityPlan) (int64, error) {
	tx, err := d.target.Reading(ctx)
	if err != nil {
		return 0, err
	}
	defer tx.Close()
	high, err := tx.Highest(ctx, p.Entity)
	return max(high, p.MaxID), err
}

// loadRange tries one range of ids: see Executor.load.
func (d *dryRun) loadRange(ctx context.Context, p EntityPlan, low, high int64) error {
	source, cancel := context.WithTimeout(ctx, sourceLimit)
	defer cancel()
	snap, err := d.source.Snapshot(source)
	if err != nil {
		return err
	}
	defer snap.Close()
	rows, err := readRows(p.Entity, d.w, func(each func(entity.Row) error) error {
		return snap.Range(source, p.Entity, low, high, p.Since, each)
	})
	if err != nil {
		return err
	}
	tx, err := d.target.Reading(ctx)
	if err != nil {
		return err
	}
	defer tx.Close()
	scope := Scope{Low: low, High: high}
	if p.Since != "" {
		due, err := d.due(ctx, tx, p.Entity, low, high, MaxRows)
		if err != nil {
			return err
		}
		if rows, err = withDue(source, snap, p.Entity, d.w, rows, due); err != nil {
			return err
		}
		scope = scopeOf(idsOf(rows), due)
	}
	m := newMerge(p.Entity, d.w, scope, rows)
	m.sourceRead = snap.Close
	return d.merge(source, ctx, snap, tx, m)
}

// merge decides what would become of rows, and remembers what later ones must know of it.
func (d *dryRun) merge(source, ctx context.Context, snap SourceSnapshot, tx DryReader, m *merge) error {
	name := m.e.Name
	if codes := d.codes[name]; codes != nil {
		codes.reject(m)
	}
	if err := m.decide(source, ctx, snap, &dryEngine{tx, d.arrived}); err != nil {
		return err
	}
	if codes := d.codes[name]; codes != nil {
		codes.keep(m)
	}
	for _, id := range m.arrived() {
		d.arrived[name].Add(uint64(id)) //nolint:gosec // an id, not a number to reckon with
	}
	r := d.results[name]
	m.counts.Taken = 0 // each is counted where it is asked for
	r.Counts.Add(m.counts)
	if err := d.vanished(ctx, tx, r, m.e, m.extras); err != nil {
		return err
	}
	return d.wake(ctx, tx, m)
}

// vanished counts extras that nobody knew of, and whether there are so many that a run would ask.
func (d *dryRun) vanished(ctx context.Context, tx DryReader, r *DryEntity, e *entity.Entity, extras []int64) error {
	if len(extras) == 0 {
		return nil
	}
	unlisted, rows, err := tx.Unlisted(ctx, e, extras)
	r.Vanished += unlisted
	r.Asks = d.w.Policies.TooManyVanished(r.Vanished, rows+r.Counts.Inserted)
	return err
}

// wake remembers the rows in quarantine that would be read again: see merge.tellOthers. Of an entity of which every row is
// read anyway, nothing needs to be remembered.
func (d *dryRun) wake(ctx context.Context, tx DryReader, m *merge) error {
	for _, p := range d.plan.Entities {
		if p.Since == "" {
			continue
		}
		var ids []int64
		var err error
		switch {
		case p.Entity == m.e && m.e.Code >= 0:
			ids, err = tx.Claimants(ctx, m.e, m.gaveUp())
			ids = slices.DeleteFunc(ids, m.scope.Covers)
		case slices.Contains(m.e.Children(), p.Entity):
			ids, err = tx.Waiting(ctx, p.Entity, m.e, m.arrived())
		}
		if err != nil {
			return err
		}
		for _, id := range ids {
			d.woken[p.Entity.Name].Add(uint64(id)) //nolint:gosec // as above
		}
	}
	return nil
}

// drySweep is how many ids are summed up at once.
const drySweep = 1 << 20

// sweep finds the ids that are gone from the source: see Executor.sweep.
func (d *dryRun) sweep(ctx context.Context, p EntityPlan) error {
	high, err := d.highest(ctx, p)
	if err != nil {
		return err
	}
	for low := int64(0); low < high; low += drySweep {
		if err := d.sweepRange(ctx, p.Entity, low, min(low+drySweep, high)); err != nil {
			return err
		}
	}
	return nil
}

func (d *dryRun) sweepRange(ctx context.Context, e *entity.Entity, low, high int64) error {
	tx, err := d.target.Reading(ctx)
	if err != nil {
		return err
	}
	defer tx.Close()
	here, err := tx.Buckets(ctx, e, low, high)
	if err != nil {
		return err
	}
	source, cancel := context.WithTimeout(ctx, sourceLimit)
	defer cancel()
	snap, err := d.source.Snapshot(source)
	if err != nil {
		return err
	}
	defer snap.Close()
	there, err := snap.Buckets(source, e, low, high)
	if err != nil {
		return err
	}
	var gone []int64
	for _, b := range differing(here, there) {
		from, to := max(low, b*BucketWidth), min(high, (b+1)*BucketWidth)
		known, err := tx.Known(ctx, e, from, to)
		if err != nil {
			return err
		}
		all, _, err := snap.IDs(source, e, from, to, d.plan.State.Floor)
		if err != nil {
			return err
		}
		gone = append(gone, without(known, all)...)
	}
	snap.Close()
	return d.gone(ctx, tx, e, gone)
}

// gone counts rows that are gone from the source and still in the engine.
func (d *dryRun) gone(ctx context.Context, tx DryReader, e *entity.Entity, ids []int64) error {
	there, err := tx.Present(ctx, e, ids)
	if err != nil {
		return err
	}
	r := d.results[e.Name]
	r.Counts.Extra += int64(len(there))
	return d.vanished(ctx, tx, r, e, slices.Sorted(maps.Keys(there)))
}
