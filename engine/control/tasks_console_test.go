package control_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"ferry/engine"
	"ferry/tui/tuitest"
)

// The operator's tasks on real databases, from the opened console, with at most four keys beside what is typed.
func TestOperatorsTasksOnRealDatabases(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	run := b.loaded(t)
	tasks := []struct {
		name  string
		until func(s *engine.Snapshot) bool // the state in which it is asked; nil: whatever it is
		keys  [][]string
		typed string // behind the first keys
		says  string
	}{
		{"what did the last run do?", nil, [][]string{{"2", "enter"}}, "", run},
		{"pause everything", nil, [][]string{{"p", "tab", "enter"}}, "", "the ticks are paused"},
		{
			"who paused the sync?", func(s *engine.Snapshot) bool { return s.Schedule.Paused() },
			nil, "", "TICKS PAUSED by tester@test",
		},
		{
			"which rows were rejected for no partner, and retry them",
			func(s *engine.Snapshot) bool { return len(s.Reasons) > 0 },
			[][]string{{":"}, {"enter", "enter"}},
			"retry partner", "read again by the next tick",
		},
		{"hold it to 2,000 rows a second", nil, [][]string{{"b"}, {"tab", "enter"}}, "2000 slow", "throttle: none → 2000"},
	}
	for _, c := range tasks {
		if c.until != nil {
			b.awaitRun(t, c.name, c.until)
		}
		console := b.console(t)
		for i, keys := range c.keys {
			console.Press(keys...)
			if i == 0 && c.typed != "" {
				console.Type(c.typed)
			}
		}
		require.LessOrEqual(t, console.Typed, 4, c.name)
		require.True(t, tuitest.Says(console.Frame(), c.says), "%s: %s\n%s", c.name, c.says, console.Frame())
	}
	require.EqualValues(t, 2000, b.awaitRun(t, "throttled", func(s *engine.Snapshot) bool { return s.Pace.RowsPerSecond > 0 }).Pace.RowsPerSecond)
}

// loaded runs a first full sync, and gives how its run is named.
func (b *bundle) loaded(t *testing.T) string {
	t.Helper()
	s := b.full(t)
	done(t, s)
	return "#1"
}
