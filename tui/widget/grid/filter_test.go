package grid

import (
	"testing"

	"github.com/stretchr/testify/require"

	"ferry/engine"
	"ferry/tui/widget"
)

// What stands above a column is what an operator types, whatever the list behind it calls the column.
func TestAFilterCallsColumnsByTheirTitles(t *testing.T) {
	t.Parallel()
	cell := func(*int) widget.Cell { return widget.Cell{} }
	g := New(Config[int]{
		Columns: []Column[int]{
			{Title: "kinds", Name: "drifts", Cell: cell}, {Title: "looked at", Name: "seen_at", Cell: cell}, {Title: "id", Name: "id", Cell: cell},
		},
		Fields: []string{"source"},
	})
	require.NoError(t, g.SetFilter("kinds:moves !drifts:history seen_at:2026 other:x"))
	require.Equal(t, engine.Filter{
		{Field: "drifts", Pattern: "moves"}, {Field: "drifts", Pattern: "history", Not: true}, {Field: "seen_at", Pattern: "2026"}, {Pattern: "other:x"},
	}, g.Filter())
	require.Equal(t, "kinds, seen_at, id, source", g.hints())
}
