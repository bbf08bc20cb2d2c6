package cycle

import (
	"context"
	"time"

	"ferry/engine"
	"ferry/engine/entity"
)

// judged is a source row with what the rules say of it.
type judged struct {
	entity.Row
	entity.Verdict
}

// load carries one id range of an entity over.
func (x *Executor) load(ctx context.Context, target Target, w Work) error {
	started := time.Now()
	e, err := entity.Lookup(w.Entity)
	if err != nil {
		return err
	}
	snap, err := x.Source.Snapshot(ctx)
	if err != nil {
		return err
	}
	defer snap.Close()
	x.at(PointSnapshot)
	sourceCtx, cancel := context.WithTimeout(ctx, sourceLimit)
	defer cancel()

	rows, err := readRange(sourceCtx, snap, e, w)
	if err != nil {
		return err
	}
	x.at(PointRead)
	begin := sourceCtx // waiting for the lease must not keep the snapshot open
	if e.Code < 0 {
		snap.Close() // only codes need a second look at the source
		begin = ctx
	}
	tx, err := target.Begin(begin, w)
	if err != nil {
		return err
	}
	defer tx.Rollback()

	m := newMerge(e, w, rows)
	if e.Code >= 0 {
		if err := m.settleCodes(sourceCtx, snap, tx); err != nil {
			return err
		}
		snap.Close()
	}
	if err := m.compare(ctx, tx); err != nil {
		return err
	}
	x.at(PointMerge)
	if err := m.store(ctx, tx); err != nil {
		return err
	}
	x.at(PointWrite)
	return x.finish(ctx, tx, m.counts, time.Since(started))
}

func readRange(ctx context.Context, snap SourceSnapshot, e *entity.Entity, w Work) ([]judged, error) {
	var rows []judged
	err := snap.Range(ctx, e, w.Low, w.High, func(row entity.Row) error {
		rows = append(rows, judged{row, w.Rules.Judge(e, row)})
		return nil
	})
	return rows, err
}

// countRow adds what is counted about a row beside its fate.
func countRow(c *engine.Counts, row judged) {
	c.Read++
	if len(row.Warned) > 0 {
		c.Warned++
	}
	for _, v := range row.Values {
		if v.State == entity.Rounded {
			c.Precise++
			return
		}
	}
}
