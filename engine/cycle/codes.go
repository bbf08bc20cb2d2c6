package cycle

import (
	"context"
	"slices"

	"ferry/engine/entity"
)

// owners settles which row a code belongs to: the lowest id among the source rows that are otherwise valid and clean to
// it.
//
// The engine may show a code with another row than the batch's claimant, because it has not read that row lately. So
// the holders are read from the source too, in the batch's own snapshot, and those that have moved on to another code
// are written along in this transaction; that code may be held in turn, so it goes on until no new holder appears.
// That makes swaps and chains of codes exact whatever the order of batches.
type owners struct {
	e        *entity.Entity
	known    map[int64]*judged // valid rows that are claimants: the batch's, then holders read from the source
	taken    []int64           // of known: outside the batch's scope
	inScope  func(id int64) bool
	holders  map[string]Holder // code → the engine's row
	unsought map[string]bool   // codes claimed and not yet looked up
	owner    map[string]int64
	shared   map[string]bool // codes that several known rows claim
}

// settleCodes finds the owners of all codes that the batch's rows claim. Losers become faults, holders that lost are
// retired, holders that moved on are taken along.
func (m *merge) settleCodes(ctx context.Context, snap SourceSnapshot, tx LoadReader) error {
	o := &owners{
		e: m.e, known: map[int64]*judged{}, holders: map[string]Holder{}, unsought: map[string]bool{},
		owner: map[string]int64{}, shared: map[string]bool{},
		inScope: m.scope.Covers,
	}
	for i := range m.rows {
		if m.rows[i].Reason == "" {
			o.claim(&m.rows[i])
		}
	}
	locked := false
	for len(o.unsought) > 0 {
		contested, err := o.seek(ctx, tx)
		if err != nil {
			return err
		}
		if len(contested) == 0 {
			break
		}
		if !locked {
			// Wait for batches that move the same codes, then look again.
			locked = true
			if err := tx.LockCodes(ctx, contested); err != nil {
				return err
			}
			for _, code := range contested {
				o.unsought[code] = true
			}
			continue
		}
		if err := o.readHolders(ctx, snap, m, contested); err != nil {
			return err
		}
	}
	o.decide(m)
	return nil
}

func (o *owners) code(row *judged) string { return row.Values[o.e.Code].Text }

// claim makes a valid row a claimant of its code.
func (o *owners) claim(row *judged) {
	o.known[row.ID] = row
	code := o.code(row)
	if rival, claimed := o.owner[code]; claimed {
		o.shared[code] = true
		o.owner[code] = min(rival, row.ID)
		return
	}
	o.unsought[code] = true
	o.owner[code] = row.ID
}

// seek looks up who holds the codes not yet looked up. It gives those about which batches could disagree: another row
// than the owner holds them, or several rows claim them.
func (o *owners) seek(ctx context.Context, tx LoadReader) (contested []string, err error) {
	codes := make([]string, 0, len(o.unsought))
	for code := range o.unsought {
		codes = append(codes, code)
		delete(o.holders, code)
	}
	slices.Sort(codes)
	clear(o.unsought)
	found, err := tx.Holders(ctx, o.e, codes)
	if err != nil {
		return nil, err
	}
	for _, h := range found {
		o.holders[h.Code] = h
	}
	for _, code := range codes {
		if h, held := o.holders[code]; held && h.ID != o.owner[code] || o.shared[code] {
			contested = append(contested, code)
		}
	}
	return contested, nil
}

// readHolders reads the holders of contested codes from the source, unless the batch has read them already.
func (o *owners) readHolders(ctx context.Context, snap SourceSnapshot, m *merge, contested []string) error {
	var ids []int64
	for _, code := range contested {
		h, held := o.holders[code]
		if _, known := o.known[h.ID]; held && !known && !h.Kept && !o.inScope(h.ID) {
			ids = append(ids, h.ID)
		}
	}
	slices.Sort(ids)
	return snap.ByID(ctx, o.e, ids, func(row entity.Row) error {
		j := &judged{row, m.w.Rules.Judge(o.e, row)}
		if j.Reason == "" {
			o.taken = append(o.taken, row.ID)
			o.claim(j)
		}
		return nil
	})
}

// lostDetail says why a row cannot have its code.
const lostDetail = "its code belongs to another row, the lowest id that has it"

// decide marks the losers and says what becomes of the holders.
func (o *owners) decide(m *merge) {
	lost := map[int64]bool{}
	for id, row := range o.known {
		code := o.code(row)
		h, held := o.holders[code]
		switch {
		case held && h.Kept && h.ID != id:
			lost[id] = true
			row.Reason, row.Detail = entity.ReasonCode, "its code is held by a row that the engine keeps as its own"
			m.ownerOf[id] = h.ID
		case o.owner[code] != id:
			lost[id] = true
			row.Reason, row.Detail = entity.ReasonCode, lostDetail
			m.ownerOf[id] = o.owner[code]
		}
	}
	for code, h := range o.holders {
		_, valid := o.known[h.ID]
		movesOn := valid && !lost[h.ID]
		if h.Kept || o.owner[code] == h.ID {
			continue
		}
		m.passed[code] = o.owner[code]
		if !movesOn {
			m.retired = append(m.retired, h.ID)
		}
	}
	slices.Sort(m.retired)
	slices.Sort(o.taken)
	for _, id := range o.taken {
		// A holder that still owns its code needs nothing: only the claimant lost.
		if row := o.known[id]; o.holders[o.code(row)].ID != id || lost[id] {
			m.taken = append(m.taken, *row)
		}
	}
}
