package cycle

import (
	"context"

	"github.com/RoaringBitmap/roaring/v2/roaring64"

	"ferry/engine/entity"
)

// dryEngine is the engine with the rows that a dry run would have put there by now.
type dryEngine struct {
	DryReader

	arrived map[string]*roaring64.Bitmap
}

// Present gives those of the ids that are in the engine, or would be.
func (r *dryEngine) Present(ctx context.Context, e *entity.Entity, ids []int64) (map[int64]bool, error) {
	out, err := r.DryReader.Present(ctx, e, ids)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		if r.arrived[e.Name].Contains(uint64(id)) { //nolint:gosec // an id, not a number to reckon with
			out[id] = true
		}
	}
	return out, nil
}

// reject rejects the valid rows of a merge whose code a row would have that was tried before. Rows are tried in id order, so
// that one has the lower id, and the code with it.
func (s *codeSet) reject(m *merge) {
	for i := range m.rows {
		row := &m.rows[i]
		if row.Reason != "" {
			continue
		}
		hash := s.hash(row.Values[m.e.Code].Text)
		if s.parts[hash>>56].find(hash) {
			row.Reason, row.Detail = entity.ReasonCode, lostDetail
		}
	}
}

// keep remembers the codes that a merge's rows would have.
func (s *codeSet) keep(m *merge) {
	for i := range m.rows {
		if row := &m.rows[i]; row.Reason == "" {
			s.add(s.hash(row.Values[m.e.Code].Text))
		}
	}
}
