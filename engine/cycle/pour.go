package cycle

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ferry/engine"
	"ferry/engine/entity"
	"ferry/engine/pgcopy"
)

// pour carries one id range of an entity into a table without keys. Rows are not kept: they are read, judged and encoded on
// their way from one COPY to the other, in recycled memory, so that both databases and this process work at the same time.
//
// The transaction begins before the source's snapshot, so that waiting for a session keeps none open. It holds no lease while the
// stream lasts: the fence is checked when the batch is stored.
func (x *Executor) pour(ctx context.Context, target Target, w Work) error {
	started := time.Now()
	e, err := entity.Lookup(w.Entity)
	if err != nil {
		return err
	}
	parents, err := parentsOf(e)
	if err != nil {
		return err
	}
	hints, err := x.surveyed(ctx, w, parents)
	if err != nil {
		return err
	}
	tx, err := target.Begin(ctx, w)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	p, err := newPouring(ctx, tx, e, w, hints)
	if err != nil {
		return err
	}
	err = x.stream(ctx, p)
	if engine.ClassOf(err) == engine.ClassQuarantine {
		// The database refuses a row, and a stream cannot say which: the batch is begun again, row by row.
		tx.Rollback()
		if tx, err = target.Begin(ctx, w); err != nil {
			return err
		}
		defer tx.Rollback()
		p.restart(tx)
		err = x.pourRows(ctx, p)
	}
	if err != nil {
		return err
	}
	x.at(PointMerge)
	if err := p.setAside(ctx); err != nil {
		return err
	}
	if !p.counts.Balanced() {
		return fmt.Errorf("batch %d of %s does not add up, nothing was written: %+v", w.Batch, e.Name, p.counts)
	}
	x.at(PointWrite)
	if len(e.Derived) > 0 {
		x.at(PointPoints)
	}
	return x.finish(ctx, tx, p.counts, time.Since(started))
}

// pouring is one batch on its way. Of the merge it is, it uses what describes faults and counts.
type pouring struct {
	*merge

	tx      Load
	judges  entity.Judges
	current judged
	derived []entity.Value // of the current row
	told    []Balance      // what ledgers say, of rows from the current one on
	all     []Balance

	pipe    *pgcopy.Pipe
	ended   chan struct{} // the COPY into the engine has
	copied  int64         // rows that the engine took
	copyErr error
	failed  error // the engine's, between two COPYs
}

func newPouring(ctx context.Context, tx Load, e *entity.Entity, w Work, hints map[string]*hint) (*pouring, error) {
	p := &pouring{
		merge: newMerge(e, w, Scope{Low: w.Low, High: w.High}, nil), tx: tx, judges: w.Rules.Judges(e),
		derived: make([]entity.Value, len(e.Derived)),
	}
	for name, h := range hints {
		parent, err := entity.Lookup(name)
		if err != nil {
			return nil, err
		}
		if err := h.know(ctx, func(add func(int64)) error { return tx.Loaded(ctx, parent, add) }); err != nil {
			return nil, err
		}
	}
	p.present = func(parent string, id int64) bool { return hints[parent].has(id) }
	if len(e.Derived) > 0 {
		var err error
		if p.all, err = tx.Balances(ctx, w.Low, w.High); err != nil {
			return nil, err
		}
		p.told = p.all
	}
	return p, nil
}

// restart forgets what the batch has done: nothing of it is there.
func (p *pouring) restart(tx Load) {
	p.tx, p.told, p.faults, p.counts, p.failed = tx, p.all, nil, engine.Counts{}, nil
}

// stream reads the source and fills the table.
func (x *Executor) stream(ctx context.Context, p *pouring) error {
	snap, sourceCtx, end, err := x.snapshot(ctx)
	if err != nil {
		return err
	}
	defer end()
	p.open(ctx)
	err = snap.Stream(sourceCtx, p.e, p.w.Low, p.w.High, func(row *entity.Row) error { return p.row(ctx, row) })
	if p.failed != nil {
		return p.failed // not the source's, although its stream ended with it
	}
	if filled := p.close(err); filled != nil && (err == nil || errors.Is(err, pgcopy.ErrStopped)) {
		return filled
	}
	x.at(PointRead)
	if err == nil && p.copied != p.counts.Inserted {
		return fmt.Errorf("%d rows were copied into %s, the server took %d", p.counts.Inserted, p.e.Target, p.copied)
	}
	return err
}

// open begins a COPY into the engine.
func (p *pouring) open(ctx context.Context) {
	p.pipe, p.ended = pgcopy.NewPipe(), make(chan struct{})
	go func() {
		defer close(p.ended)
		defer p.pipe.Stop()
		var copied int64
		copied, p.copyErr = p.tx.Fill(ctx, p.e, p.pipe)
		p.copied += copied
	}()
}

// close ends the COPY, well or because of an error; it gives the engine's own.
func (p *pouring) close(why error) error {
	p.pipe.Close(why)
	<-p.ended
	return p.copyErr
}

// keptFaults is how many faults are kept in memory before they are put into quarantine.
const keptFaults = 4096

// row sends one source row on its way, or sets it aside.
func (p *pouring) row(ctx context.Context, row *entity.Row) error {
	p.current = judged{*row, p.judges.Judge(*row)}
	countRow(&p.counts, &p.current)
	if fault, bad := p.faultOf(&p.current); bad {
		p.reject(fault)
		if len(p.faults) < keptFaults {
			return nil
		}
		return p.empty(ctx)
	}
	tuples, err := p.pipe.Tuples()
	if err != nil {
		return err
	}
	p.encode(tuples, *row)
	p.counts.Inserted++
	return nil
}

// encode adds a row as it is inserted, with what its derived columns follow from.
func (p *pouring) encode(to *pgcopy.Tuples, row entity.Row) {
	for len(p.told) > 0 && p.told[0].ID < row.ID {
		p.told = p.told[1:]
	}
	for i := range p.derived {
		p.derived[i] = entity.Value{}
		if len(p.told) > 0 && p.told[0].ID == row.ID {
			p.derived[i] = entity.Value{State: entity.Present, Int: p.told[0].Points}
		}
	}
	p.e.AppendInsert(to, row, p.linked, p.derived...)
}

// empty puts the faults in quarantine in the middle of a batch: with many of them memory would grow with the batch. The COPY ends
// for that, since both go over one session, and another one begins.
func (p *pouring) empty(ctx context.Context) error {
	p.failed = p.close(nil)
	if p.failed == nil {
		p.failed = p.setAside(ctx)
	}
	if p.failed == nil {
		p.open(ctx)
	}
	return p.failed
}

// setAside puts the faults in quarantine.
func (p *pouring) setAside(ctx context.Context) error {
	if len(p.faults) == 0 {
		return nil
	}
	kept, _, err := p.tx.Quarantine(ctx, p.e, nil, p.faults, func(int64) bool { return true })
	p.counts.Faulted += kept
	p.faults = p.faults[:0]
	return err
}

// pourRows carries the range in memory, and finds the rows that the database refuses.
func (x *Executor) pourRows(ctx context.Context, p *pouring) error {
	if p.w.High-p.w.Low > MaxRows {
		return errTooMuch
	}
	snap, sourceCtx, end, err := x.snapshot(ctx)
	if err != nil {
		return err
	}
	defer end()
	p.rows, err = readRows(p.e, p.w, func(each func(entity.Row) error) error {
		return snap.Range(sourceCtx, p.e, p.w.Low, p.w.High, "", each)
	})
	if err != nil {
		return err
	}
	snap.Close()
	for i := range p.rows {
		row := &p.rows[i]
		countRow(&p.counts, row)
		if fault, bad := p.faultOf(row); bad {
			p.reject(fault)
			continue
		}
		p.encode(&p.inserts, row.Row)
		p.counts.Inserted++
	}
	return p.write(ctx, p.tx)
}
