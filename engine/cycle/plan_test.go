package cycle

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ferry/engine"
	"ferry/engine/entity"
)

// slowSource is a snapshot of tables that are too large to be counted in the time that is given.
type slowSource struct {
	SourceSnapshot

	limits []time.Duration // of the tallies that were asked for
}

func (s *slowSource) State(context.Context) (SourceState, error) {
	return SourceState{Floor: "900", Next: "1000", Timeline: 1, Incarnation: "a"}, nil
}

func (s *slowSource) Shape(context.Context, *entity.Entity) (Shape, error) {
	return Shape{Read: "as ever"}, nil
}

func (s *slowSource) Tally(_ context.Context, _ *entity.Entity, _ Floor, limit time.Duration) (Tally, bool, error) {
	s.limits = append(s.limits, limit)
	return Tally{}, false, nil
}

func (s *slowSource) Changes(
	_ context.Context, _ *entity.Entity, _ Floor, _ int, limit time.Duration, _ func(entity.Row) error,
) (bool, error) {
	s.limits = append(s.limits, limit)
	return false, nil
}

func (s *slowSource) MaxID(context.Context, *entity.Entity) (int64, error) { return 5_000_000, nil }

func (s *slowSource) Count(_ context.Context, _ *entity.Entity, limit time.Duration) (int64, bool, error) {
	return 5_000_000, limit < time.Second, nil
}

// incremental is a plan whose floors hold.
func incremental() Work {
	w := Work{SourceIdentity: "1/odoo", RulesHash: "r", Bases: map[string]Base{}}
	w.Kind = engine.RunIncremental
	for _, e := range entity.All() {
		w.Bases[e.Name] = Base{
			Floor: "800", Earlier: "700", RulesHash: "r", Identity: "1/odoo", Next: "850", Timeline: 1, Incarnation: "a", Shape: "as ever",
		}
	}
	return w
}

func TestTablesThatCannotBeCountedInTimeAreReadInBatches(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), planReserve+500*time.Millisecond)
	defer cancel()
	source := &slowSource{}
	p, err := look(ctx, source, incremental(), tickRows)
	require.NoError(t, err)
	require.False(t, p.small())
	for _, e := range p.Entities {
		require.Equal(t, Floor("800"), e.Since)
		require.False(t, e.Counted)
		require.True(t, e.Estimated, "what could not be counted is not counted a second time")
	}
	for _, limit := range source.limits {
		require.LessOrEqual(t, limit, 500*time.Millisecond, "the plan must end while its snapshot may last")
	}

	late, cancelLate := context.WithTimeout(t.Context(), planReserve)
	defer cancelLate()
	source.limits = nil
	_, err = look(late, source, incremental(), tickRows)
	require.NoError(t, err)
	require.Empty(t, source.limits)
}

func TestAFloorHoldsOnlyForWhatItWasTakenFrom(t *testing.T) {
	t.Parallel()
	w := incremental()
	now := SourceState{Floor: "900", Next: "1000", Timeline: 1, Incarnation: "a"}
	same := Shape{Read: "as ever"}
	for name, c := range map[string]struct {
		base  func(*Base)
		now   func(*SourceState)
		shape Shape
		since Floor
		why   string
	}{
		"nothing changed":               {since: "800"},
		"no cycle yet":                  {base: func(b *Base) { b.Floor = "" }, why: "no cycle has been completed yet"},
		"other rules":                   {base: func(b *Base) { b.RulesHash = "s" }, why: "rules"},
		"another source":                {base: func(b *Base) { b.Identity = "2/odoo" }, why: "another source"},
		"another timeline":              {now: func(s *SourceState) { s.Timeline = 2 }, why: "timeline 1 to 2"},
		"other columns":                 {shape: Shape{Read: "another"}, why: "columns"},
		"ids went back":                 {now: func(s *SourceState) { s.Next = "849" }, why: "went back"},
		"ids stand still":               {now: func(s *SourceState) { s.Next = "850" }, since: "800"},
		"too long ago":                  {now: func(s *SourceState) { s.Next = "1000000801" }, why: "transaction ids back"},
		"just not too long ago":         {now: func(s *SourceState) { s.Next = "1000000800" }, since: "800"},
		"another server":                {now: func(s *SourceState) { s.Incarnation = "b" }, since: "700"},
		"another server, nothing older": {base: func(b *Base) { b.Earlier = "" }, now: func(s *SourceState) { s.Incarnation = "b" }, since: "800"},
		"no number":                     {base: func(b *Base) { b.Floor = "x" }, why: "cannot be read"},
	} {
		base, state, shape := w.Bases["loyalty_card"], now, c.shape
		if c.base != nil {
			c.base(&base)
		}
		if c.now != nil {
			c.now(&state)
		}
		if shape.Read == "" {
			shape = same
		}
		since, why := base.Since(w.RulesHash, w.SourceIdentity, state, shape)
		require.Equal(t, c.since, since, name)
		require.True(t, strings.Contains(why, c.why) && (why == "") == (c.why == ""), "%s: %s", name, why)
	}
}
