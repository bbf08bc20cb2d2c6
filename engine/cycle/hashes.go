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
// sending it costs, and spares everything that comes behind. What counts as different:
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

// hashed reports whether a load may leave out rows whose hashes are equal, and should.
func (x *Executor) hashed(e *entity.Entity, w Work) bool {
	if w.Since != "" || !w.Alike {
		return false
	}
	warns := func(r entity.Rule) bool { return w.Rules.Of(r) == entity.Warn }
	return !slices.ContainsFunc(e.Rules, warns) && x.thrift.worth(e)
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
func (x *Executor) mergeDiffering(ctx context.Context, snap SourceSnapshot, tx LoadReader, e *entity.Entity, w Work, theirs []RowHash) (*merge, error) {
	span := Scope{Low: w.Low, High: w.High}
	open, err := tx.Open(ctx, e, span) // before the hashes: what others put there meanwhile is younger
	if err != nil {
		return nil, err
	}
	ours, err := tx.Hashes(ctx, e, w.Low, w.High)
	if err != nil {
		return nil, err
	}
	ids, equal := toRead(theirs, ours, open)
	scope, read := span, func(each func(entity.Row) error) error { return snap.Range(ctx, e, w.Low, w.High, "", each) }
	if manyDiffer*int64(len(ids)) > equal.Read {
		x.thrift.manyDiffered(e)
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

// thrift remembers for a process whether hashes have spared it reading lately. Where many rows differ they only cost.
type thrift struct {
	waits sync.Map // entity → *atomic.Int32: how many batches are still to be read at once
}

// thriftPause is how many batches are read at once behind one of which many rows differed.
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

// manyDiffered has the next batches of an entity read at once.
func (t *thrift) manyDiffered(e *entity.Entity) { t.of(e).Store(thriftPause) }
