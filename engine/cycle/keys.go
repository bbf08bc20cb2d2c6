package cycle

import (
	"context"
	"errors"
	"fmt"

	"ferry/engine"
	"ferry/engine/entity"
)

// Builder opens transactions that build keys behind the rows of a first load.
type Builder interface {
	// Build begins one. It holds no lease while it works; the fence is checked by Checkpoint.
	Build(ctx context.Context, w Work) (Build, error)
	// Watch gives a context that ends, with ErrFenced as its cause, when the batch is no longer this attempt's. Call end.
	Watch(ctx context.Context, w Work) (watched context.Context, end func())
}

// Build is a transaction that builds keys.
type Build interface {
	Load

	// Index builds one of a table's indexes, by number from 0.
	Index(ctx context.Context, e *entity.Entity, number int64) error
	// IndexCodes builds the index of codes, and reports whether it could: no code is there twice.
	IndexCodes(ctx context.Context, e *entity.Entity) (bool, error)
	// Shared gives rows whose code belongs to a row with a lower id, in id order.
	Shared(ctx context.Context, e *entity.Entity, limit int) ([]Loser, error)
	// Evict deletes rows, and gives how many.
	Evict(ctx context.Context, e *entity.Entity, ids []int64) (int64, error)
	// Attach makes a table's indexes its keys.
	Attach(ctx context.Context, e *entity.Entity) error
	// Refer adds a table's foreign keys. Rows whose parent is not there go to quarantine; it gives how many.
	Refer(ctx context.Context, e *entity.Entity) (evicted int64, err error)
	// Finish ends the building of a table's keys.
	Finish(ctx context.Context, e *entity.Entity) error
}

// Loser is a row whose code belongs to another one.
type Loser struct{ ID, Owner int64 }

// errNoKeys says that an engine database builds no keys.
var errNoKeys = errors.New("this engine database builds no keys")

// unkeyed gives what a run does otherwise, or besides, that fills tables without keys.
func (x *Executor) unkeyed() map[engine.StepVerb]Verb {
	return map[engine.StepVerb]Verb{
		engine.StepLoad: x.pour, engine.StepOwners: x.owners, engine.StepIndex: x.index, engine.StepKeys: x.keys,
	}
}

// build carries out a step that builds something behind the rows of a first load. It takes what it takes, so no limit but the
// watch ends it.
func (x *Executor) build(ctx context.Context, t Target, w Work, do func(context.Context, Build, *entity.Entity, *engine.Counts) error) error {
	builder, ok := t.(Builder)
	if !ok {
		return errNoKeys
	}
	e, err := entity.Lookup(w.Entity)
	if err != nil {
		return err
	}
	watched, end := builder.Watch(ctx, w)
	defer end()
	err = carryOut(watched, x, w, builder.Build, func(tx Build, c *engine.Counts) error {
		if err := do(watched, tx, e, c); err != nil {
			return err
		}
		x.at(PointWrite)
		return nil
	})
	if cause := context.Cause(watched); err != nil && errors.Is(cause, engine.ErrFenced) {
		return cause
	}
	return err
}

// index builds one index.
func (x *Executor) index(ctx context.Context, t Target, w Work) error {
	return x.build(ctx, t, w, func(ctx context.Context, tx Build, e *entity.Entity, _ *engine.Counts) error {
		return tx.Index(ctx, e, w.Low)
	})
}

// keys makes a table's keys and foreign keys. Rows whose parent is not there after all were counted as inserted when their
// ranges were loaded; now they are only in quarantine.
func (x *Executor) keys(ctx context.Context, t Target, w Work) error {
	return x.build(ctx, t, w, func(ctx context.Context, tx Build, e *entity.Entity, c *engine.Counts) error {
		if err := tx.Attach(ctx, e); err != nil {
			return err
		}
		evicted, err := tx.Refer(ctx, e)
		if err != nil {
			return err
		}
		c.Rejected, c.Faulted, c.Inserted = evicted, evicted, -evicted
		return tx.Finish(ctx, e)
	})
}

// losersAtOnce bounds the rows that lose their code in one go, and with them memory.
const losersAtOnce = 5000

// owners settles who owns each code of a table that was filled without keys: as a rule every row does.
func (x *Executor) owners(ctx context.Context, t Target, w Work) error {
	return x.build(ctx, t, w, func(ctx context.Context, tx Build, e *entity.Entity, c *engine.Counts) error {
		for {
			unique, err := tx.IndexCodes(ctx, e)
			if unique || err != nil {
				return err
			}
			before := c.Rejected
			if err := x.loseAll(ctx, tx, e, w, c); err != nil {
				return err
			}
			if c.Rejected == before {
				return &engine.DatabaseError{
					Side: engine.SideTarget, Class: engine.ClassStop, Doing: "settling who owns each code",
					Err: fmt.Errorf("rows of %s that the engine has made its own share a code; give all but one another code, then resume the run", e.Target),
				}
			}
		}
	})
}

// loseAll has every row leave whose code belongs to another one.
func (x *Executor) loseAll(ctx context.Context, tx Build, e *entity.Entity, w Work, c *engine.Counts) error {
	for {
		losers, err := tx.Shared(ctx, e, losersAtOnce)
		if err != nil || len(losers) == 0 {
			return err
		}
		if err := x.lose(ctx, tx, e, w, losers, c); err != nil {
			return err
		}
	}
}

// lose puts rows that lost their code into quarantine, as the source has them now.
func (x *Executor) lose(ctx context.Context, tx Build, e *entity.Entity, w Work, losers []Loser, c *engine.Counts) error {
	ids := make([]int64, len(losers))
	for i, l := range losers {
		ids[i] = l.ID
	}
	m := newMerge(e, w, scopeOf(ids), nil)
	for _, l := range losers {
		m.ownerOf[l.ID] = l.Owner
	}
	snap, sourceCtx, end, err := x.snapshot(ctx)
	if err != nil {
		return err
	}
	defer end()
	rows, err := readRows(e, w, func(each func(entity.Row) error) error { return snap.ByID(sourceCtx, e, ids, each) })
	if err != nil {
		return err
	}
	snap.Close()
	for _, id := range ids {
		row := &judged{Row: entity.Row{ID: id}}
		if at, found := find(rows, id); found {
			row = &rows[at]
		} else {
			row.Values = make([]entity.Value, len(e.Columns)) // gone meanwhile; the next cycle sees to it
		}
		row.Reason, row.Detail = entity.ReasonCode, lostDetail
		m.faults = append(m.faults, m.fault(row))
	}
	faulted, _, err := tx.Quarantine(ctx, e, nil, m.faults, func(int64) bool { return true })
	if err != nil {
		return err
	}
	evicted, err := tx.Evict(ctx, e, ids)
	if err == nil && evicted != int64(len(ids)) {
		err = fmt.Errorf("%d rows of %s lost their code, %d left", len(ids), e.Target, evicted)
	}
	c.Faulted += faulted
	c.Rejected += evicted
	c.Inserted -= evicted
	return err
}
