package check

import (
	"context"
	"errors"
	"time"

	"ferry/engine"
	"ferry/engine/cycle"
	"ferry/engine/entity"
)

// Proven is what a look, or several at parts of the same cell, have proven of the cell.
type Proven struct {
	Low, High int64
	At        time.Time // when the first of them was taken
	Rows      int64
	Explained map[engine.Cause]int64
}

// looks takes looks at scopes, one behind the other. What is too much for one, because the source is slow or its rows are wide, is
// looked at in halves, each by the same rule, and what comes behind it in parts as narrow.
func (r *Runner) looks(ctx context.Context, of Engine, e *entity.Entity, rules entity.Rules, scopes []cycle.Scope) ([]Seen, error) {
	var out []Seen
	width := int64(0) // 0: whole scopes
	for _, scope := range scopes {
		first := len(out)
		rest := cut([]cycle.Scope{scope}, width)
		for len(rest) > 0 {
			s, err := r.Look(ctx, of, e, rules, rest[0])
			if err != nil {
				if !r.slow(ctx, err) || size(rest[0]) < 2 {
					return nil, err
				}
				width = (size(rest[0]) + 1) / 2
				rest = cut(rest, width)
				continue
			}
			out, rest = append(out, s), rest[1:]
		}
		if scope.IDs == nil {
			out[len(out)-1].Proves = together(scope, out[first:])
		}
	}
	return out, nil
}

// slow reports whether a look failed because it did not end in the time that it may take. That is not so of a process that ends.
func (*Runner) slow(ctx context.Context, err error) bool {
	if ctx.Err() != nil {
		return false
	}
	db, ok := errors.AsType[*engine.DatabaseError](err)
	return errors.Is(err, context.DeadlineExceeded) || ok && db.SQLState == cycle.SQLStateTimeout
}

// size is how many ids a scope has, or may have.
func size(of cycle.Scope) int64 {
	if of.IDs != nil {
		return int64(len(of.IDs))
	}
	return of.High - of.Low
}

// cut halves scopes until none has more ids than width; 0: it leaves them as they are.
func cut(scopes []cycle.Scope, width int64) []cycle.Scope {
	var out []cycle.Scope
	for _, of := range scopes {
		if width <= 0 || size(of) <= width {
			out = append(out, of)
			continue
		}
		a, b := halves(of)
		out = append(out, cut([]cycle.Scope{a, b}, width)...)
	}
	return out
}

// together is what looks at all parts of a cell have proven of it.
func together(cell cycle.Scope, parts []Seen) *Proven {
	p := &Proven{Low: cell.Low, High: cell.High, At: parts[0].TakenAt, Explained: map[engine.Cause]int64{}}
	for _, s := range parts {
		p.Rows += s.Rows
		for cause, rows := range s.Explained {
			p.Explained[cause] += rows
		}
	}
	return p
}
