package overview

import (
	"strconv"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"ferry/engine"
	"ferry/themes"
	"ferry/tui/canvas"
	"ferry/tui/cure"
	"ferry/tui/keymap"
	"ferry/tui/sanitize"
	"ferry/tui/status"
	"ferry/tui/widget"
)

const (
	labelColumn = 11
	sparkWidth  = 16

	waitsForParent = "waiting_parent" // the reason of rows that are valid, but their parent is not in the engine
)

// labelled puts a label before the first of some lines and indents the others.
func labelled(label string, lines []canvas.Line) []canvas.Line {
	var out []canvas.Line
	for i, line := range lines {
		l := canvas.Of(themes.Text, " ")
		if i == 0 {
			l.Put(themes.Muted, label)
		}
		l.To(labelColumn).Add(line)
		out = append(out, l)
	}
	return out
}

// now says what the run is doing, with its throughput.
func (o *Overview) now() []canvas.Line {
	run := o.sight.Snapshot.Run
	if run == nil || run.NowDoing == "" || run.State.Ended() || still(run) || o.passing(run) {
		return nil
	}
	right := ""
	if rate := throughput(o.sight.Snapshot); rate.Known {
		right = widget.Spark(o.throughput, max(sparkWidth, o.width/4)) + "  " + widget.Rate(rate)
	}
	var l canvas.Line
	room := o.width - labelColumn - ansi.StringWidth(right) - 3
	l.Put(themes.Text, sanitize.Fit(run.NowDoing, room))
	if right != "" {
		l.PutRight(o.width-labelColumn-1, themes.Accent, right)
	}
	return labelled("now", []canvas.Line{l})
}

// still reports whether an active run does nothing until somebody acts on it.
func still(run *engine.RunView) bool {
	return run.State == engine.RunPaused || run.State == engine.RunAsking
}

// full says why a tick reads every row.
func (o *Overview) full() []canvas.Line {
	run := o.sight.Snapshot.Run
	if run == nil || run.WhyFull == "" || run.State.Ended() {
		return nil
	}
	return labelled("all rows", clip(canvas.Wrap(themes.Text, "this tick reads every row: "+run.WhyFull, o.width-labelColumn-1), 2))
}

// why says who stopped the run, and the reason that was given; the frame may have no room for all of it.
func (o *Overview) why() []canvas.Line {
	run := o.sight.Snapshot.Run
	if run == nil || run.Reason == "" {
		return nil
	}
	switch run.State {
	case engine.RunPausing, engine.RunPaused, engine.RunCancelled:
	case engine.RunQueued, engine.RunPlanning, engine.RunRunning, engine.RunAsking, engine.RunInterrupted, engine.RunFailed, engine.RunDone:
		return nil
	}
	text := run.Reason
	if run.StateBy != "" {
		text = run.StateBy + ": " + text
	}
	return labelled("why", clip(canvas.Wrap(themes.Text, text, o.width-labelColumn-1), 3))
}

// lastError tells the run's failure or its newest error, and what to do about it.
func (o *Overview) lastError() []canvas.Line {
	run := o.sight.Snapshot.Run
	if run == nil {
		return nil
	}
	text, label, at := run.LastError, "error", run.LastErrorAt
	if run.Error != "" {
		text, label, at = run.Error, "failed", run.Since
	}
	if text == "" {
		return nil
	}
	if !at.IsZero() {
		text = widget.When(at, o.sight.Now) + " " + text
	}
	lines := clip(canvas.Wrap(themes.Bad, text, o.width-labelColumn-1), 3)
	if advice := cure.For(text); advice != "" {
		lines = append(lines, clip(canvas.Wrap(themes.Info, "→ "+advice, o.width-labelColumn-1), 2)...)
	}
	return labelled(label, lines)
}

// clip keeps at most n lines, and says that there were more.
func clip(lines []canvas.Line, n int) []canvas.Line {
	if len(lines) > n {
		lines = lines[:n]
		lines[n-1].Put(themes.Muted, " …")
	}
	return lines
}

// where says where an active run is at work if not here; and if nobody works on it, what to do about that.
func (o *Overview) where() []canvas.Line {
	s := o.sight.Snapshot
	if s.Run == nil || s.Run.State.Ended() || s.Target.Down() {
		return nil
	}
	run := "run #" + strconv.FormatInt(int64(s.Run.ID), 10)
	var alive, busy []string
	for _, w := range s.Workers {
		if !w.Works() {
			continue
		}
		if w.Here {
			return nil
		}
		at := w.Host + ":" + strconv.Itoa(w.PID)
		alive = append(alive, at)
		if w.Busy > 0 {
			busy = append(busy, at)
		}
	}
	width := o.width - labelColumn - 1
	if len(alive) == 0 {
		text := "no worker is alive, so " + run + " does not move: "
		if s.Process.Workers > 0 && s.OnlyLooks() == "" {
			text += "the workers of this process take it over within 10s"
		} else {
			text += "start one with `ferry` or `ferry sync full`, here or on another host"
		}
		return labelled("where", canvas.Wrap(themes.Bad, text, width))
	}
	if len(busy) == 0 {
		busy = alive
	}
	text := run + " " + status.State(s.Run.State).Sign().Word + " on " + strings.Join(busy, ", ")
	return labelled("where", clip(canvas.Wrap(themes.Text, text, width), 2))
}

// then says what to do about a run that stopped on its way.
func (o *Overview) then() []canvas.Line {
	run := o.sight.Snapshot.Run
	if run == nil || !run.State.Resumable() || run.State.Active() || o.sight.Snapshot.Target.Down() {
		return nil
	}
	id := strconv.FormatInt(int64(run.ID), 10)
	resume := o.sight.Keys.Key(keymap.Start) + " → resume #" + id + ": it goes on where it stood"
	if run.State == engine.RunFailed {
		resume = "cure the cause, then " + resume
	}
	return labelled("next", clip(canvas.Wrap(themes.Accent, resume, o.width-labelColumn-1), 2))
}

// reasons tells why rows are in quarantine, and what hangs on them. Those that only wait for a parent come last, as one:
// they are not counted as rejected.
func (o *Overview) reasons() (lines []canvas.Line, waiting canvas.Line) {
	var wait int64
	for _, r := range o.sight.Snapshot.Reasons {
		if r.Reason == waitsForParent {
			wait += r.Rows
			continue
		}
		name := r.Reason
		if !strings.Contains(name, ".") {
			name = r.Entity + " " + name
		}
		l := canvas.Of(themes.Text, name+" ")
		l.Put(themes.Warn, widget.Count(r.Rows))
		if r.Waived > 0 {
			l.Put(themes.Muted, ", "+widget.Count(r.Waived)+" waived")
		}
		if r.Hangs > 0 {
			l.Put(themes.Muted, " (+"+widget.Plural(r.Hangs, "row waits", "rows wait")+")")
		}
		lines = append(lines, l)
	}
	if len(lines) == 0 {
		lines = append(lines, canvas.Of(themes.Muted, "nothing"))
	}
	if wait > 0 {
		waiting = canvas.Of(themes.Muted, "wait for a parent: ")
		waiting.Put(themes.Text, widget.Count(wait))
	}
	return lines, waiting
}

func (o *Overview) activity() []canvas.Line {
	var lines []canvas.Line
	for _, a := range o.sight.Snapshot.Activity {
		l := canvas.Of(themes.Muted, widget.When(a.At, o.sight.Now)+" ")
		if a.By != "" {
			l.Put(themes.Info, a.By+" ")
		}
		lines = append(lines, *l.Put(themes.Text, a.What))
	}
	if len(lines) == 0 {
		return []canvas.Line{canvas.Of(themes.Muted, "nothing yet")}
	}
	return lines
}
