package app_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"ferry/engine"
	"ferry/tui/app"
	"ferry/tui/keymap"
	"ferry/tui/status"
	"ferry/tui/tuitest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestPauseSaysWhatTheOperatorSawAndWhy(t *testing.T) {
	t.Parallel()
	b := setup(t, tuitest.Running(), 80, 24)
	b.press("p")
	require.Contains(t, b.frame(), "Pause run #12 for everyone?")
	b.press("n", "i", "g", "h", "t", " ", "p", "tab", "enter")
	require.Equal(t, []tuitest.Call{{
		Action: "pause", Act: engine.Act{Run: 12, Seen: engine.RunRunning, Reason: "night p"},
	}}, b.operator.Calls())
	require.Contains(t, b.frame(), "✓ asked to pause run #12")
	b.pass(10 * time.Second)
	require.NotContains(t, b.frame(), "✓ asked to pause", "a word in passing goes by itself")
}

func TestEveryQuestionHasTheHarmlessChoiceUnderTheCursor(t *testing.T) {
	t.Parallel()
	for key, s := range map[string]*engine.Snapshot{
		"p": tuitest.Running(), "x": tuitest.Running(), "q": tuitest.Running(), "i": tuitest.Bare(engine.SetupMissing),
	} {
		b := setup(t, s, 80, 24)
		b.press(key, "enter")
		require.Empty(t, b.operator.Calls(), key)
		require.Equal(t, app.ExitNone, b.model.Exit(), key)
		require.NotContains(t, b.frame(), "╭", "the question is closed")
	}
}

func TestAPausedRunIsResumed(t *testing.T) {
	t.Parallel()
	for _, state := range []engine.RunState{
		engine.RunPausing, engine.RunPaused, engine.RunInterrupted, engine.RunCancelled, engine.RunFailed,
	} {
		s := tuitest.Running()
		s.Run.State = state
		b := setup(t, s, 80, 24)
		require.Contains(t, b.frame(), "p resume")
		b.press("p", "tab", "enter")
		require.Equal(t, []tuitest.Call{{Action: "resume", Act: engine.Act{Run: 12, Seen: state}}}, b.operator.Calls())
	}
}

func TestCancelAsksFirst(t *testing.T) {
	t.Parallel()
	b := setup(t, tuitest.Running(), 80, 24)
	b.press("x", "o", "o", "p", "s", "backspace", "right", "enter")
	require.Equal(t, []tuitest.Call{{
		Action: "cancel", Act: engine.Act{Run: 12, Seen: engine.RunRunning, Reason: "oop"},
	}}, b.operator.Calls())
}

func TestTheStartMenuOffersWhatIsPossible(t *testing.T) {
	t.Parallel()
	b := setup(t, tuitest.Bare(engine.SetupReady), 80, 24)
	b.press("s")
	require.Contains(t, b.frame(), "› full sync")
	require.NotContains(t, b.frame(), "resume #")
	b.press("f", "i", "r", "s", "t", "enter")
	require.Equal(t, []tuitest.Call{{Action: "start", Start: engine.StartOptions{Reason: "first"}}}, b.operator.Calls())
	require.Contains(t, b.frame(), "run #13 was queued")

	b = setup(t, tuitest.Failed(), 80, 24)
	b.press("s")
	require.Contains(t, b.frame(), "resume #12")
	for !strings.Contains(b.frame(), "› resume #12") {
		b.press("tab")
	}
	b.press("enter", "tab", "enter")
	require.Equal(t, "resume", b.operator.Calls()[0].Action)
}

// Until a first load has come to its end the menu offers that, and says of everything else why not.
func TestTheStartMenuWhileTablesHaveNoKeys(t *testing.T) {
	t.Parallel()
	s := tuitest.Failed()
	s.Unkeyed = s.Run.ID
	b := setup(t, s, 140, 45)
	b.press("s")
	require.GreaterOrEqual(t, strings.Count(b.frame(), "not now: first load #12"), 3, b.frame())
	b.press("enter")
	require.Empty(t, b.operator.Calls(), "a full sync is not begun")
	b.press("esc", "s")
	for !strings.Contains(b.frame(), "› resume #12") {
		b.press("tab")
	}
	b.press("enter", "tab", "enter")
	require.Equal(t, "resume", b.operator.Calls()[0].Action)
}

func TestAnUninitialisedDatabaseIsOfferedInit(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"i", "enter"} {
		b := setup(t, tuitest.Bare(engine.SetupMissing), 80, 24)
		require.Contains(t, b.frame(), "NOT INITIALISED")
		b.press(key, "tab", "enter")
		require.Equal(t, []tuitest.Call{{Action: "init"}}, b.operator.Calls())
	}
	b := setup(t, tuitest.Running(), 80, 24)
	b.press("enter")
	require.NotContains(t, b.frame(), "╭")
}

func TestAnErrorStaysUntilItIsDismissed(t *testing.T) {
	t.Parallel()
	b := setup(t, tuitest.Running(), 80, 24)
	b.operator.Fail(fmt.Errorf("%w: already paused by sari@db2, 3s ago", engine.ErrStateChanged))
	b.press("p", "tab", "enter")
	require.Contains(t, b.frame(), "pause run #12: not done: already paused by sari@db2, 3s ago")
	require.Contains(t, b.frame(), "→ look at its")
	b.operator.Fail(errors.New("second"))
	b.press("x", "tab", "enter")
	b.pass(time.Minute)
	require.Contains(t, b.frame(), "2 errors, the newest: cancel run #12: not done: second")
	b.press("esc")
	require.Contains(t, b.frame(), "already paused by")
	b.press("esc")
	require.NotContains(t, b.frame(), "✗")
}

// A key that cannot be obeyed says why, and nothing happens.
func TestADisabledKeyGivesItsReason(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, key, reason string
		snapshot          *engine.Snapshot
	}{
		{"running", "i", "the engine database is initialised", tuitest.Running()},
		{"idle", "A", "no run needs an answer", tuitest.Bare(engine.SetupReady)},
		{"running", "A", "run #12 is running: it needs no answer", tuitest.Running()},
		{"idle", "x", "there is no run to cancel", tuitest.Bare(engine.SetupReady)},
		{"done", "x", "run #12 is done already", tuitest.Done()},
		{"none", "s", "the engine database is not initialised; i initialises it", tuitest.Bare(engine.SetupMissing)},
		{"older", "s", "initialised by an older ferry; i migrates it", tuitest.Bare(engine.SetupOlder)},
		{"newer", "i", "initialised by a newer ferry; use that one", tuitest.Bare(engine.SetupNewer)},
		{"down", "p", "the engine database does not answer", tuitest.Unreachable()},
		{"read-only", "s", "this console only looks (--read-only)", tuitest.ReadOnly()},
		{"viewer", "s", "lets role ferry_viewer look and change nothing", tuitest.Viewing()},
		{"viewer", "S", "lets role ferry_viewer look and change nothing", tuitest.Viewing()},
		{"running", "S", "run #12 is running: let it end or cancel it first", tuitest.Running()},
		{"connecting", "s", "the databases are not reached yet", tuitest.Connecting()},
		{"no colours", "t", "there are no colours here", tuitest.Running()},
	} {
		b := setup(t, c.snapshot, 80, 24)
		b.press(c.key)
		require.Contains(t, b.frame(), " "+c.key+": ", c.name)
		require.Contains(t, b.frame(), c.reason, c.name)
		require.Empty(t, b.operator.Calls(), c.name)
		b.press("?", "G", "home")
		require.Contains(t, strings.Join(strings.Fields(b.frame()), " "), "not now: ", "the help says so too")
	}
}

func TestQuitAsksOnlyWhileARunIsAtWorkHere(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		s    *engine.Snapshot
		keys []string
		want app.Exit
		quit bool
	}{
		{"done", tuitest.Done(), []string{"q"}, app.ExitQuit, true},
		{"ctrl+c", tuitest.Done(), []string{"ctrl+c"}, app.ExitQuit, true},
		{"stay", tuitest.Running(), []string{"q", "enter"}, app.ExitNone, false},
		{"headless", tuitest.Running(), []string{"q", "down", "enter"}, app.ExitHeadless, true},
		{"drain", tuitest.Running(), []string{"q", "down", "down", "enter"}, app.ExitDrain, true},
	} {
		b := setup(t, c.s, 80, 24)
		require.Equal(t, c.quit, b.press(c.keys...), c.name)
		require.Equal(t, c.want, app.ExitOf(b.model), c.name)
	}
	elsewhere := tuitest.Running()
	elsewhere.Process.Workers = 0
	b := setup(t, elsewhere, 80, 24)
	require.True(t, b.press("q"), "nobody loses a worker")
	require.Equal(t, app.ExitNone, app.ExitOf(nil))
}

func TestAQuestionTellsThatTheRunChangedMeanwhile(t *testing.T) {
	t.Parallel()
	b := setup(t, tuitest.Running(), 80, 24)
	b.press("p")
	next := tuitest.Running()
	next.Run.State, next.Run.StateBy, next.Run.Since = engine.RunPaused, "sari@db2", tuitest.Noon.Add(-3*time.Second)
	b.operator.Show(next)
	b.beat()
	require.Contains(t, b.frame(), "meanwhile: paused by sari@db2, 3s ago")
	b.press("tab", "enter")
	require.Equal(t, engine.RunRunning, b.operator.Calls()[0].Act.Seen, "the action carries what was seen")
}

func TestKeysThatCameInOnePieceCountOneByOne(t *testing.T) {
	t.Parallel()
	b := setup(t, tuitest.Running(), 80, 24)
	tuitest.Send(b.model, tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune("71")})
	require.Contains(t, b.frame(), "›1 Over")
	tuitest.Send(b.model, tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune("7pqq")})
	require.Contains(t, b.frame(), "Pause run #12", "what follows a question that nobody has read is not its answer")
	require.Equal(t, app.ExitNone, b.model.Exit())
	require.Contains(t, b.frame(), "a question opened: what you typed after 7p was not taken")
	b.press("esc")
	require.Contains(t, b.frame(), "was not taken")
	b.press("1")
	require.NotContains(t, b.frame(), "was not taken", "it goes with the screen")
	b.press("7", "p")
	tuitest.Send(b.model, tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune("two\nlines"), Paste: true})
	require.Contains(t, b.frame(), "two lines_")
}

func TestAWindowThatIsTooSmallSaysSoAndTakesNoAnswer(t *testing.T) {
	t.Parallel()
	b := setup(t, tuitest.Running(), 80, 24)
	b.press("p")
	tuitest.Send(b.model, tea.WindowSizeMsg{Width: 59, Height: 24})
	require.Contains(t, b.frame(), "● RUNNING")
	require.Contains(t, b.frame(), "window too small (need 60×16)")
	require.Contains(t, b.frame(), "needs an answer: Pause run #12")
	b.press("tab", "enter")
	require.Empty(t, b.operator.Calls())
	b.press("esc", "x", "enter")
	tuitest.Send(b.model, tea.WindowSizeMsg{Width: 60, Height: 16})
	require.NotContains(t, b.frame(), "╭")
}

// In the smallest window that is fully usable, every question shows all its choices.
func TestQuestionsFitTheSmallestWindow(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		keys  []string
		s     *engine.Snapshot
		shown []string
	}{
		{[]string{"p"}, tuitest.Running(), []string{"› Cancel", "pause run #12", "everything", "pause loyalty_point_history", "reason"}},
		{[]string{"p"}, tuitest.TicksPaused(), []string{"› Cancel", "resume the ticks", "resume loyalty_point_history", "reason"}},
		{[]string{"A"}, tuitest.Asking(), []string{"› Stop    nothing more is done", "Accept  go on", "12,044", "reason"}},
		{[]string{"s"}, tuitest.Running(), []string{"› full sync", "not now: run #12", "keep in step"}},
		{[]string{"x"}, tuitest.Running(), []string{"› Keep it running", "Cancel run", "reason"}},
		{[]string{"q"}, tuitest.Running(), []string{"› stay", "leave it running", "drain and stop"}},
		{[]string{"s"}, tuitest.Failed(), []string{"› full sync", "resume #12", "reason"}},
		{[]string{"i"}, tuitest.Bare(engine.SetupMissing), []string{"› Cancel", "Initialise"}},
	} {
		s := *c.s
		s.Workers = nil // the longest wording
		b := setup(t, &s, 60, 16)
		b.press(c.keys...)
		for _, text := range append(c.shown, "esc closes", "╰") {
			require.Contains(t, b.frame(), text, "%v\n%s", c.keys, b.frame())
		}
	}
}

func TestEveryStateIsAWordInTheFrame(t *testing.T) {
	t.Parallel()
	seen := map[status.State]bool{}
	for _, scenario := range tuitest.Scenarios() {
		for _, size := range [][2]int{{80, 24}, {140, 45}, {60, 16}} {
			b := setup(t, scenario.Snapshot, size[0], size[1])
			state := status.Of(scenario.Snapshot)
			seen[state] = true
			require.Contains(t, b.frame(), state.Sign().Glyph+" "+strings.ToUpper(state.Sign().Word), scenario.Name)
		}
	}
	for _, state := range status.All() {
		require.True(t, seen[state], "no scenario shows %q", state)
	}
}

func TestOnlyWhatIsNewIsDrawn(t *testing.T) {
	t.Parallel()
	b := setup(t, tuitest.Running(), 80, 24)
	before := b.frame()
	b.now = b.now.Add(500 * time.Millisecond)
	b.beat()
	require.Equal(t, before, b.frame())
	b.pass(time.Second)
	require.NotEqual(t, before, b.frame(), "the clock moves")
}

func TestKeysMayBeMoved(t *testing.T) {
	t.Parallel()
	keys, err := keymap.Default().Remap(map[string][]string{"pause": {"f5"}})
	require.NoError(t, err)
	b := setup(t, tuitest.Running(), 80, 24, func(c *app.Config) { c.Keys = &keys })
	require.Contains(t, b.frame(), "f5 pause")
	b.press("f5")
	require.Contains(t, b.frame(), "Pause run #12")
}
