package check

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strconv"

	"ferry/engine"
	"ferry/engine/cycle"
	"ferry/engine/entity"
)

// Widths of the ranges of ids that a look narrows down, from the whole to rows.
const (
	spanWidth = 1 << 20 // digests are asked of as many ids at a time: so many can be explained, and are kept in memory
	wideChunk = 1000
	slimChunk = 100
)

// Options narrow a look. The zero value is what a check wants.
type Options struct {
	// Batch bounds the rows that are compared in memory at once; 0: as many as a batch of a cycle has.
	Batch int64
	// Plain compares every row in memory, without digests.
	Plain bool
	// Identity names the source; empty: it is the one that the last cycle read.
	Identity string
}

// Compare takes one look at the rows of a scope: which fields of which rows are not in the engine as they should be.
//
// The view is taken before the snapshot, which must not have been open for long: a look at a range takes about half a
// microsecond a row. A row is either explained, by the engine's quarantine and extras, or compared; derived columns and links
// are compared with what they derive from in the engine. A difference is settled as the package's comment says; that of a
// derived column or a link, if the engine was at rest. A row that the source does not have is never settled by one look.
//
// A row that the rules reject now, and that is not in quarantine, is a difference like any other: where the engine has it,
// of the fields that differ, and nothing is expected there; else as a missing row. If it is young, the next cycle will find
// it; if it is old, quarantine should have had it. What the engine has just as the source does is no difference, whatever a
// rule says of it.
func Compare(ctx context.Context, view EngineView, snap SourceSnapshot, e *entity.Entity, rules entity.Rules, of cycle.Scope, o *Options) (Look, error) {
	l := &look{view: view, snap: snap, e: e, rules: rules, read: map[int64]bool{}}
	if o != nil {
		l.o = *o
	}
	if l.o.Batch <= 0 {
		l.o.Batch = cycle.MaxRows
	}
	if err := l.begin(ctx); err != nil {
		return Look{}, err
	}
	if err := l.parts(ctx, of); err != nil {
		return Look{}, err
	}
	if err := l.settle(ctx); err != nil {
		return Look{}, err
	}
	slices.SortStableFunc(l.found.Differences, func(a, b Difference) int { return cmp.Compare(a.Row, b.Row) })
	return l.found, nil
}

// look is the state of one look.
type look struct {
	view  EngineView
	snap  SourceSnapshot
	e     *entity.Entity
	rules entity.Rules
	o     Options
	shape cycle.Shape

	aside []int64        // rows that are not to be compared now, in order: they are explained, or were compared already
	read  map[int64]bool // rows that differ and were compared field by field, links included
	found Look
}

// begin fixes what is seen of the source, and only then asks what time it is.
func (l *look) begin(ctx context.Context) error {
	var err error
	if l.shape, err = l.snap.Shape(ctx, l.e); err != nil {
		return err
	}
	taken, err := l.view.Now(ctx)
	from, _ := l.view.At()
	l.found = Look{From: from, TakenAt: taken, Explained: map[engine.Cause]int64{}}
	return err
}

// parts looks at a scope part by part.
func (l *look) parts(ctx context.Context, of cycle.Scope) error {
	if of.IDs != nil {
		for ids := range slices.Chunk(of.IDs, int(l.o.Batch)) {
			part := cycle.Scope{Low: ids[0] - 1, High: ids[len(ids)-1], IDs: ids}
			if err := l.part(ctx, part, l.rows); err != nil {
				return err
			}
		}
		return nil
	}
	how := l.digests
	if l.o.Plain {
		how = l.ranges
	}
	for low := of.Low; low < of.High; {
		high := min(low-low%spanWidth+spanWidth, of.High)
		if err := l.part(ctx, cycle.Scope{Low: low, High: high}, how); err != nil {
			return err
		}
		low = high
	}
	return nil
}

// part looks at one part: what is explained, what differs from the source, what does not follow from the engine's own rows.
func (l *look) part(ctx context.Context, of cycle.Scope, compare func(context.Context, cycle.Scope) error) error {
	explained, err := l.view.Explained(ctx, l.e, of)
	if err != nil {
		return err
	}
	l.aside = nil
	for cause, ids := range explained.ByCause {
		l.found.Explained[cause] += int64(len(ids))
		l.aside = append(l.aside, ids...)
	}
	slices.Sort(l.aside)
	told := l.aside
	if err := compare(ctx, of); err != nil {
		return err
	}
	l.aside = told
	return l.derive(ctx, of)
}

// ranges compares the rows of a range in memory, a batch at a time.
func (l *look) ranges(ctx context.Context, of cycle.Scope) error {
	for low := of.Low; low < of.High; low += l.o.Batch {
		if err := l.rows(ctx, cycle.Scope{Low: low, High: min(low+l.o.Batch, of.High)}); err != nil {
			return err
		}
	}
	return nil
}

// derive compares what derives from the engine's own rows. The links of rows that were compared field by field are known
// better already: by the source's word for the parent.
func (l *look) derive(ctx context.Context, of cycle.Scope) error {
	wrong, err := l.view.Derived(ctx, l.e, of)
	if err != nil {
		return err
	}
	_, atRest := l.view.At()
	for _, d := range wrong {
		if l.isAside(d.Row) || l.isLink(d.Column) && l.read[d.Row] {
			continue
		}
		l.differs(Difference{
			Row: d.Row, Field: d.Column, Expected: d.Expected, Target: d.Target, Cause: causeOf(d.Owned), Settled: atRest, Version: d.From,
		})
	}
	return nil
}

// LinkFrom says in one text what a link follows from: the parent that the row names, and whether the engine has it.
func LinkFrom(parent string, id int64, present bool) string {
	text := parent + " " + strconv.FormatInt(id, 10)
	if !present {
		text += ", which is not there"
	}
	return text
}

// absent is the version of a row that the source does not have.
const absent = "absent"

// settle says of the differences with the source whether they are changes under way. Those that say already what they follow
// from are none.
func (l *look) settle(ctx context.Context) error {
	wanted := map[int64]bool{}
	for _, d := range l.found.Differences {
		if d.Version == "" {
			wanted[d.Row] = true
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	floor, err := l.floor(ctx)
	if err != nil {
		return err
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
		d.Version, d.Settled = v.Name, there && !v.Young
		if !there {
			d.Version = absent
		}
	}
	return nil
}

// floor is from where on the next cycle will read; empty: all. A difference that it will look at may be a change under way,
// whatever the last cycle has read: by other rules, from another source, or before that one was set back.
func (l *look) floor(ctx context.Context) (cycle.Floor, error) {
	left, err := l.view.Base(ctx, l.e)
	if err != nil {
		return "", err
	}
	now, err := l.snap.State(ctx)
	if err != nil {
		return "", err
	}
	floor, _ := left.Since(l.rules.Hash(), cmp.Or(l.o.Identity, left.Identity), now, l.shape)
	return floor, nil
}

// differs notes a difference.
func (l *look) differs(d Difference) {
	d.Entity = l.e.Name
	l.found.Differences = append(l.found.Differences, d)
}

func (l *look) isAside(id int64) bool {
	_, found := slices.BinarySearch(l.aside, id)
	return found
}

func (l *look) isLink(column string) bool {
	return slices.ContainsFunc(l.e.Parents, func(p entity.Parent) bool { return p.Link == column && column != "" })
}

// causeOf is why a row that is on both sides differs.
func causeOf(owned bool) engine.Cause {
	if owned {
		return engine.CauseWrittenOnTarget
	}
	return engine.CauseField
}
