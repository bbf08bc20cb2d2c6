package engine_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"ferry/engine"
)

func TestAnUnknownFigureIsNullAndNeverZero(t *testing.T) {
	t.Parallel()
	type report struct {
		Rows  engine.Maybe[int64]   `json:"rows"`
		Share engine.Maybe[float64] `json:"share"`
		Equal engine.Maybe[bool]    `json:"equal"`
	}
	for want, r := range map[string]report{
		`{"rows":null,"share":null,"equal":null}`: {},
		`{"rows":0,"share":0,"equal":false}`:      {engine.Known[int64](0), engine.Known(0.0), engine.Known(false)},
		`{"rows":-7,"share":0.5,"equal":true}`:    {engine.Known[int64](-7), engine.Known(0.5), engine.Known(true)},
	} {
		got, err := json.Marshal(r)
		require.NoError(t, err)
		require.Equal(t, want, string(got))
	}
	stray, err := json.Marshal(engine.Maybe[int]{Value: 3})
	require.NoError(t, err)
	require.Equal(t, "null", string(stray), "a value that nobody vouches for is not written")
}

func TestAnUnknownFigureHasAStandIn(t *testing.T) {
	t.Parallel()
	require.Equal(t, 5, engine.Maybe[int]{}.Or(5))
	require.Equal(t, 5, engine.Maybe[int]{Value: 3}.Or(5))
	require.Equal(t, 0, engine.Known(0).Or(5))
}

// states are all constants of type RunState, read from the source: a new one cannot be forgotten here.
func states(t *testing.T) []engine.RunState {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "run.go", nil, 0)
	require.NoError(t, err)
	var out []engine.RunState
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		name, ok := spec.Type.(*ast.Ident)
		if !ok || name.Name != "RunState" {
			return true
		}
		literal, ok := spec.Values[0].(*ast.BasicLit)
		require.True(t, ok)
		value, err := strconv.Unquote(literal.Value)
		require.NoError(t, err)
		out = append(out, engine.RunState(value))
		return true
	})
	return out
}

func TestEveryStateOfARunIsActiveOrEnded(t *testing.T) {
	t.Parallel()
	type predicates struct{ active, resumable bool }
	want := map[engine.RunState]predicates{
		engine.RunQueued:      {active: true},
		engine.RunPlanning:    {active: true},
		engine.RunRunning:     {active: true},
		engine.RunPausing:     {active: true, resumable: true},
		engine.RunPaused:      {active: true, resumable: true},
		engine.RunAsking:      {active: true},
		engine.RunInterrupted: {resumable: true},
		engine.RunCancelled:   {resumable: true},
		engine.RunFailed:      {resumable: true},
		engine.RunDone:        {},
	}
	all := states(t)
	require.Len(t, all, len(want))
	for _, s := range all {
		p, ok := want[s]
		require.True(t, ok, "nobody said what %q is", s)
		require.Equal(t, p.active, s.Active(), s)
		require.Equal(t, !p.active, s.Ended(), s)
		require.Equal(t, p.resumable, s.Resumable(), s)
	}
	unknown := engine.RunState("a later ferry's")
	require.False(t, unknown.Active() || unknown.Resumable(), "it cannot be steered by a program that does not know it")
}

func TestAnActorIsNamedAsOnAScreen(t *testing.T) {
	t.Parallel()
	for want, a := range map[string]engine.Actor{
		"sari@db2": {User: "sari", Host: "db2", SSH: "10.0.0.7"},
		"sari":     {User: "sari"},
		"@db2":     {Host: "db2"},
		"unknown":  {SSH: "10.0.0.7"},
	} {
		require.Equal(t, want, a.String())
	}
}

func TestTheRejectedShareIsKnownOnlyWhereItIsMeasured(t *testing.T) {
	t.Parallel()
	known := engine.Known[int64]
	unknown := engine.Maybe[int64]{}
	for name, c := range map[string]struct {
		source, quarantined, waiting engine.Maybe[int64]
		want                         engine.Maybe[float64]
	}{
		"nothing measured":                 {unknown, unknown, unknown, engine.Maybe[float64]{}},
		"source not counted":               {unknown, known(5), known(1), engine.Maybe[float64]{}},
		"quarantine not counted":           {known(100), unknown, known(1), engine.Maybe[float64]{}},
		"those that wait are not rejected": {known(100), known(5), known(1), engine.Known(0.04)},
		"not known how many wait":          {known(100), known(5), unknown, engine.Known(0.05)},
		"all wait":                         {known(100), known(5), known(5), engine.Known(0.0)},
		"none":                             {known(100), known(0), known(0), engine.Known(0.0)},
		"an empty table":                   {known(0), known(0), known(0), engine.Known(0.0)},
	} {
		e := engine.EntityView{SourceRows: c.source, Quarantined: c.quarantined, Waiting: c.waiting}
		require.Equal(t, c.want.Known, e.RejectedShare().Known, name)
		require.InDelta(t, c.want.Value, e.RejectedShare().Value, 1e-12, name)
	}
}

func TestEveryCountIsSummed(t *testing.T) {
	t.Parallel()
	var a, b engine.Counts
	fill := func(c *engine.Counts, step int64) {
		v := reflect.ValueOf(c).Elem()
		for i := range v.NumField() {
			v.Field(i).SetInt(step * int64(i+1))
		}
	}
	fill(&a, 1)
	fill(&b, 1000)
	a.Add(b)
	v := reflect.ValueOf(a)
	for i := range v.NumField() {
		require.Equal(t, 1001*int64(i+1), v.Field(i).Int(), v.Type().Field(i).Name)
	}
}

func TestCountsBalanceIfEachRowIsInExactlyOneOfThem(t *testing.T) {
	t.Parallel()
	c := engine.Counts{Read: 10, Inserted: 1, Updated: 2, Unchanged: 3, Rejected: 4}
	require.True(t, c.Balanced())
	c.Stale, c.Warned, c.Precise, c.Taken, c.Extra, c.Settled, c.Deleted = 4, 6, 6, 9, 9, 9, 9
	require.True(t, c.Balanced(), "these say more about rows that are counted already, or are not read")
	for _, change := range []func(*engine.Counts){
		func(c *engine.Counts) { c.Read++ },
		func(c *engine.Counts) { c.Inserted++ },
		func(c *engine.Counts) { c.Updated++ },
		func(c *engine.Counts) { c.Unchanged++ },
		func(c *engine.Counts) { c.Rejected++ },
	} {
		lost := c
		change(&lost)
		require.False(t, lost.Balanced())
	}
}

func TestADatabaseErrorSaysWhereWhatAndWhy(t *testing.T) {
	t.Parallel()
	refused := errors.New("connection refused")
	for want, e := range map[string]*engine.DatabaseError{
		"source: connecting: connection refused": {Side: engine.SideSource, Doing: "connecting", Err: refused},
		"engine: loading: disk full (SQLSTATE 53100)": {
			Side: engine.SideTarget, Doing: "loading", SQLState: "53100", Err: errors.New("disk full"),
		},
		"engine: loading: ERROR: disk full (SQLSTATE 53100)": { // the driver said it already
			Side: engine.SideTarget, Doing: "loading", SQLState: "53100", Err: errors.New("ERROR: disk full (SQLSTATE 53100)"),
		},
	} {
		require.EqualError(t, e, want)
	}
	require.ErrorIs(t, &engine.DatabaseError{Err: refused}, refused)
}

func TestAnErrorThatNobodyClassedStops(t *testing.T) {
	t.Parallel()
	require.Equal(t, engine.ClassStop, engine.ClassOf(nil))
	require.Equal(t, engine.ClassStop, engine.ClassOf(errors.New("what is this")))
	classed := &engine.DatabaseError{Class: engine.ClassReconnect, Err: errors.New("gone")}
	require.Equal(t, engine.ClassReconnect, engine.ClassOf(fmt.Errorf("batch 7: %w", classed)))
}
