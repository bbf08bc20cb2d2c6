package card_test

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
	"ferry/tui/screen/card"
	"ferry/tui/status"
	"ferry/tui/tuitest"
)

// bench is the view with its commands in the test's hands: a command that is not run is an answer that does not come.
type bench struct {
	operator *tuitest.Operator
	view     *card.Card
	now      time.Time
}

func setup(t *testing.T, width int, reports ...*engine.CardReport) *bench {
	t.Helper()
	b := &bench{operator: tuitest.NewOperator(tuitest.InStep()), now: tuitest.Noon}
	b.operator.Deal(reports...)
	b.view = card.New(b.operator, feed.NewReading(t.Context()))
	b.view.SetSize(width, 18)
	b.see(0)
	return b
}

func (b *bench) see(later time.Duration) {
	b.now = b.now.Add(later)
	s := b.operator.Snapshot()
	b.view.See(screen.Sight{Snapshot: s, State: status.Of(s), Now: b.now, Keys: keymap.Default()})
}

// answer runs a command, and gives its answer to the view.
func (b *bench) answer(cmd tea.Cmd) bool { return cmd != nil && b.view.Take(cmd()) }

func (b *bench) text() string {
	var lines []string
	for _, l := range b.view.Lines() {
		lines = append(lines, l.String())
	}
	return strings.Join(lines, "\n")
}

func TestACardIsReadWhenItIsAskedForAndNotAgain(t *testing.T) {
	t.Parallel()
	b := setup(t, 80, tuitest.RightCard(4710))
	require.Nil(t, b.view.Fetch())
	require.Contains(t, b.text(), "No card is chosen; c asks for one.")
	require.Equal(t, "no card is chosen; c asks for one", b.view.Refusal(keymap.Recheck))

	b.view.Show(engine.CardKey{ID: 4710})
	cmd := b.view.Fetch()
	require.NotNil(t, cmd)
	b.see(3 * time.Second)
	require.Contains(t, b.text(), "Reading card 4710 from both databases, 3s.")
	require.Nil(t, b.view.Fetch(), "one answer is awaited at a time")
	require.Equal(t, "the card is being read", b.view.Refusal(keymap.Recheck))
	require.True(t, b.answer(cmd))
	require.Contains(t, b.text(), "Odoo agrees with itself")
	b.see(time.Minute)
	require.Nil(t, b.view.Fetch(), "looking on is no load")
	_, used := b.view.Do(keymap.Recheck)
	require.True(t, used)
	require.True(t, b.answer(b.view.Fetch()))
	require.Equal(t, []string{"card 4710 ", "card 4710 "}, b.operator.Reads())
}

func TestAnAnswerThatComesLateIsNotShown(t *testing.T) {
	t.Parallel()
	b := setup(t, 80, tuitest.RightCard(4710), tuitest.RightCard(4711))
	b.view.Show(engine.CardKey{ID: 4710})
	late := b.view.Fetch()
	b.view.Show(engine.CardKey{ID: 4711})
	require.False(t, b.answer(late))
	require.True(t, b.answer(b.view.Fetch()))
	require.Contains(t, b.text(), " card 4711 ")
}

func TestTheLedgerIsReadFromOdooOnRequestOnly(t *testing.T) {
	t.Parallel()
	here, there := tuitest.RightCard(4710), tuitest.RightCard(4710)
	there.FromSource, there.LinesTotal = true, 1204
	b := setup(t, 140, here, there)
	b.view.Show(engine.CardKey{Code: "0446-4c6f-4710", ID: 0})
	require.Equal(t, "the card is not read yet", b.view.Refusal(keymap.Forecast))
	require.True(t, b.answer(b.view.Fetch()))
	require.Contains(t, b.text(), "3 lines, the engine's copy")
	require.Contains(t, b.text(), "f reads it from Odoo: a scan of loyalty_point_history", "the cost is known before")
	require.Equal(t, []string{"card 0 0446-4c6f-4710"}, b.operator.Reads())

	scan, _ := b.view.Do(keymap.Forecast)
	b.see(7 * time.Second)
	require.Contains(t, b.text(), "◌ reading it from Odoo, 7s; esc stops it")
	require.Contains(t, b.text(), "Odoo agrees with itself", "what is known stays")
	require.Equal(t, "its ledger is being read from Odoo", b.view.Refusal(keymap.Forecast))
	_, used := b.view.Do(keymap.Back)
	require.True(t, used, "back stops it and stays")
	require.False(t, b.answer(scan))
	require.Contains(t, b.text(), "stopped; f reads it from Odoo")

	scan, _ = b.view.Do(keymap.Forecast)
	require.True(t, b.answer(scan))
	require.Equal(t, "card 4710  scan", b.operator.Reads()[2], "by its id, whatever it was asked for by")
	require.Contains(t, b.text(), "the newest 3 of 1,204 lines, from Odoo")

	b.see(time.Second)
	b.view.Do(keymap.Recheck)
	require.True(t, b.answer(b.view.Fetch()))
	require.Contains(t, b.text(), "3 lines, the engine's copy", "the newest look counts")

	b.operator.FailReads(errors.New("source: canceling statement due to statement timeout"))
	scan, _ = b.view.Do(keymap.Forecast)
	require.True(t, b.answer(scan))
	require.Contains(t, b.text(), "✗ Its ledger could not be read from Odoo: source: canceling statement")
	require.Contains(t, b.text(), "3 lines, the engine's copy")
}

func TestAReadThatFailsIsTriedAgain(t *testing.T) {
	t.Parallel()
	b := setup(t, 80, tuitest.RightCard(4710))
	b.operator.FailReads(errors.New("source: connect: connection refused"))
	b.view.Show(engine.CardKey{ID: 4710})
	require.True(t, b.answer(b.view.Fetch()))
	require.Contains(t, b.text(), "✗ The card could not be read: source: connect: connection refused")
	require.Contains(t, b.text(), "→ nothing listens there")
	require.Nil(t, b.view.Fetch())
	b.operator.FailReads(nil)
	b.see(10 * time.Second)
	require.True(t, b.answer(b.view.Fetch()))
	require.NotContains(t, b.text(), "✗")

	b.operator.FailReads(errors.New("source: connect: connection refused"))
	b.view.Do(keymap.Recheck)
	require.True(t, b.answer(b.view.Fetch()))
	require.Contains(t, b.text(), "✗ The card could not be read again")
	require.Contains(t, b.text(), "Odoo agrees with itself", "what was read stays")
}

func TestWhileTheEngineIsUnreachableWhatIsShownIsCalledOld(t *testing.T) {
	t.Parallel()
	b := setup(t, 80, tuitest.RightCard(4710))
	b.view.Show(engine.CardKey{ID: 4710})
	require.True(t, b.answer(b.view.Fetch()))
	b.operator.Show(tuitest.Unreachable())
	b.see(time.Second)
	b.view.Do(keymap.Recheck)
	require.Nil(t, b.view.Fetch())
	require.Contains(t, b.text(), "◆ engine database unreachable for 13s; below is what was read last")
	require.Contains(t, b.text(), "Odoo agrees with itself")
}

func TestADiscrepancyIsSelectedByItsNumber(t *testing.T) {
	t.Parallel()
	wrong := tuitest.Troubles()[0].Report
	b := setup(t, 80, wrong, tuitest.RightCard(4710))
	b.view.Show(engine.CardKey{ID: 4710})
	require.True(t, b.answer(b.view.Fetch()))
	require.Empty(t, b.view.Found())
	require.NotEmpty(t, b.view.Refusal(keymap.Repair))
	b.view.Show(engine.CardKey{ID: wrong.ID})
	require.True(t, b.answer(b.view.Fetch()))
	require.Equal(t, []screen.Found{{
		Name: "1 discrepancy of card 4711", Count: engine.Known[int64](1),
		Which: engine.DiscrepancySelection{IDs: []int64{17}, States: []engine.DiscrepancyState{engine.DiscrepancySettled}},
	}}, b.view.Found())
	require.Empty(t, b.view.Refusal(keymap.Repair))
	text, what := b.view.Copy()
	require.Equal(t, []string{"4711", "card 4711"}, []string{text, what})
	b.view.Changed()
	require.NotNil(t, b.view.Fetch(), "what was done may have changed the card")
}

// What differs comes first, and is seen by a sign and a word.
func TestWhatDiffersIsSeenWithoutColours(t *testing.T) {
	t.Parallel()
	b := setup(t, 80, tuitest.Troubles()[4].Report) // its time is shifted
	b.view.Show(engine.CardKey{ID: 4715})
	require.True(t, b.answer(b.view.Fetch()))
	text := b.text()
	require.Regexp(t, `✗ updated_at +2025-10-30 +2025-10-30 +2025-10-31\n   differs +T21:12:40.1Z +T21:12:40.1Z +T04:12:40.1Z\n`, text)
	require.Contains(t, text, "   differs")
	require.Less(t, strings.Index(text, "✗ updated_at"), strings.Index(text, "= code"))
	require.Contains(t, text, "= code         0446-4C6F-4715  in Odoo 0446-4c6f-4715", "what Odoo has stands beside what is canonical")
}

func TestInAWideWindowTheLedgerScrollsForItself(t *testing.T) {
	t.Parallel()
	r := tuitest.RightCard(4710)
	for i := range 200 {
		l := r.Lines[0]
		l.ID = int64(2000 + i)
		r.Lines = append(r.Lines, l)
	}
	b := setup(t, 140, r)
	b.view.Show(engine.CardKey{ID: 4710})
	require.True(t, b.answer(b.view.Fetch()))
	require.Contains(t, b.text(), " 991 ")
	_, used := b.view.Do(keymap.Open)
	require.True(t, used)
	b.text()
	b.view.Do(keymap.Bottom)
	require.Contains(t, b.text(), " 2199 ")
	require.Contains(t, b.text(), "odoo_points", "the rest stays")
	require.Contains(t, b.text(), "›ledger")
	_, used = b.view.Do(keymap.Back)
	require.True(t, used)
	_, used = b.view.Do(keymap.Back)
	require.False(t, used, "then one goes back")
}

func TestTheLinesAtWhichTheBalanceBreaksAreAKeyAway(t *testing.T) {
	t.Parallel()
	for _, width := range []int{80, 140} {
		r := tuitest.RightCard(4710)
		for i := range 300 {
			l := r.Lines[0]
			l.ID, l.Broken, l.Running = int64(2000+i), i == 100 || i == 250, engine.Known("99.00")
			r.Lines = append(r.Lines, l)
		}
		b := setup(t, width, r)
		b.view.Show(engine.CardKey{ID: 4710})
		require.NotEmpty(t, b.view.Refusal(keymap.Next))
		require.True(t, b.answer(b.view.Fetch()))
		require.NotContains(t, b.text(), "breaks: ")
		do := func(action keymap.Action) {
			require.Empty(t, b.view.Refusal(action))
			b.view.Do(action)
		}
		do(keymap.Next)
		require.Regexp(t, `✗ +2100 `, b.text())
		require.Contains(t, b.text(), "breaks: stored 100.00, running 99.00")
		do(keymap.Next)
		require.Regexp(t, `✗ +2250 `, b.text())
		do(keymap.Next)
		require.Regexp(t, `✗ +2250 `, b.text(), "there is none behind it")
		do(keymap.Previous)
		require.Regexp(t, `✗ +2100 `, b.text())
	}
}
