package cycle

import (
	"fmt"
	"strconv"

	"ferry/engine/entity"
)

// sqlstateForeignKey is the refusal of a row whose parent is not there: it waits, like one whose parent was missed when
// the batch looked.
const sqlstateForeignKey = "23503"

// faultOf gives the fault of a row that may not be loaded now: a rule rejects it, its code is another's, or its parent
// is not in the engine.
func (m *merge) faultOf(row *judged) (Fault, bool) {
	if row.Reason != "" {
		return m.fault(row), true
	}
	for _, p := range m.e.Parents {
		if v := row.Values[p.Column]; p.Link == "" && !m.linked(p.Entity, v.Int) {
			return m.waiting(row, p), true
		}
	}
	return Fault{}, false
}

// fault describes a row that is set aside, with its values for display.
func (m *merge) fault(row *judged) Fault {
	f := Fault{ID: row.ID, Reason: row.Reason, Detail: row.Detail, Owner: m.ownerOf[row.ID], Payload: m.e.Describe(row.Row)}
	if m.e.Code >= 0 && len(row.Values[m.e.Code].Text) <= entity.MaxCode {
		f.Claim = row.Values[m.e.Code].Text
	}
	for _, p := range m.e.Parents {
		if v := row.Values[p.Column]; p.Link == "" && !v.Missing() {
			f.Parent, f.ParentID = p.Entity, v.Int
			break
		}
	}
	return f
}

// AbsentDetail says which parent a row waits for, its entity and id, as SQL's format would write it, too.
const AbsentDetail = "%s %s is not in the engine"

// waiting describes a valid row whose parent is not in the engine: ids only, it is read again when the parent arrives.
func (m *merge) waiting(row *judged, p entity.Parent) Fault {
	id := row.Values[p.Column].Int
	return Fault{
		ID: row.ID, Reason: entity.ReasonWaiting, Waiting: true, Parent: p.Entity, ParentID: id,
		Detail: fmt.Sprintf(AbsentDetail, p.Entity, strconv.FormatInt(id, 10)),
	}
}

// refuse turns a row that the database refused into a fault. It is counted with its own scope: a row that was taken
// along is not rejected here.
func (m *merge) refuse(r Refusal, stale bool) {
	f := m.refusal(r)
	f.SQLState, f.Stale = r.SQLState, stale
	m.lost[r.ID] = true
	if m.scope.Covers(r.ID) {
		m.reject(f)
		if !f.Waiting {
			m.counts.Refused++
		}
		return
	}
	m.faults = append(m.faults, f)
}

func (m *merge) refusal(r Refusal) Fault {
	row := m.rowOf(r.ID)
	if r.SQLState == sqlstateForeignKey && row != nil {
		for _, p := range m.e.Parents {
			if p.Link == "" {
				return m.waiting(row, p)
			}
		}
	}
	f := Fault{ID: r.ID}
	if row != nil {
		f = m.fault(row)
	}
	f.Reason, f.Detail = "refused_"+r.SQLState, r.Message
	if r.Constraint != "" {
		f.Detail += " (" + r.Constraint + ")"
	}
	return f
}

func (m *merge) rowOf(id int64) *judged {
	for _, rows := range [][]judged{m.rows, m.taken} {
		if i, found := find(rows, id); found {
			return &rows[i]
		}
	}
	return nil
}
