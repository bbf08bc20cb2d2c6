package cycle

import (
	"context"
	"slices"
	"time"

	"ferry/engine"
	"ferry/engine/entity"
)

// sweep finds the ids of a range that are gone from the source. It compares sums of buckets of ids, and only of those that
// differ the ids themselves.
//
// The engine is summed up first: what it has by now existed at the source before the source's snapshot, and ids are never
// used again, so an id that the snapshot lacks is gone. The ids of the buckets that differ are read from the engine after the
// snapshot; that is as good, for the fence keeps other runs out, and no batch of this one inserts while it sweeps.
//
// An id that only the source has is young, or missing: a sweep inserts nothing, it says so.
func (x *Executor) sweep(ctx context.Context, target Target, w Work) error {
	started := time.Now()
	e, err := entity.Lookup(w.Entity)
	if err != nil {
		return err
	}
	tx, err := target.Begin(ctx, w)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	here, err := tx.Buckets(ctx, e, w.Low, w.High)
	if err != nil {
		return err
	}
	snap, sourceCtx, end, err := x.snapshot(ctx)
	if err != nil {
		return err
	}
	defer end()
	there, err := snap.Buckets(sourceCtx, e, w.Low, w.High)
	if err != nil {
		return err
	}
	var gone, missing []int64
	for _, b := range differing(here, there) {
		low, high := max(w.Low, b*BucketWidth), min(w.High, (b+1)*BucketWidth)
		known, err := tx.Known(ctx, e, low, high)
		if err != nil {
			return err
		}
		all, young, err := snap.IDs(sourceCtx, e, low, high, w.Since)
		if err != nil {
			return err
		}
		gone = append(gone, without(known, all)...)
		missing = append(missing, without(without(all, known), young)...)
	}
	snap.Close()
	x.at(PointRead)
	counts, err := sweepResult(ctx, tx, e, gone, missing)
	if err != nil {
		return err
	}
	x.at(PointWrite)
	return x.finish(ctx, tx, counts, time.Since(started))
}

func sweepResult(ctx context.Context, tx Load, e *entity.Entity, gone, missing []int64) (engine.Counts, error) {
	var counts engine.Counts
	if len(missing) > 0 {
		lacking, err := tx.Returned(ctx, e, missing)
		if err != nil {
			return counts, err
		}
		counts.Missing = int64(len(lacking))
	}
	if len(gone) == 0 {
		return counts, nil
	}
	var fed []int64
	var err error
	if counts.Extra, fed, err = tx.Gone(ctx, e, gone); err != nil {
		return counts, err
	}
	if len(fed) > 0 {
		if counts.Settled, err = tx.SettleRows(ctx, fed, nil); err != nil {
			return counts, err
		}
	}
	return counts, tx.Wake(ctx, e, nil, gone, Scope{})
}

// differing gives the numbers of the buckets that are not the same on both sides; both are in order.
func differing(a, b []Bucket) []int64 {
	var out []int64
	for len(a) > 0 || len(b) > 0 {
		switch {
		case len(b) == 0 || len(a) > 0 && a[0].Number < b[0].Number:
			out, a = append(out, a[0].Number), a[1:]
		case len(a) == 0 || b[0].Number < a[0].Number:
			out, b = append(out, b[0].Number), b[1:]
		default:
			if a[0] != b[0] {
				out = append(out, a[0].Number)
			}
			a, b = a[1:], b[1:]
		}
	}
	return out
}

// without gives the ids of a that are not in b; both are in order.
func without(a, b []int64) []int64 {
	var out []int64
	for _, id := range a {
		if _, found := slices.BinarySearch(b, id); !found {
			out = append(out, id)
		}
	}
	return out
}

// remove deletes the extras of a range, once the source has said again that they are gone.
func (x *Executor) remove(ctx context.Context, target Target, w Work) error {
	started := time.Now()
	e, err := entity.Lookup(w.Entity)
	if err != nil {
		return err
	}
	tx, err := target.Begin(ctx, w)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	var counts engine.Counts
	ids, err := tx.Vanished(ctx, e, w.Low, w.High)
	if err != nil {
		return err
	}
	if len(ids) > 0 {
		if ids, err = x.stillGone(ctx, tx, e, ids); err != nil {
			return err
		}
		var fed []int64
		if counts.Deleted, fed, err = tx.Remove(ctx, e, ids); err != nil {
			return err
		}
		if len(fed) > 0 {
			if counts.Settled, err = tx.SettleRows(ctx, fed, nil); err != nil {
				return err
			}
			x.at(PointPoints)
		}
	}
	x.at(PointWrite)
	return x.finish(ctx, tx, counts, time.Since(started))
}

// stillGone asks the source about rows that are about to be deleted. One that is there again is no extra any more.
func (x *Executor) stillGone(ctx context.Context, tx Load, e *entity.Entity, ids []int64) ([]int64, error) {
	snap, sourceCtx, end, err := x.snapshot(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	var there []int64
	err = snap.ByID(sourceCtx, e, ids, func(row entity.Row) error {
		there = append(there, row.ID)
		return nil
	})
	if err != nil || len(there) == 0 {
		return ids, err
	}
	_, err = tx.Returned(ctx, e, there)
	return without(ids, there), err
}
