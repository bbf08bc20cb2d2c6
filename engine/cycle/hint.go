package cycle

import (
	"context"
	"fmt"
	"sync"

	"github.com/RoaringBitmap/roaring/v2/roaring64"

	"ferry/engine"
	"ferry/engine/entity"
)

// hints remember which rows of parents are there, or will be, while tables without keys are filled: nothing can be looked up
// in them. They are hints and no more. A parent that another process, or this one a moment earlier, saw otherwise is put right
// by the run's later steps: rows whose parent is not there leave when the foreign keys are built, and rows in quarantine whose
// parent has come are made due.
type hints struct {
	mu  sync.Mutex
	run engine.RunID
	of  map[string]*hint
}

// hint is one entity's. Whoever comes first finds it out, the others wait.
type hint struct {
	turn chan struct{}     // a token: one finds it out
	ids  *roaring64.Bitmap // nil: not known yet
}

// has reports whether a row is there by the hint.
func (h *hint) has(id int64) bool { return h.ids.Contains(uint64(id)) } //nolint:gosec // an id, not a number to reckon with

// at gives an entity's hint; those of other runs are forgotten.
func (h *hints) at(run engine.RunID, e *entity.Entity) *hint {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.run != run || h.of == nil {
		h.run, h.of = run, map[string]*hint{}
	}
	if h.of[e.Name] == nil {
		h.of[e.Name] = &hint{turn: make(chan struct{}, 1)}
	}
	return h.of[e.Name]
}

// know finds an entity's ids out by reading them, unless somebody has. A failure is not remembered.
func (h *hint) know(ctx context.Context, read func(add func(id int64)) error) error {
	select {
	case h.turn <- struct{}{}:
		defer func() { <-h.turn }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if h.ids != nil {
		return nil
	}
	ids := roaring64.New()
	if err := read(func(id int64) { ids.Add(uint64(id)) }); err != nil { //nolint:gosec // see has
		return err
	}
	ids.RunOptimize()
	h.ids = ids
	return nil
}

// loadsBefore reports whether tables without keys are filled with an entity before the others: all are, but for those with
// derived columns, which are given by rows of the others.
func loadsBefore(e *entity.Entity) bool { return len(e.Derived) == 0 }

// FillOrder gives the order in which tables without keys are filled: what others' derived columns follow from comes before
// those, so that every row is written once.
func FillOrder() []*entity.Entity {
	var first, last []*entity.Entity
	for _, e := range entity.All() {
		if loadsBefore(e) {
			first = append(first, e)
		} else {
			last = append(last, e)
		}
	}
	return append(first, last...)
}

// surveyWidth is how many ids of the source one snapshot of a survey spans.
const surveyWidth = 200_000

// surveyed gives the hints about some entities. Those that are loaded later are known by the source, the others are to be read
// where they are. A batch keeps its hints: somebody else's run may have them forgotten at any time.
func (x *Executor) surveyed(ctx context.Context, w Work, of []*entity.Entity) (map[string]*hint, error) {
	out := map[string]*hint{}
	for _, e := range of {
		out[e.Name] = x.hints.at(w.Run, e)
		if loadsBefore(e) {
			continue
		}
		if err := x.survey(ctx, w, e, out[e.Name]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// survey finds out which rows of an entity the source has that will be loaded later, as far as their rules say.
func (x *Executor) survey(ctx context.Context, w Work, e *entity.Entity, h *hint) error {
	return h.know(ctx, func(add func(int64)) error {
		judges := w.Rules.Judges(e)
		for low, highest := int64(0), int64(1); low < highest; low += surveyWidth {
			snap, sourceCtx, end, err := x.snapshot(ctx)
			if err != nil {
				return err
			}
			if low == 0 {
				highest, err = snap.MaxID(sourceCtx, e)
			}
			if err == nil {
				err = snap.Stream(sourceCtx, e, low, min(low+surveyWidth, highest), func(row *entity.Row) error {
					if judges.Judge(*row).Reason == "" {
						add(row.ID)
					}
					return nil
				})
			}
			end()
			if err != nil {
				return fmt.Errorf("looking which rows of %s there will be: %w", e.Name, err)
			}
		}
		return nil
	})
}

// parentsOf gives the entities that an entity's rows point at.
func parentsOf(e *entity.Entity) ([]*entity.Entity, error) {
	out := make([]*entity.Entity, 0, len(e.Parents))
	for _, p := range e.Parents {
		parent, err := entity.Lookup(p.Entity)
		if err != nil {
			return nil, err
		}
		out = append(out, parent)
	}
	return out, nil
}
