package runs_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/stretchr/testify/require"

	"ferry/engine"
	"ferry/tui/feed"
	"ferry/tui/keymap"
	"ferry/tui/screen"
	"ferry/tui/screen/runs"
	"ferry/tui/status"
	"ferry/tui/tuitest"
)

// bench is the screen with its commands in the test's hands: a command that is not run is an answer that does not come.
type bench struct {
	operator *tuitest.Operator
	screen   *runs.Runs
	now      time.Time
}

func setup(t *testing.T, s *engine.Snapshot, width int) *bench {
	t.Helper()
	b := &bench{operator: tuitest.NewOperator(s), now: tuitest.Noon}
	b.operator.Keep(tuitest.History(s, 12)...)
	b.screen = runs.New(b.operator, feed.NewReading(t.Context()))
	b.screen.SetSize(width, 20)
	b.see(0)
	return b
}

func (b *bench) see(later time.Duration) {
	b.now = b.now.Add(later)
	s := b.operator.Snapshot()
	b.screen.See(screen.Sight{Snapshot: s, State: status.Of(s), Now: b.now, Keys: keymap.Default()})
}

func (b *bench) do(actions ...keymap.Action) {
	for _, action := range actions {
		b.screen.Lines() // as the app does: what is not drawn cannot be moved about in
		b.screen.Do(action)
	}
}

// answers runs what a command stands for.
func answers(cmd tea.Cmd) []tea.Msg {
	if cmd == nil {
		return nil
	}
	msg := cmd()
	batch, ok := msg.(tea.BatchMsg)
	if !ok {
		return []tea.Msg{msg}
	}
	var out []tea.Msg
	for _, c := range batch {
		out = append(out, answers(c)...)
	}
	return out
}

func (b *bench) settle() {
	for range 3 {
		for _, msg := range answers(b.screen.Fetch()) {
			b.screen.Take(msg)
		}
	}
}

func (b *bench) text() string {
	var out strings.Builder
	for _, l := range b.screen.Lines() {
		out.WriteString(l.String() + "\n")
	}
	return out.String()
}

func TestALateAnswerAboutAnotherRunIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t, tuitest.Running(), 80)
	b.settle()
	b.do(keymap.Open)
	late := b.screen.Fetch()
	require.NotNil(t, late)
	require.Contains(t, b.text(), "reading its steps and batches")
	b.see(3 * time.Second)
	require.Contains(t, b.text(), "reading its steps and batches, 3s")
	require.Nil(t, b.screen.Fetch(), "one answer is awaited at a time")

	b.do(keymap.Back, keymap.Down, keymap.Open)
	require.Contains(t, b.text(), "run #11")
	for _, msg := range answers(late) {
		require.False(t, b.screen.Take(msg))
	}
	require.Contains(t, b.text(), "reading its steps and batches")
	b.settle()
	require.Contains(t, b.text(), "no batch has been handed out")
}

func TestAFailedLookIsToldAndTriedAgain(t *testing.T) {
	t.Parallel()
	b := setup(t, tuitest.Running(), 80)
	b.operator.FailReads(errors.New("connection refused"))
	b.settle()
	require.Contains(t, b.text(), "✗ the history of runs could not be read: connection refused")
	require.Contains(t, b.text(), "→ nothing listens there")
	b.see(time.Second)
	require.Nil(t, b.screen.Fetch(), "not at once")
	b.operator.FailReads(nil)
	b.see(2 * time.Second)
	b.settle()
	require.Contains(t, b.text(), "#12")
}

// In a wide window the cursor rests a moment before what it is on is read: who scrolls through does not ask for all.
func TestACursorThatOnlyPassesReadsNothing(t *testing.T) {
	t.Parallel()
	b := setup(t, tuitest.Done(), 140)
	b.settle()
	require.Equal(t, []string{"runs before 0", "run 12"}, b.operator.Reads())
	for range 5 {
		b.do(keymap.Down)
		b.see(100 * time.Millisecond)
		b.settle()
	}
	require.Len(t, b.operator.Reads(), 2)
	b.see(time.Second)
	b.settle()
	require.Equal(t, "run 7", b.operator.Reads()[2])
	require.Contains(t, b.text(), "│ run #7")
}

func TestNothingIsReadThatCannotBeThere(t *testing.T) {
	t.Parallel()
	for _, s := range []*engine.Snapshot{
		tuitest.Connecting(), tuitest.NeverReached(), tuitest.Bare(engine.SetupMissing), tuitest.Bare(engine.SetupNewer),
	} {
		b := setup(t, tuitest.Running(), 80)
		b.operator.Show(s)
		b.see(0)
		require.Nil(t, b.screen.Fetch())
		require.NotEmpty(t, strings.TrimSpace(b.text()))
		require.Nil(t, b.screen.Run())
		require.Nil(t, b.screen.Batch())
	}
}

func TestMoreBatchesThanAreShownSaySo(t *testing.T) {
	t.Parallel()
	b := setup(t, tuitest.Running(), 140)
	detail := tuitest.Detail(tuitest.Running())
	detail.BatchesTotal = 5021
	b.operator.Keep(detail)
	b.screen.SetSize(140, 40)
	b.settle()
	require.Contains(t, b.text(), "5,021 batches, 3 not done; below: what is not done, then the newest, 43 in all")
}

// Ticks that found nothing, or failed alike, are one line that says how many they are and since when.
func TestTicksAreFolded(t *testing.T) {
	t.Parallel()
	b := setup(t, tuitest.InStep(), 80)
	b.operator.Keep(tuitest.Ticks()...)
	b.settle()
	b.do(keymap.Down)
	require.Regexp(t, `› #4710  tick    ✓ done × 42     since 20:50:11`, b.text())
	require.Contains(t, b.text(), "× 42 ticks since 20:50:11Z, the newest 21:03:38Z: nothing had changed")
	require.Regexp(t, `#4667  tick    ✓ done × 2.3k   1d ago 13:04Z`, b.text())
	require.Regexp(t, `#4600  incr.   ✓ done`, b.text())
	b.do(keymap.Down)
	require.Contains(t, b.text(), "× 96 ticks since 02:04:11Z, the newest 03:04:11Z: each failed alike")
	b.do(keymap.Down, keymap.Down, keymap.Open)
	b.settle()
	require.Contains(t, b.text(), "reads every row: the rules changed")
}

func TestABatchOfAnOldRunWaitsForTheActiveOne(t *testing.T) {
	t.Parallel()
	b := setup(t, tuitest.Running(), 80)
	old := tuitest.Detail(tuitest.Failed())
	old.ID = 11
	b.operator.Keep(tuitest.Detail(tuitest.Running()), old)
	b.settle()
	b.do(keymap.Down, keymap.Open)
	b.settle()
	require.Contains(t, b.screen.Refusal(keymap.Retry), "it would resume run #11, but run #12 is running")
	b.operator.Show(tuitest.Done())
	b.see(0)
	require.Empty(t, b.screen.Refusal(keymap.Retry))
}
