package app

import (
	"time"

	"ferry/engine"
	"ferry/themes"
	"ferry/tui/canvas"
	"ferry/tui/feed"
	"ferry/tui/keymap"
	"ferry/tui/sanitize"
	"ferry/tui/widget"
)

// Replay steers a recording that is shown. None of it takes long.
type Replay interface {
	// Toggle holds it, or lets it go on.
	Toggle()
	// Step goes some snapshots ahead, or back, and holds there.
	Step(n int)
	// Skip goes ahead by a time of the recording, or back.
	Skip(by time.Duration)
	// Faster takes the next speed, or the one before.
	Faster(up bool)
}

// stride is how far one key goes in a replay.
const stride = 30 * time.Second

// steer carries out an action on the replay; false says that it is none.
func (m *Model) steer(action keymap.Action) bool {
	replay := m.config.Replay
	if replay == nil {
		return false
	}
	switch action { //nolint:exhaustive // the others are not about the replay
	case keymap.ReplayPause:
		replay.Toggle()
	case keymap.ReplayBack:
		replay.Step(-1)
	case keymap.ReplayStep:
		replay.Step(1)
	case keymap.ReplayRewind:
		replay.Skip(-stride)
	case keymap.ReplayForward:
		replay.Skip(stride)
	case keymap.ReplaySlower:
		replay.Faster(false)
	case keymap.ReplayFaster:
		replay.Faster(true)
	default:
		return false
	}
	if beat, ok := m.feed.Now().(feed.Beat); ok { // what a key does is seen at once
		m.beat(beat)
	}
	return true
}

// replays reports whether a replay goes on.
func (m *Model) replays() bool {
	s := m.sight.Snapshot
	return s != nil && s.Replayed() && !s.Tape.Paused
}

// rewind lets screens forget what they know if a replay went back: for them it has not been yet.
func (m *Model) rewind(to time.Time) {
	if m.config.Replay == nil || !to.Before(m.last.At) {
		return
	}
	m.screens, m.notices = m.fresh(), notices{}
}

// playable reports whether the footer names an action that a screen offers. In a replay it does not name what cannot be done,
// nor marks, whose key holds the replay.
func (m *Model) playable(action keymap.Action) bool {
	return m.config.Replay == nil || (action != keymap.Mark && m.replayRefusal(action) == "")
}

// replayRefusal says why an action cannot be taken because a recording is shown, or because none is.
func (m *Model) replayRefusal(action keymap.Action) string {
	switch action { //nolint:exhaustive // the others look only
	case keymap.ReplayPause, keymap.ReplayBack, keymap.ReplayStep, keymap.ReplayRewind, keymap.ReplayForward, keymap.ReplaySlower,
		keymap.ReplayFaster:
		if m.config.Replay == nil {
			return "no recording is shown"
		}
	case keymap.Start, keymap.Pause, keymap.Cancel, keymap.Answer, keymap.Init, keymap.Seal, keymap.Retry, keymap.Waive, keymap.Switch,
		keymap.Recheck, keymap.Repair, keymap.Acknowledge, keymap.Export, keymap.Rerun, keymap.Connect, keymap.Throttle:
		if m.config.Replay != nil {
			return "this is a recording"
		}
	}
	return ""
}

// tapeBadge says that what is shown comes from a recording, or goes to one.
func (m *Model) tapeBadge() canvas.Line {
	tape := m.sight.Snapshot.Tape
	var l canvas.Line
	switch {
	case tape == nil:
	case tape.Replay && tape.Ended:
		l.Put(themes.Warn, "REPLAY end  ")
	case tape.Replay && tape.Paused:
		l.Put(themes.Warn, "REPLAY held  ")
	case tape.Replay:
		l.Put(themes.Warn, "REPLAY "+sanitize.Text(tape.Speed)+"  ")
	case tape.Err != "":
		l.Put(themes.Bad, "REC ended  ")
	case tape.Lost > 0:
		l.Put(themes.Warn, "REC, "+widget.Count(tape.Lost)+" lost  ")
	default:
		l.Put(themes.Info, "REC  ")
	}
	return l
}

// tellTape says once what happened to a recording.
func (m *Model) tellTape(before, now *engine.Snapshot) {
	var last engine.TapeView
	if before != nil && before.Tape != nil {
		last = *before.Tape
	}
	tape := now.Tape
	switch {
	case tape == nil || tape.Err == "" || tape.Err == last.Err:
	case tape.Replay:
		m.notices.fail(fault{text: "the recording ends early: " + tape.Err})
	default:
		m.notices.fail(fault{text: "nothing more is recorded: " + tape.Err, advice: "all else goes on; what was recorded can be replayed"})
	}
}
