package check

import (
	"context"
	"fmt"
	"math"
	"slices"

	"ferry/engine/entity"
)

// span is a range of ids whose ends lie on the grid of cells: above low up to high.
type span struct{ low, high int64 }

// Few empty cells between occupied ones are looked at with them, and so many spans at most are told apart: each is a step.
const (
	bridged   = 4
	mostSpans = 100
)

// spansOf gives the spans that hold the cells, which are in order. Between them lie only cells that hold no row: one id far away
// from all others must not cost a look at everything in between.
func spansOf(cells []int64) []span {
	for bridge := int64(bridged); ; bridge *= 2 {
		var out []span
		for _, low := range cells {
			if last := len(out) - 1; last >= 0 && low-out[last].high <= bridge*Cell {
				out[last].high = low + Cell
			} else {
				out = append(out, span{low, low + Cell})
			}
		}
		if len(out) <= mostSpans {
			return out
		}
	}
}

// occupied are the cells of an entity that hold a row on either side, in order.
func occupied(ctx context.Context, snap SourceSnapshot, target Bounded, e *entity.Entity) ([]int64, error) {
	source, err := snap.Cells(ctx, e, Cell)
	if err != nil {
		return nil, err
	}
	here, err := target.Cells(ctx, e, Cell)
	if err != nil {
		return nil, err
	}
	if err := possible(e, here); err != nil {
		return nil, err
	}
	all := slices.Concat(source, here)
	slices.Sort(all)
	return slices.Compact(all), nil
}

// possible refuses a cell of ids that no row of Odoo can have: there is no arithmetic that leads beyond the last of them.
func possible(e *entity.Entity, cells []int64) error {
	if len(cells) == 0 || cells[len(cells)-1] <= math.MaxInt32 {
		return nil
	}
	highest := cells[len(cells)-1]
	return fmt.Errorf("%s in the engine, or what ferry knows of it, has Odoo ids above %d, and no row of Odoo can have such an id: "+
		"delete such rows from the engine, or set their %s to NULL if they are the engine's own, then check again", e.Target, highest, e.OdooID)
}
