package cycle

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"ferry/engine"
	"ferry/engine/entity"
)

// judged is a source row with what the rules say of it.
type judged struct {
	entity.Row
	entity.Verdict
}

// load carries one id range of an entity over: all its rows, or those that changed since the floor and those in
// quarantine that are due.
func (x *Executor) load(ctx context.Context, target Target, w Work) error {
	started := time.Now()
	e, err := entity.Lookup(w.Entity)
	if err != nil {
		return err
	}
	snap, sourceCtx, end, err := x.snapshot(ctx)
	if err != nil {
		return err
	}
	defer end()
	found, err := x.readSource(sourceCtx, snap, e, w)
	if err != nil {
		return err
	}
	x.at(PointRead)
	begin := sourceCtx // waiting for the lease must not keep the snapshot open
	if e.Code < 0 && w.Since == "" && !found.hashed {
		snap.Close() // only codes, what is due and what differs need a second look at the source
		begin = ctx
	}
	tx, err := target.Begin(begin, w)
	if err != nil {
		return err
	}
	defer tx.Rollback()

	m, err := x.loadMerge(sourceCtx, snap, tx, e, w, found)
	if err != nil {
		return err
	}
	if err := m.carry(sourceCtx, ctx, snap, tx); err != nil {
		return err
	}
	x.at(PointWrite)
	if w.Since != "" {
		if m.counts.Settled, err = m.settle(ctx, tx); err != nil {
			return err
		}
		x.at(PointPoints)
	}
	return x.finish(ctx, tx, m.counts, time.Since(started))
}

// fromSource is what a batch reads of the source before its transaction begins: rows, or none yet, for hashes will say which to read.
type fromSource struct {
	hashed bool
	rows   []judged
}

func (x *Executor) readSource(ctx context.Context, snap SourceSnapshot, e *entity.Entity, w Work) (fromSource, error) {
	found := fromSource{hashed: x.hashed(e, w)}
	if found.hashed {
		return found, nil
	}
	var err error
	found.rows, err = readRows(e, w, func(each func(entity.Row) error) error {
		return snap.Range(ctx, e, w.Low, w.High, w.Since, each)
	})
	return found, err
}

// loadMerge gives the merge of a batch: about its whole range, about what differs in it, or about what changed in it and what
// is due.
func (x *Executor) loadMerge(ctx context.Context, snap SourceSnapshot, tx Load, e *entity.Entity, w Work, found fromSource) (*merge, error) {
	if found.hashed {
		m, err := x.mergeDiffering(ctx, snap, tx, e, w)
		if err != nil {
			return nil, err
		}
		m.sourceRead, m.merged = snap.Close, func() { x.at(PointMerge) }
		return m, nil
	}
	rows := found.rows
	scope := Scope{Low: w.Low, High: w.High}
	if w.Since != "" {
		due, err := tx.Due(ctx, e, w.Low, w.High, MaxRows)
		if err != nil {
			return nil, err
		}
		if rows, err = withDue(ctx, snap, e, w, rows, due); err != nil {
			return nil, err
		}
		scope = scopeOf(idsOf(rows), due)
	}
	m := newMerge(e, w, scope, rows)
	m.sourceRead, m.merged = snap.Close, func() { x.at(PointMerge) }
	return m, nil
}

// carry brings the rows of a merge into the engine or into quarantine. What needs the source ends with the snapshot's
// context, the rest with the batch's.
func (m *merge) carry(source, ctx context.Context, snap SourceSnapshot, tx Load) error {
	if err := m.decide(source, ctx, snap, tx); err != nil {
		return err
	}
	return m.store(ctx, tx)
}

// decide decides what becomes of every row, and writes nothing.
func (m *merge) decide(source, ctx context.Context, snap SourceSnapshot, tx LoadReader) error {
	if !m.known {
		var err error
		if m.open, err = tx.Open(ctx, m.e, m.scope); err != nil {
			return err
		}
	}
	if m.e.Code >= 0 {
		if err := m.settleCodes(source, snap, tx); err != nil {
			return err
		}
	}
	m.sourceRead()
	if err := m.compare(ctx, tx); err != nil {
		return err
	}
	m.merged()
	return nil
}

// maxText bounds the texts of a batch's rows, in bytes: rows are bounded by their number, but a text may be long.
const maxText = 32 << 20

// errTooMuch says that rows have more text than a batch may hold.
var errTooMuch = errors.New("the rows of the batch are too large for one")

// readRows reads and judges rows. It fails with errTooMuch as soon as they are too large; the snapshot may be lost then.
func readRows(e *entity.Entity, w Work, read func(each func(entity.Row) error) error) ([]judged, error) {
	var rows []judged
	size := 0
	judges := w.Rules.Judges(e)
	err := read(func(row entity.Row) error {
		for _, v := range row.Values {
			size += len(v.Text)
		}
		if size > maxText && len(rows) > 0 {
			return errTooMuch
		}
		rows = append(rows, judged{row, judges.Judge(row)})
		return nil
	})
	if size > maxText && len(rows) > 0 {
		return nil, errTooMuch // however the end of the session was said
	}
	return rows, err
}

// withDue adds to changed rows those that are due and exist; both are in id order.
func withDue(ctx context.Context, snap SourceSnapshot, e *entity.Entity, w Work, rows []judged, due []int64) ([]judged, error) {
	wanted := slices.DeleteFunc(slices.Clone(due), func(id int64) bool {
		_, found := find(rows, id)
		return found
	})
	if len(wanted) == 0 {
		return rows, nil
	}
	more, err := readRows(e, w, func(each func(entity.Row) error) error { return snap.ByID(ctx, e, wanted, each) })
	if err != nil {
		return nil, err
	}
	rows = append(rows, more...)
	slices.SortFunc(rows, func(a, b judged) int { return cmp.Compare(a.ID, b.ID) })
	return rows, nil
}

// find gives the place of an id among rows in id order.
func find(rows []judged, id int64) (int, bool) {
	return slices.BinarySearchFunc(rows, id, func(row judged, id int64) int { return cmp.Compare(row.ID, id) })
}

// settle computes the derived columns of the rows that the merge touched.
func (m *merge) settle(ctx context.Context, tx Load) (int64, error) {
	fed, fresh := map[int64]bool{}, map[int64]bool{}
	m.feeds(fed, fresh)
	return settleFed(ctx, tx, fed, fresh)
}

func settleFed(ctx context.Context, tx Load, fed, fresh map[int64]bool) (int64, error) {
	if len(fed) == 0 {
		return 0, nil
	}
	return tx.SettleRows(ctx, slices.Sorted(maps.Keys(fed)), slices.Sorted(maps.Keys(fresh)))
}

// countRow adds what is counted about a row beside its fate.
func countRow(c *engine.Counts, row *judged) {
	c.Read++
	if len(row.Warned) > 0 {
		c.Warned++
	}
	for i := range row.Values {
		if row.Values[i].State == entity.Rounded {
			c.Precise++
			return
		}
	}
}
