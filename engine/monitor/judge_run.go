package monitor

import (
	"fmt"
	"strings"
	"time"
	"unicode"

	"ferry/engine"
)

func (j *judge) ticks(blind string) {
	c, done := j.s.Schedule, j.s.Freshness.Ticks
	l := engine.LevelView{Name: "failed ticks", State: engine.LevelUnknown, Target: fmt.Sprintf("0, never %d in a row", j.t.FailedTicks), Why: blind}
	all := c.FailedHour + done
	failed := float64(c.FailedHour) / float64(max(all, 1))
	if blind == "" {
		l.Why = "no tick ended in the last hour"
		if all > 0 || c.FailedInRow > 0 {
			l.Figure = fmt.Sprintf("%d of %d in the last hour", c.FailedHour, all)
			l.State, l.Why = engine.LevelKept, ""
			if c.FailedHour > 0 || c.FailedInRow > 0 {
				l.State, l.Why = engine.LevelMissed, "`ferry runs list` shows why"
			}
			if c.FailedInRow >= j.t.FailedTicks || all >= leastTicksOfHour && failed > j.t.FailedShare {
				l.State = engine.LevelAlert
			}
		}
	}
	j.level(l)
	j.findf(RuleFailedTicks, "", engine.SeverityWarning, l.State,
		"Ticks fail: %d one behind the other, %d of %d in the last hour%s. The next one tries again by itself; "+
			"`ferry runs list` shows each, `ferry preflight` what a run would stumble over.", c.FailedInRow, c.FailedHour, all, because(c.LastFailure))
}

func (j *judge) floor(blind string) {
	f := j.s.Floor
	l := engine.LevelView{Name: "floor", State: engine.LevelUnknown, Target: "moves within " + Span(j.t.PinnedAfter), Why: blind}
	pinned := time.Duration(0)
	if blind == "" {
		l.Why = "no cycle has taken one"
		if f.Floor != "" {
			l.State, l.Why, l.Figure = engine.LevelKept, "", "moves"
			if !f.PinnedSince.IsZero() {
				pinned = f.Pinned()
				l.Figure = "pinned " + spanBeside(pinned, j.t.PinnedAfter)
			}
			if pinned > j.t.PinnedAfter {
				l.State, l.Why = engine.LevelAlert, "end "+orUnknown(f.PinnedBy)
			}
		}
	}
	j.level(l)
	j.findf(RuleFloorPinned, "", engine.SeverityWarning, l.State,
		"The floor has stood still for %s (limit %s): a transaction at the source is open, held by %s. Nothing is "+
			"lost, but each tick reads again all that was written since. End that transaction.",
		spanBeside(pinned, j.t.PinnedAfter), Span(j.t.PinnedAfter), orUnknown(f.PinnedBy))
}

func orUnknown(who string) string {
	if who == "" {
		return "somebody who was not seen"
	}
	return who
}

func (j *judge) transaction() {
	l := engine.LevelView{Name: "source transactions", State: engine.LevelUnknown, Target: "≤ " + Span(j.t.TransactionAfter), Why: "the source does not answer"}
	oldest := j.s.Source.Oldest
	if !j.s.Source.Down() {
		l.Why = "it was not seen yet"
		if oldest.Known {
			l.State, l.Why, l.Figure = engine.LevelKept, "", spanBeside(oldest.Value, j.t.TransactionAfter)
			if oldest.Value > j.t.TransactionAfter {
				l.State, l.Why = engine.LevelAlert, "end it: Odoo's own work waits behind a reader that stays"
			}
		}
	}
	j.level(l)
	j.findf(RuleTransaction, "", engine.SeverityCritical, l.State,
		"A transaction of ferry's at the source has been open for %s (limit %s): a ferry or its network hangs. "+
			"Odoo's own work may wait behind it. Find it in pg_stat_activity by application_name \"ferry …\", and end it or that ferry.",
		spanBeside(oldest.Value, j.t.TransactionAfter), Span(j.t.TransactionAfter))
}

// run tells of a run that only a person can move on.
func (j *judge) run(blind string) {
	asks, stopped, unworked := engine.LevelKept, engine.LevelKept, engine.LevelKept
	run := j.s.Run
	if blind != "" {
		asks, stopped, unworked = engine.LevelUnknown, engine.LevelUnknown, engine.LevelUnknown
	}
	if run == nil {
		run = &engine.RunView{}
	}
	if blind == "" {
		switch run.State {
		case engine.RunAsking:
			asks = engine.LevelAlert
		case engine.RunFailed, engine.RunInterrupted:
			if !run.Scheduled { // of those the next one tries again, and failed-ticks tells
				stopped = engine.LevelAlert
			}
		case engine.RunQueued, engine.RunPlanning, engine.RunRunning, engine.RunPausing:
			if j.unworked(run) {
				unworked = engine.LevelAlert
			}
		case engine.RunPaused, engine.RunCancelled, engine.RunDone:
		}
	}
	j.findf(RuleRunAsks, "", engine.SeverityCritical, asks,
		"Run #%d (%s) needs an answer and waits: %s `ferry answer %[1]d accept` lets it go on, "+
			"`ferry answer %[1]d stop` ends it.", run.ID, run.Kind, run.Question)
	why := run.Error
	if why == "" {
		why = run.Reason
	}
	j.findf(RuleRunStopped, "", engine.SeverityWarning, stopped,
		"Run #%d (%s) is %s%s. Once that is cured, `ferry resume --run %[1]d` goes on where it stopped.",
		run.ID, run.Kind, run.State, because(why))
	j.findf(RuleNoWorker, "", engine.SeverityCritical, unworked,
		"Run #%d (%s) is %s and nobody works on it: no ferry with workers has been heard of for %s. "+
			"Start `ferry`: it takes the run over.", run.ID, run.Kind, run.State, Span(silentAfter))
}

// unworked reports whether nobody works on a run that is there for longer than a process takes to begin.
func (j *judge) unworked(run *engine.RunView) bool {
	if j.s.TakenAt.Sub(run.Since) < unworkedAfter {
		return false
	}
	for _, w := range j.s.Workers {
		if w.Workers > 0 && w.Silent < silentAfter {
			return false
		}
	}
	return true
}

func (j *judge) schedule(blind string) {
	c := j.s.Schedule
	state := engine.LevelKept
	held := time.Duration(0)
	switch {
	case blind != "":
		state = engine.LevelUnknown
	case j.s.Sealed != nil: // nobody expects a tick
	case c.Paused():
		if held = j.s.TakenAt.Sub(c.PausedSince); held > j.t.PausedAfter {
			state = engine.LevelAlert
		}
	}
	j.findf(RulePaused, "", engine.SeverityWarning, state,
		"Ticks have been held back for %s by %s%s, so the engine falls behind. If that is no longer wanted: "+
			"`ferry resume --schedule`.", spanBeside(held, j.t.PausedAfter), c.PausedBy, because(c.Reason))
}

// OneLine makes one printable line of a text that may hold what a database or an operator put into it.
func OneLine(text string) string {
	return strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, text)), " ")
}
