package cycle

import (
	"context"

	"ferry/engine/entity"
)

// plan takes the planning snapshot: it comes before any range is read, so that its floor is below whatever the ranges
// miss, and its highest ids bound the cycle.
func (x *Executor) plan(ctx context.Context, target Target, w Work) error {
	snap, err := x.Source.Snapshot(ctx)
	if err != nil {
		return err
	}
	defer snap.Close()
	x.at(PointSnapshot)
	var p Plan
	if p.Floor, err = snap.Floor(ctx); err != nil {
		return err
	}
	for _, e := range entity.All() {
		ep := EntityPlan{Entity: e}
		if ep.MaxID, err = snap.MaxID(ctx, e); err != nil {
			return err
		}
		if ep.Rows, ep.Estimated, err = snap.Count(ctx, e, countLimit); err != nil {
			return err
		}
		p.Entities = append(p.Entities, ep)
	}
	snap.Close()
	x.at(PointRead)
	if err := target.Planned(ctx, w, p); err != nil {
		return err
	}
	x.at(PointCommitAnswer)
	return nil
}
