package entity

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ferry/engine/pgcopy"
)

// mappedText is a row's mapped columns as the engine would hold them, as text.
func mappedText(t require.TestingT, e *Entity, row Row) map[string]string {
	var tuples pgcopy.Tuples
	e.AppendMapped(&tuples, row, func(string, int64) bool { return true })
	fields, err := tuples.Fields(0)
	require.NoError(t, err)
	text, err := e.MappedText(fields)
	require.NoError(t, err)
	return text
}

func TestMappedColumnsAsTextAreThoseOfTheRow(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		e := rapid.SampledFrom(All()).Draw(rt, "entity")
		row := Row{ID: rapid.Int64Range(1, 1<<31).Draw(rt, "id"), Values: make([]Value, len(e.Columns))}
		for i, c := range e.Columns {
			if rapid.Bool().Draw(rt, "null") {
				continue
			}
			v := Value{State: Present}
			switch c.Kind {
			case KindText:
				v.Text = rapid.String().Draw(rt, c.Source)
			case KindPoints:
				v.Int = rapid.Int64Range(-maxHundredths, maxHundredths).Draw(rt, c.Source)
			case KindTime:
				v.Int = rapid.Int64Range(-1<<52, 1<<52).Draw(rt, c.Source)
			case KindInt:
				v.Int = rapid.Int64Range(1, 1<<31).Draw(rt, c.Source)
			}
			row.Values[i] = v
		}
		text, described := mappedText(rt, e, row), e.Describe(row)
		links := 0
		for i, c := range e.Columns {
			if c.Target == "" {
				continue
			}
			want, there := described[c.Source]
			got, has := text[c.Target]
			require.Equal(rt, there, has, c.Target)
			require.Equal(rt, want, got, c.Target)
			if link := e.linkOf(i); link != "" && there {
				require.Equal(rt, want, text[link])
				links++
			}
		}
		require.Equal(rt, text["id"], text[e.OdooID])
		targets := 0
		for _, c := range e.Columns {
			if _, there := described[c.Source]; there && c.Target != "" {
				targets++
			}
		}
		require.Len(rt, text, 2+targets+links, "no column more")
	})
}

func TestLongTextsAreToldApart(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 2*maxShown)
	require.NotEqual(t, wholeText(long+"a"), wholeText(long+"b"))
	require.Less(t, len(wholeText(long)), maxShown+200)
	require.Equal(t, long[:maxShown], wholeText(long[:maxShown]))
	_, err := Card.MappedText([][]byte{nil})
	require.Error(t, err)
}
