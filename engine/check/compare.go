package check

import (
	"context"
	"maps"
	"slices"

	"ferry/engine"
	"ferry/engine/cycle"
	"ferry/engine/entity"
)

// Options narrow a look. The zero value is what a check wants.
type Options struct {
	// Batch bounds the rows that are compared in memory at once; 0: as many as a batch of a cycle has.
	Batch int64
}

// Compare takes one look at the rows of a scope: which fields of which rows are not in the engine as they should be.
//
// The view is taken before the snapshot, which must not have been open for long: the look at a range takes about half a
// microsecond a row. A row is either explained, by the engine's quarantine and extras, or compared; derived columns and links
// are compared with what they derive from in the engine. A difference is settled as the package's comment says.
//
// A row that the rules reject now, and that is not in quarantine, is a difference like any other: where the engine has it,
// of the fields that differ, else as a missing row. If it is young, the next cycle will find it; if it is old, quarantine
// should have had it. What the engine has just as the source does is no difference, whatever a rule says of it.
func Compare(ctx context.Context, view EngineView, snap SourceSnapshot, e *entity.Entity, rules entity.Rules, of cycle.Scope, o *Options) (Look, error) {
	if o == nil {
		o = &Options{}
	}
	l := &look{view: view, snap: snap, e: e, rules: rules, o: *o}
	if l.o.Batch <= 0 {
		l.o.Batch = cycle.MaxRows
	}
	if err := l.begin(ctx, of); err != nil {
		return Look{}, err
	}
	if err := l.compare(ctx, of); err != nil {
		return Look{}, err
	}
	if err := l.derive(ctx, of); err != nil {
		return Look{}, err
	}
	if err := l.settle(ctx); err != nil {
		return Look{}, err
	}
	return l.found, nil
}

// look is the state of one look.
type look struct {
	view  EngineView
	snap  SourceSnapshot
	e     *entity.Entity
	rules entity.Rules
	o     Options

	explained []int64        // in order
	read      map[int64]bool // rows that differ and were compared field by field, links included
	found     Look
}

// begin fixes what is seen of the source, and only then asks what time it is.
func (l *look) begin(ctx context.Context, of cycle.Scope) error {
	if _, err := l.snap.Shape(ctx, l.e); err != nil {
		return err
	}
	taken, err := l.view.Now(ctx)
	if err != nil {
		return err
	}
	explained, err := l.view.Explained(ctx, l.e, of)
	if err != nil {
		return err
	}
	l.found = Look{TakenAt: taken, Explained: map[engine.Cause]int64{}}
	for cause, ids := range explained.ByCause {
		l.found.Explained[cause] = int64(len(ids))
		l.explained = append(l.explained, ids...)
	}
	slices.Sort(l.explained)
	l.explained = slices.Compact(l.explained)
	l.read = map[int64]bool{}
	return nil
}

// compare compares the rows of a scope, a batch at a time.
func (l *look) compare(ctx context.Context, of cycle.Scope) error {
	if of.IDs != nil {
		for ids := range slices.Chunk(of.IDs, int(l.o.Batch)) {
			if err := l.rows(ctx, cycle.Scope{Low: ids[0] - 1, High: ids[len(ids)-1], IDs: ids}); err != nil {
				return err
			}
		}
		return nil
	}
	for low := of.Low; low < of.High; low += l.o.Batch {
		if err := l.rows(ctx, cycle.Scope{Low: low, High: min(low+l.o.Batch, of.High)}); err != nil {
			return err
		}
	}
	return nil
}

// derive compares what derives from the engine's own rows.
func (l *look) derive(ctx context.Context, of cycle.Scope) error {
	wrong, err := l.view.Derived(ctx, l.e, of)
	if err != nil {
		return err
	}
	_, atRest := l.view.At()
	for _, d := range wrong {
		if l.isExplained(d.Row) || l.isLink(d.Column) && l.read[d.Row] {
			continue
		}
		cause := engine.CauseField
		if d.Owned {
			cause = engine.CauseWrittenOnTarget
		}
		l.found.Differences = append(l.found.Differences, Difference{
			Entity: l.e.Name, Row: d.Row, Field: d.Column, Expected: d.Expected, Target: d.Target, Cause: cause,
			Settled: atRest, Version: d.From,
		})
	}
	return nil
}

// settle says of the differences with the source whether they are changes under way.
func (l *look) settle(ctx context.Context) error {
	floor, _ := l.view.Floor(l.e)
	wanted := map[int64]bool{}
	for _, d := range l.found.Differences {
		if d.Version == "" {
			wanted[d.Row] = true
		}
	}
	versions := make(map[int64]Version, len(wanted))
	for ids := range slices.Chunk(slices.Sorted(maps.Keys(wanted)), int(l.o.Batch)) {
		some, err := l.snap.Versions(ctx, l.e, ids, floor)
		if err != nil {
			return err
		}
		maps.Copy(versions, some)
	}
	for i := range l.found.Differences {
		d := &l.found.Differences[i]
		if d.Version != "" {
			continue
		}
		v, there := versions[d.Row]
		d.Version = v.Name
		if !there {
			d.Version = absent
		}
		d.Settled = there && !v.Young
	}
	slices.SortStableFunc(l.found.Differences, func(a, b Difference) int {
		switch {
		case a.Row < b.Row:
			return -1
		case a.Row > b.Row:
			return 1
		}
		return 0
	})
	return nil
}

// absent is the version of a row that the source does not have.
const absent = "absent"

func (l *look) isExplained(id int64) bool {
	_, found := slices.BinarySearch(l.explained, id)
	return found
}

func (l *look) isLink(column string) bool {
	return slices.ContainsFunc(l.e.Parents, func(p entity.Parent) bool { return p.Link == column })
}
