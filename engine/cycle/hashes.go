package cycle

import (
	"context"
	"math"
	"slices"
	"sync"
	"sync/atomic"

	"ferry/engine"
	"ferry/engine/entity"
)

// A load of every row asks for hashes first, and reads only the rows that differ: to hash a row costs each database about what
// sending it costs, and spares everything that comes behind. The sum of a range's hashes comes before that: where nothing changed it
// spares sending them. What counts as different:
//
//   - a row that has another hash on the other side, or is on one side only;
//   - a row of which a hash cannot speak: see RowHash.Look;
//   - whatever is in quarantine.
//
// All others are equal on both sides. They keep their place, because whoever stored them judged as this run does (Work.Alike),
// and what is told by reading a row, a rule that warns, is asked of none.

// RowHash is a row by the hash of its content, the same arithmetic on both sides.
type RowHash struct {
	ID, Sum int64
	Look    bool // the hash does not say what there is to know: the row must be read
	Rounded bool // at the source: see Counts.Precise
}

// RangeSum is a range of rows by the sum of their hashes.
type RangeSum struct {
	Rows    int64   // whose hash says all there is to know
	Sum     string  // of those, a decimal number
	Rounded int64   // of those, at the source: see Counts.Precise
	Look    []int64 // the others, in order
}

// hashed reports whether a load may leave out rows whose hashes are equal, and should.
func (x *Executor) hashed(e *entity.Entity, w Work) bool {
	if w.Since != "" || !w.Alike {
		return false
	}
	warns := func(r entity.Rule) bool { return w.Rules.Of(r) == entity.Warn }
	return !slices.ContainsFunc(e.Rules, warns) && x.hashes.worth(e)
}

// toRead gives the ids whose rows must be read, in order, and counts the others. Both sides are in order, and so is what is
// in quarantine.
func toRead(theirs, ours []RowHash, open []OpenEntry) (ids []int64, equal engine.Counts) {
	ids = []int64{} // of a scope, none is not all: see Scope
	for len(theirs) > 0 || len(ours) > 0 || len(open) > 0 {
		t, o := first(theirs), first(ours)
		id := min(t.ID, o.ID)
		aside := len(open) > 0 && open[0].ID <= id
		if aside {
			id, open = open[0].ID, open[1:]
		}
		if t.ID == id {
			theirs = theirs[1:]
		}
		if o.ID == id {
			ours = ours[1:]
		}
		if aside || t.ID != o.ID || t.Sum != o.Sum || t.Look || o.Look {
			ids = append(ids, id)
			continue
		}
		equal.Read++
		equal.Unchanged++
		if t.Rounded {
			equal.Precise++
		}
	}
	return ids, equal
}

// first is the first row, or one behind all others.
func first(rows []RowHash) RowHash {
	if len(rows) == 0 {
		return RowHash{ID: math.MaxInt64}
	}
	return rows[0]
}

// manyDiffer: where more than one row differs for so many that are equal, naming those that differ costs more than reading all.
const manyDiffer = 3

// mergeDiffering gives the merge of those rows of a batch that differ; if many do, of its whole range.
func (x *Executor) mergeDiffering(ctx context.Context, snap SourceSnapshot, tx LoadReader, e *entity.Entity, w Work) (*merge, error) {
	span := Scope{Low: w.Low, High: w.High}
	open, err := tx.Open(ctx, e, span) // before the hashes: what others put there meanwhile is younger
	if err != nil {
		return nil, err
	}
	ids, equal, alike, err := x.bySums(ctx, snap, tx, e, w, open)
	if err == nil && !alike {
		ids, equal, err = byHashes(ctx, snap, tx, e, w, open)
	}
	if err != nil {
		return nil, err
	}
	scope, read := span, func(each func(entity.Row) error) error { return snap.Range(ctx, e, w.Low, w.High, "", each) }
	if manyDiffer*int64(len(ids)) > equal.Read {
		x.hashes.sparedNothing(e)
		equal = engine.Counts{}
	} else {
		scope = Scope{Low: w.Low, High: w.High, IDs: ids}
		read = func(each func(entity.Row) error) error { return snap.ByID(ctx, e, ids, each) }
	}
	rows, err := readRows(e, w, read)
	if err != nil {
		return nil, err
	}
	m := newMerge(e, w, scope, rows)
	m.span, m.counts, m.open, m.known = span, equal, open, true
	return m, nil
}

// bySums compares a range as a whole, but for what must be read anyway. It gives false if the rest is not alike on both sides, or if
// that is not asked, because it was not lately.
func (x *Executor) bySums(
	ctx context.Context, snap SourceSnapshot, tx LoadReader, e *entity.Entity, w Work, open []OpenEntry,
) (ids []int64, equal engine.Counts, alike bool, err error) {
	if !x.sums.worth(e) {
		return nil, equal, false, nil
	}
	ids = make([]int64, len(open))
	for i, entry := range open {
		ids[i] = entry.ID
	}
	theirs, err := snap.Sum(ctx, e, w.Low, w.High, ids)
	if err != nil {
		return nil, equal, false, err
	}
	ids = scopeOf(ids, theirs.Look).IDs
	ours, err := tx.Sum(ctx, e, w.Low, w.High, ids)
	if err != nil {
		return nil, equal, false, err
	}
	if len(ours.Look) > 0 || ours.Rows != theirs.Rows || ours.Sum != theirs.Sum {
		x.sums.sparedNothing(e)
		return nil, equal, false, nil
	}
	return ids, engine.Counts{Read: theirs.Rows, Unchanged: theirs.Rows, Precise: theirs.Rounded}, true, nil
}

// byHashes compares a range row by row.
func byHashes(
	ctx context.Context, snap SourceSnapshot, tx LoadReader, e *entity.Entity, w Work, open []OpenEntry,
) ([]int64, engine.Counts, error) {
	theirs, err := snap.Hashes(ctx, e, w.Low, w.High)
	if err != nil {
		return nil, engine.Counts{}, err
	}
	ours, err := tx.Hashes(ctx, e, w.Low, w.High)
	if err != nil {
		return nil, engine.Counts{}, err
	}
	ids, equal := toRead(theirs, ours, open)
	return ids, equal, nil
}

// thrift remembers for a process whether a question has spared it a dearer one lately. Where much differs it only costs.
type thrift struct {
	waits sync.Map // entity → *atomic.Int32: for how many batches it is not asked
}

// thriftPause is for how many batches a question is not asked behind one of which it spared nothing.
const thriftPause = 8

func (t *thrift) of(e *entity.Entity) *atomic.Int32 {
	waits, _ := t.waits.LoadOrStore(e.Name, &atomic.Int32{})
	return waits.(*atomic.Int32) //nolint:errcheck // nothing else is ever stored
}

func (t *thrift) worth(e *entity.Entity) bool {
	waits := t.of(e)
	if waits.Load() <= 0 {
		return true
	}
	waits.Add(-1)
	return false
}

// sparedNothing says that asking was in vain: the next batches of an entity do without.
func (t *thrift) sparedNothing(e *entity.Entity) { t.of(e).Store(thriftPause) }
