package check

import (
	"context"
	"slices"

	"ferry/engine/cycle"
)

// digests compares a range by sums: only where they differ does it look closer, and at last at rows.
func (l *look) digests(ctx context.Context, of cycle.Scope) error {
	wide, err := l.sums(ctx, of, wideChunk)
	if err != nil {
		return err
	}
	if !wide.worth() {
		return l.ranges(ctx, of)
	}
	if err := l.inexact(ctx, wide.inexact); err != nil {
		return err
	}
	l.found.Rows += wide.equal
	dense := false // most rows differ: to narrow down further is of no use
	return l.each(ctx, wide.differ, func(ctx context.Context, of cycle.Scope) error {
		if dense {
			return l.ranges(ctx, of)
		}
		slim, err := l.sums(ctx, of, slimChunk)
		if err != nil {
			return err
		}
		dense = 2*slim.equal < slim.rows
		l.found.Rows += slim.equal
		return l.each(ctx, slim.differ, l.ranges)
	})
}

func (*look) each(ctx context.Context, ranges []cycle.Scope, do func(context.Context, cycle.Scope) error) error {
	for _, of := range ranges {
		if err := do(ctx, of); err != nil {
			return err
		}
	}
	return nil
}

// inexact compares rows of which SQL cannot say what would be stored. From then on they are aside like the explained ones.
func (l *look) inexact(ctx context.Context, ids []int64) error {
	for some := range slices.Chunk(ids, int(l.o.Batch)) {
		if err := l.rows(ctx, cycle.Scope{Low: some[0] - 1, High: some[len(some)-1], IDs: some}); err != nil {
			return err
		}
	}
	l.aside = with(l.aside, ids)
	return nil
}

// with gives both lists in one, in order.
func with(a, b []int64) []int64 {
	if len(b) == 0 {
		return a
	}
	out := slices.Concat(a, b)
	slices.Sort(out)
	return out
}

// sums is what the digests of a range say.
type sums struct {
	equal   int64         // rows in chunks that are equal
	differ  []cycle.Scope // where both sides differ, neighbours joined
	inexact []int64       // in order
	rows    int64         // of the source, but for inexact ones
}

// worth reports whether digests are of use: they are not if SQL cannot speak for many rows.
func (s sums) worth() bool { return 2*int64(len(s.inexact)) <= s.rows }

// sums compares both sides' digests of a range. Both are asked at once, but where the source may name rows that the engine must
// leave out: only codes are not always exact.
func (l *look) sums(ctx context.Context, of cycle.Scope, width int64) (sums, error) {
	var ours []Chunk
	var ourErr error
	done := make(chan struct{})
	ask := func(but []int64) {
		ours, ourErr = l.view.Digests(ctx, l.e, of.Low, of.High, width, but)
		close(done)
	}
	if l.e.Code < 0 {
		go ask(l.aside)
	}
	theirs, err := l.snap.Digests(ctx, l.e, of.Low, of.High, width, l.aside)
	out := sums{}
	for _, c := range theirs {
		out.inexact = append(out.inexact, c.Inexact...)
		out.rows += c.Rows
	}
	slices.Sort(out.inexact)
	if l.e.Code >= 0 {
		if err != nil || !out.worth() {
			return out, err
		}
		ask(with(l.aside, out.inexact))
	}
	<-done // the engine's session is not to be used by two
	if err != nil {
		return out, err
	}
	if ourErr != nil {
		return out, ourErr
	}
	out.match(of, width, theirs, ours)
	return out, nil
}

// match brings the chunks of both sides together; both are in order.
func (s *sums) match(of cycle.Scope, width int64, theirs, ours []Chunk) {
	differs := func(number int64) {
		low, high := max(number*width, of.Low), min((number+1)*width, of.High)
		if last := len(s.differ) - 1; last >= 0 && s.differ[last].High == low {
			s.differ[last].High = high
			return
		}
		s.differ = append(s.differ, cycle.Scope{Low: low, High: high})
	}
	for len(theirs) > 0 || len(ours) > 0 {
		switch {
		case len(ours) == 0 || len(theirs) > 0 && theirs[0].Number < ours[0].Number:
			if theirs[0].Rows > 0 {
				differs(theirs[0].Number)
			}
			theirs = theirs[1:]
		case len(theirs) == 0 || ours[0].Number < theirs[0].Number:
			differs(ours[0].Number)
			ours = ours[1:]
		default:
			if theirs[0].Rows == ours[0].Rows && theirs[0].Sum == ours[0].Sum {
				s.equal += theirs[0].Rows
			} else {
				differs(theirs[0].Number)
			}
			theirs, ours = theirs[1:], ours[1:]
		}
	}
}
