package quarantine_test

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
	"ferry/tui/screen/quarantine"
	"ferry/tui/status"
	"ferry/tui/tuitest"
)

// bench is the screen with its commands in the test's hands: a command that is not run is an answer that does not come.
type bench struct {
	operator *tuitest.Operator
	screen   *quarantine.Quarantine
	now      time.Time
}

func setup(t *testing.T, width, rows int) *bench {
	t.Helper()
	b := &bench{operator: tuitest.NewOperator(tuitest.Quarantined()), now: tuitest.Noon}
	b.operator.Hold(tuitest.Rows(rows)...)
	b.operator.Rule(tuitest.Rules()...)
	b.screen = quarantine.New(b.operator, feed.NewReading(t.Context()))
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
	for range 5 {
		b.text()
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

func TestALateAnswerAboutAnotherReasonIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t, 80, 10)
	b.do(keymap.Open)
	late := answers(b.screen.Fetch())
	require.NotEmpty(t, late)
	b.see(3 * time.Second)
	require.Contains(t, b.text(), "reading the rows, 3s")
	require.Nil(t, b.screen.Fetch(), "one answer is awaited at a time")
	b.do(keymap.Back, keymap.Down, keymap.Open)
	for _, msg := range late {
		b.screen.Take(msg)
	}
	require.NotContains(t, b.text(), "100001")
	b.settle()
	require.Contains(t, b.text(), "100002")
}

// The cursor rests a moment before the rows of its reason are read: who scrolls through does not ask for all.
func TestACursorThatOnlyPassesReadsNothing(t *testing.T) {
	t.Parallel()
	b := setup(t, 140, 10)
	b.settle()
	require.Equal(t, []string{"rules", "rows of card.partner_missing from the first"}, b.operator.Reads())
	for range 4 {
		b.do(keymap.Down)
		b.see(100 * time.Millisecond)
		b.settle()
	}
	require.Len(t, b.operator.Reads(), 2)
	b.see(time.Second)
	b.settle()
	require.Equal(t, "rows of engine_owned from the first", b.operator.Reads()[2])
}

// The cursor stays on its row, though rows before it have left.
func TestTheCursorStaysOnItsRow(t *testing.T) {
	t.Parallel()
	b := setup(t, 80, 384)
	b.do(keymap.Open)
	b.settle()
	for range 6 {
		b.do(keymap.PageDown)
		b.settle()
	}
	row := b.screen.Selected().Row
	require.Greater(t, row.ID, int64(100_300))
	var left []engine.QuarantineRow
	for _, r := range tuitest.Rows(384) {
		if r.Reason != "card.partner_missing" || r.ID > 100_050 {
			left = append(left, r)
		}
	}
	b.operator.Hold(left...)
	next := tuitest.Quarantined()
	next.Reasons[0].Rows = 375
	b.operator.Show(next)
	b.see(time.Second)
	b.settle()
	require.Equal(t, row.ID, b.screen.Selected().Row.ID)
	require.Contains(t, b.text(), "› ")
	b.do(keymap.Top)
	b.settle()
	require.Equal(t, int64(100_055), b.screen.Selected().Row.ID)
}

// A reason stays under the cursor when the counts put it in another place: what is done is done about what was chosen.
func TestTheCursorStaysOnItsReason(t *testing.T) {
	t.Parallel()
	b := setup(t, 80, 10)
	b.settle()
	next := tuitest.Quarantined()
	next.Reasons[0], next.Reasons[1] = next.Reasons[1], next.Reasons[0]
	b.operator.Show(next)
	b.see(time.Second)
	require.Equal(t, "card.partner_missing", b.screen.Selected().Title)
	require.Contains(t, b.text(), "› card.partner_missing")
}

func TestAFailedReadIsToldAndTriedAgain(t *testing.T) {
	t.Parallel()
	b := setup(t, 80, 10)
	b.operator.FailReads(errors.New("connection refused"))
	b.do(keymap.Open)
	b.settle()
	require.Contains(t, b.text(), "✗ the rows could not be read: connection refused")
	b.see(time.Second)
	reads := len(b.operator.Reads())
	b.settle()
	require.Len(t, b.operator.Reads(), reads, "not at once")
	b.operator.FailReads(nil)
	b.see(3 * time.Second)
	b.settle()
	require.Contains(t, b.text(), "100001")
}

// A rule that lets everything pass has no rows any more, but must be found, to switch it back.
func TestARuleThatWasSwitchedStaysInTheList(t *testing.T) {
	t.Parallel()
	b := setup(t, 80, 10)
	b.settle()
	require.Regexp(t, `card.points_negative +0 +0 +0  warn`, b.text())
	b.do(keymap.Bottom)
	require.Empty(t, b.screen.Refusal(keymap.Switch))
	require.Contains(t, b.screen.Refusal(keymap.Retry), "no row is in quarantine for card.points_negative")
}

func TestARowThatHasLeftSaysSo(t *testing.T) {
	t.Parallel()
	b := setup(t, 80, 10)
	b.do(keymap.Down, keymap.Open)
	b.settle()
	b.do(keymap.Open)
	require.Contains(t, b.text(), "code         \"\u00a0 ␉\"", "what would not be seen is made visible")
	b.operator.Hold()
	b.screen.Changed()
	b.settle()
	require.Contains(t, b.text(), "it has left quarantine meanwhile")
	b.do(keymap.Back)
	require.Contains(t, b.text(), "no row is in quarantine for this reason any more")
	require.Nil(t, b.screen.Selected().Row)
}

func TestAReasonWhoseRowsHaveAllLeft(t *testing.T) {
	t.Parallel()
	b := setup(t, 80, 10)
	b.do(keymap.Down, keymap.Open)
	b.settle()
	next := tuitest.Quarantined()
	next.Reasons = nil
	b.operator.Show(next)
	b.see(time.Second)
	require.Empty(t, b.screen.Refusal(keymap.Retry), "reasons that are not counted yet say nothing")
	next.Reasons = tuitest.Quarantined().Reasons[:1]
	b.operator.Show(next)
	b.operator.Hold()
	b.see(time.Second)
	b.settle()
	require.Contains(t, b.text(), "no row is in quarantine for this reason any more")
	require.Contains(t, b.screen.Refusal(keymap.Retry), "no row is in quarantine for card.code_empty")
}

func TestNothingIsReadThatCannotBeThere(t *testing.T) {
	t.Parallel()
	for _, s := range []*engine.Snapshot{
		tuitest.Connecting(), tuitest.NeverReached(), tuitest.Bare(engine.SetupMissing), tuitest.Bare(engine.SetupNewer),
	} {
		b := setup(t, 80, 10)
		b.operator.Show(s)
		b.see(0)
		require.Nil(t, b.screen.Fetch())
		require.NotEmpty(t, strings.TrimSpace(b.text()))
		require.Nil(t, b.screen.Selected())
		require.NotEmpty(t, b.screen.Refusal(keymap.Retry))
	}
	b := setup(t, 80, 0)
	s := tuitest.Running()
	s.Reasons = nil
	b.operator.Show(s)
	b.see(0)
	require.Contains(t, b.text(), "It is not known yet what is in quarantine: a full sync judges every row")
}
