package check

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ferry/engine"
	"ferry/engine/cycle"
	"ferry/engine/entity"
)

// slowSource cannot sum up more than so many ids in the time that a look may take.
type slowSource struct {
	Source
	SourceSnapshot

	most int64
	fail error
	asks int
}

func (s *slowSource) Look(context.Context) (SourceSnapshot, error) { return slowSnapshot{s}, nil }

type slowSnapshot struct{ *slowSource }

func (s slowSnapshot) Close() {}

func (s slowSnapshot) Identity(context.Context) (string, error) { return "", nil }

func (s slowSnapshot) Look(context.Context) (SourceSnapshot, error) { return s, nil }

func (s slowSnapshot) Shape(context.Context, *entity.Entity) (cycle.Shape, error) {
	return cycle.Shape{}, nil
}

func (s slowSnapshot) Versions(context.Context, *entity.Entity, []int64, cycle.Floor) (map[int64]Version, error) {
	return map[int64]Version{}, nil
}

func (s slowSnapshot) Digests(_ context.Context, _ *entity.Entity, low, high, _ int64, _ []int64) ([]Chunk, error) {
	s.asks++
	if high-low > s.most {
		return nil, s.fail
	}
	return []Chunk{{Number: low / wideChunk, Rows: high - low, Sum: "1"}}, nil
}

func (*slowSource) Identity(context.Context) (string, error) { return "", nil }

// sameEngine has the same rows.
type sameEngine struct {
	EngineView

	tick time.Time
}

func (v *sameEngine) View(context.Context) (EngineView, error) { return v, nil }
func (v *sameEngine) Close()                                   {}

func (v *sameEngine) At() (Moment, bool) { return Moment{Time: v.tick}, true }

func (*sameEngine) ReadFrom(*entity.Entity) (t time.Time) { return t }

func (v *sameEngine) Now(context.Context) (time.Time, error) {
	v.tick = v.tick.Add(time.Second)
	return v.tick, nil
}

func (v *sameEngine) Explained(context.Context, *entity.Entity, cycle.Scope) (Explained, error) {
	return Explained{ByCause: map[engine.Cause][]int64{engine.CauseQuarantined: {0}}}, nil
}

func (v *sameEngine) Derived(context.Context, *entity.Entity, cycle.Scope) ([]Derived, error) {
	return nil, nil
}

func (v *sameEngine) Digests(_ context.Context, _ *entity.Entity, low, high, _ int64, _ []int64) ([]Chunk, error) {
	return []Chunk{{Number: low / wideChunk, Rows: high - low, Sum: "1"}}, nil
}

// A source that is too slow for a cell is asked for less at a time; what is proven is still the cell.
func TestALookThatTakesTooLongIsTakenInHalves(t *testing.T) {
	t.Parallel()
	timeout := &engine.DatabaseError{Side: engine.SideSource, SQLState: cycle.SQLStateTimeout, Class: engine.ClassRetry, Err: errors.New("slow")}
	source := &slowSource{most: Cell / 4, fail: timeout}
	here := &sameEngine{tick: time.Unix(0, 0)}
	r := &Runner{Source: source}
	cells := []cycle.Scope{{Low: 0, High: Cell}, {Low: 7 * Cell, High: 8 * Cell}}
	seen, err := r.looks(t.Context(), here, entity.Move, nil, cells)
	require.NoError(t, err)
	require.Len(t, seen, 8)
	require.Equal(t, 10, source.asks, "the second cell is looked at in narrow parts at once")
	for i, s := range seen {
		cell := cells[i/4]
		part := int64(Cell / 4)
		require.Equal(t, cycle.Scope{Low: cell.Low + int64(i%4)*part, High: cell.Low + int64(i%4+1)*part}, s.Scope)
		if i%4 < 3 {
			require.Nil(t, s.Proves, "others of its cell follow")
			continue
		}
		require.Equal(t, &Proven{
			Low: cell.Low, High: cell.High, At: seen[i-3].TakenAt, Rows: Cell, Explained: map[engine.Cause]int64{engine.CauseQuarantined: 4},
		}, s.Proves)
	}

	source.fail = errors.New("no such table")
	_, err = r.looks(t.Context(), here, entity.Move, nil, cells)
	require.ErrorIs(t, err, source.fail, "what is not slow does not get better in halves")
	source.fail, source.most = timeout, 0
	_, err = r.looks(t.Context(), here, entity.Move, nil, []cycle.Scope{{Low: 0, High: 8}})
	require.ErrorIs(t, err, timeout, "less than one row is nothing")
	ended, end := context.WithCancel(t.Context())
	end()
	source.asks = 0
	_, err = r.looks(ended, here, entity.Move, nil, cells)
	require.Error(t, err)
	require.Equal(t, 1, source.asks, "a process that ends looks no further")
}
