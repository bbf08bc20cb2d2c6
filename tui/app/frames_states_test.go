package app_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/stretchr/testify/require"

	"ferry/engine"
	"ferry/tui/app"
	"ferry/tui/feed"
	"ferry/tui/tuitest"
)

// everyScreen are the keys that lead to each screen, and its name.
var everyScreen = []struct {
	name string
	keys []string
}{
	{"overview", []string{"1"}},
	{"runs", []string{"2"}},
	{"found", []string{"3"}},
	{"quarantine", []string{"4"}},
	{"ledger", []string{"5"}},
	{"rehearsal", []string{"6"}},
	{"activity", []string{"7"}},
	{"preflight", []string{"P"}},
	{"card", []string{"c", "4", "7", "1", "1", "enter"}},
}

// provable is a console whose operator can also check, with something to read on each screen.
func provable(t *testing.T, s *engine.Snapshot, width, height int) *bench {
	t.Helper()
	var prover *tuitest.Prover
	b := setup(t, s, width, height, func(c *app.Config) {
		operator, _ := c.Operator.(*tuitest.Operator)
		prover = &tuitest.Prover{Operator: operator}
		c.Operator = prover
	})
	b.operator.Keep(tuitest.History(tuitest.Running(), 12)...)
	b.operator.Hold(tuitest.Rows(30)...)
	b.operator.Rule(tuitest.Rules()...)
	b.operator.Found(tuitest.Findings(20)...)
	b.operator.Find(tuitest.Looked(), nil)
	return b
}

// lost is the engine database gone in the midst, so that what is shown is stale.
func lost() *engine.Snapshot {
	s := tuitest.InStep()
	s.TakenAt = tuitest.Noon.Add(-13 * time.Second)
	s.Target.DownSince, s.Target.NextTry = tuitest.Noon.Add(-12*time.Second), tuitest.Noon.Add(time.Minute)
	s.Target.Err = "read state: server closed the connection unexpectedly (SQLSTATE 57P03)"
	return s
}

// inState brings a console on a screen into a state in which there is nothing new to show.
func inState(t *testing.T, state string, keys []string, width, height int) *bench {
	t.Helper()
	var b *bench
	switch state {
	case "empty":
		b = setup(t, tuitest.Bare(engine.SetupReady), width, height)
	case "connecting":
		b = setup(t, tuitest.Connecting(), width, height)
	case "unreachable":
		b = setup(t, tuitest.NeverReached(), width, height)
		b.operator.FailReads(fmt.Errorf("%w: connection refused", engine.ErrUnreachable))
	case "not-initialised":
		b = setup(t, tuitest.Bare(engine.SetupMissing), width, height)
		b.operator.FailReads(engine.ErrNotInitialised)
	case "loading":
		b = provable(t, inStepWithAll(), width, height)
		for _, key := range keys { // what a screen asks is never answered
			b.model.Update(tuitest.Key(key))
		}
		for range 5 {
			b.now = b.now.Add(time.Second)
			b.model.Update(feed.New(b.operator, func() time.Time { return b.now }, false).Now())
		}
		return b
	case "error":
		b = provable(t, inStepWithAll(), width, height)
		b.operator.FailReads(errors.New("read: permission denied for table ferry.run (SQLSTATE 42501)"))
	case "stale":
		b = provable(t, tuitest.InStep(), width, height)
		b.press(keys...)
		b.pass(time.Second)
		b.operator.FailReads(fmt.Errorf("%w: connection refused", engine.ErrUnreachable))
		b.operator.Show(lost())
		b.pass(5 * time.Second)
		return b
	}
	b.press(keys...)
	b.pass(2 * time.Second)
	return b
}

// inStepWithAll is in step, with a look at the ledger behind it.
func inStepWithAll() *engine.Snapshot {
	s := tuitest.InStep()
	s.Ledger = engine.LedgerView{
		Cards: engine.Known[int64](228_331), Drifted: engine.Known[int64](3), History: engine.Known[int64](2), Moves: engine.Known[int64](1),
		Incomplete: engine.Known[int64](0), Run: 14, At: tuitest.Noon.Add(-time.Hour),
	}
	return s
}

// Each screen says in words that there is nothing yet, that it reads, that it could not read and why, and that what it shows is old.
func TestEveryScreenSaysWhatItLacks(t *testing.T) {
	t.Parallel()
	says := map[string]map[string]string{
		"empty": {
			"overview": "no run yet", "runs": "No run has been yet", "found": "there is no screen", "quarantine": "It is not known yet what is in quarantine",
			"ledger": "Nobody has looked at Odoo's ledger yet", "rehearsal": "There has been no rehearsal yet", "activity": "sari@db2",
			"preflight": "nothing was looked at", "card": "No card of that id or code is known",
		},
		"connecting":      {"": "not reached yet", "overview": "Reading the state of both databases", "preflight": "nothing was looked at"},
		"not-initialised": {"": "is not initialised"},
		"unreachable":     {"": "unreachable", "activity": "no entry of the journal has been read here", "preflight": "could not be looked at"},
		"loading": {
			"": "reading", "overview": "IN STEP|DONE", "quarantine": "reading", "rehearsal": "no rehearsal yet",
			"preflight": "looking at both databases", "card": "Reading card 4711",
		},
		"error": {"": "permission denied", "overview": "DONE", "rehearsal": "no rehearsal yet"},
		"stale": {"": "figures of", "overview": "unreachable", "activity": "seen last", "ledger": "next try in", "rehearsal": "next try in"},
	}
	for state, words := range says {
		for _, screen := range everyScreen {
			want, ok := words[screen.name]
			if !ok {
				if want, ok = words[""]; !ok {
					continue
				}
			}
			if screen.name == "overview" && (state == "loading" || state == "error") || state == "empty" && screen.name == "found" {
				continue // it reads nothing beside the snapshot; without a prover there is none
			}
			for _, size := range [][2]int{{80, 24}, {60, 16}, {140, 45}, {200, 60}} {
				if screen.name == "found" && state != "loading" && state != "error" && state != "stale" {
					continue
				}
				frame := inState(t, state, screen.keys, size[0], size[1]).frame()
				require.True(t, tuitest.Says(frame, want), "%s, %s, %d×%d: %q in\n%s", state, screen.name, size[0], size[1], want, frame)
				requireSound(t, frame, size[0], size[1])
			}
		}
	}
}

func TestGoldenFramesOfWhatIsLacking(t *testing.T) {
	t.Parallel()
	for _, size := range [][2]int{{80, 24}, {140, 45}} {
		for _, state := range []string{"empty", "loading", "error", "stale", "unreachable"} {
			for _, screen := range everyScreen {
				if screen.name == "found" && (state == "empty" || state == "unreachable") || screen.name == "overview" && state != "stale" {
					continue
				}
				b := inState(t, state, screen.keys, size[0], size[1])
				compare(t, fmt.Sprintf("lacks-%s-%s.%dx%d", screen.name, state, size[0], size[1]), b.frame())
			}
		}
	}
	for _, screen := range everyScreen {
		if screen.name == "preflight" {
			continue
		}
		b := provable(t, inStepWithAll(), 200, 60)
		b.press(screen.keys...)
		b.pass(2 * time.Second)
		compare(t, "wide-"+screen.name+".200x60", b.frame())
	}
}

func TestPanesHaveAKey(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		keys         []string
		first, other string // what the footer or the cursor says in either pane
	}{
		"runs": {[]string{"2"}, "› #12", "· #12"}, "quarantine": {[]string{"4"}, "› card.partner", "· card.partner"},
		"found": {[]string{"3", "enter"}, "› ", "enter card"},
	} {
		b := provable(t, inStepWithAll(), 140, 45)
		b.press(c.keys...)
		b.pass(2 * time.Second)
		require.True(t, tuitest.Says(b.frame(), c.first), "%s\n%s", name, b.frame())
		before := b.frame()
		b.press("tab")
		require.True(t, tuitest.Says(b.frame(), c.other), "%s\n%s", name, b.frame())
		b.press("tab")
		require.Equal(t, before, b.frame(), name)
	}
	b := provable(t, inStepWithAll(), 80, 24)
	b.press("2", "tab")
	require.Contains(t, b.frame(), "tab: panes stand side by side from 120 columns on; this window has 80")
	b.press("1", "tab")
	require.Contains(t, b.frame(), "tab: there is only one pane here")
}

// Esc leads back to where one came from: from what a gate rests on to the gate, over a card that was looked at on the way.
func TestBackLeadsToWhereOneCameFrom(t *testing.T) {
	t.Parallel()
	for gate := range 7 {
		b := staged(t, 80, 30, states()["go"])
		b.operator.Keep(tuitest.History(tuitest.Running(), 3)...)
		for range gate {
			b.press("down")
		}
		there := b.frame()
		b.press("enter")
		require.NotContains(t, b.frame(), "›6 Rehr", "gate %d", gate)
		b.press("c", "1", "enter")
		require.Contains(t, b.frame(), "›c Card")
		b.press("esc", "esc")
		require.Equal(t, there, b.frame(), "gate %d", gate)
	}
	b := staged(t, 80, 30, states()["go"])
	b.press("enter", "2", "esc")
	require.Contains(t, b.frame(), "›2 Runs", "who turns to a tab has begun anew")
}

// However a window was resized, its last frame is that of a console which always had its size.
func TestAStormOfSizesEndsAsAFreshFrame(t *testing.T) {
	t.Parallel()
	for _, screen := range everyScreen {
		open := func(width, height int) *bench {
			b := provable(t, inStepWithAll(), width, height)
			b.press(screen.keys...)
			b.pass(2 * time.Second)
			return b
		}
		b := open(200, 60)
		for i := range 200 {
			tuitest.Send(b.model, tea.WindowSizeMsg{Width: 20 + i*37%230, Height: 5 + i*13%75})
		}
		tuitest.Send(b.model, tea.WindowSizeMsg{Width: 80, Height: 24})
		require.Equal(t, open(80, 24).frame(), b.frame(), screen.name)
	}
}
