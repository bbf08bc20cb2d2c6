package overview

import (
	"strconv"
	"strings"
	"time"

	"ferry/engine"
	"ferry/themes"
	"ferry/tui/canvas"
	"ferry/tui/keymap"
	"ferry/tui/screen"
	"ferry/tui/widget"
)

// calmFor is how long a tick may last before the screen shows its progress: until then it shows what stays true, for a
// screen that changes its face every twenty seconds cannot be read.
const calmFor = 5 * time.Second

// passing reports whether a run is a tick that will be over in a moment.
func (o *Overview) passing(run *engine.RunView) bool {
	if run == nil || !light(run) {
		return false
	}
	switch run.State {
	case engine.RunQueued, engine.RunPlanning, engine.RunRunning:
		return o.sight.Now.Sub(begun(run)) < calmFor
	case engine.RunPausing, engine.RunPaused, engine.RunAsking, engine.RunInterrupted, engine.RunCancelled, engine.RunFailed, engine.RunDone:
	}
	return false
}

// passed reports whether a run was such a tick.
func passed(run *engine.RunView) bool {
	return run != nil && light(run) && run.State == engine.RunDone && run.FinishedAt.Sub(begun(run)) < calmFor
}

// light reports whether a run reads only what changed.
func light(run *engine.RunView) bool { return run.Kind == engine.RunIncremental && run.WhyFull == "" }

func begun(run *engine.RunView) time.Time {
	if run.StartedAt.IsZero() {
		return run.CreatedAt
	}
	return run.StartedAt
}

// question is what the run must be told before it goes on: it stands above everything else.
func (o *Overview) question() []canvas.Line {
	run := o.sight.Snapshot.Run
	if run == nil || run.State != engine.RunAsking {
		return nil
	}
	width := o.width - 2
	var rows []canvas.Line
	rows = append(rows, clip(canvas.Wrap(themes.Text, run.Question, width-4), 6)...)
	keys := o.sight.Keys.Key(keymap.Answer) + " or " + o.sight.Keys.Key(keymap.Open)
	answer := canvas.Of(themes.Accent, widget.Cursor+keys+" answers")
	if why := o.sight.Snapshot.OnlyLooks(); why != "" {
		answer = canvas.Of(themes.Warn, why+": answer in another one")
	}
	answer.Put(themes.Muted, "; until then nothing is read or written")
	rows = append(rows, answer)
	title := "? run #" + strconv.FormatInt(int64(run.ID), 10) + " needs an answer, since " + widget.When(run.Since, o.sight.Now)
	var lines []canvas.Line
	for _, row := range widget.Box(title, rows, width) {
		l := canvas.Of(themes.Text, " ")
		lines = append(lines, *l.Add(row))
	}
	return append(lines, canvas.Line{})
}

// levels are the service levels with their figures: what is proven, how late the engine is, what holds the next tick back,
// and whether one comes.
func (o *Overview) levels() []canvas.Line {
	lines := append(o.proof(), labelled("fresh", o.fresh())...)
	lines = append(lines, labelled("floor", o.floor())...)
	lines = append(lines, labelled("ticks", []canvas.Line{o.ticks()})...)
	return append(lines, labelled("paused", o.held())...)
}

// fresh is the bound of now, and the figures of the last hour.
func (o *Overview) fresh() []canvas.Line {
	f := o.sight.Snapshot.Freshness
	bound, kept := o.sight.Fresh()
	if run := o.sight.Snapshot.Run; f.ReadFrom.IsZero() && run != nil && run.First && run.State.Active() {
		return nil // it is on its way
	}
	if f.ReadFrom.IsZero() {
		l := canvas.Of(themes.Text, bound+" ")
		return []canvas.Line{*l.Put(themes.Muted, "no run has read everything yet")}
	}
	level := "< " + strconv.Itoa(int(screen.FreshLevel.Seconds())) + "s"
	l := canvas.Of(themes.Text, bound+" ")
	if kept {
		l.Put(themes.OK, "✓").Put(themes.Muted, " "+level)
	} else {
		l = canvas.Of(themes.Warn, bound+" ✗ not "+level)
	}
	var spread canvas.Line
	for _, figure := range []struct {
		name string
		of   engine.Maybe[time.Duration]
	}{{"p50", f.P50}, {"p99", f.P99}, {"max", f.Max}} {
		text, role := widget.Unknown, themes.Text
		if figure.of.Known {
			text = widget.Span(figure.of.Value)
		}
		if figure.of.Known && figure.of.Value >= screen.FreshLevel {
			role = themes.Warn
		}
		spread.Put(themes.Muted, " "+figure.name+" ").Put(role, text)
	}
	brief, whole := l, l
	brief.Put(themes.Text, " ").Add(spread)
	whole.Put(themes.Muted, "  last hour:").Add(spread).Put(themes.Muted, " in "+widget.Plural(f.Ticks, "run", "runs"))
	return []canvas.Line{widget.FirstFit(o.width-labelColumn, whole, brief)}
}

// floor says from where the next tick reads, and what holds that back.
func (o *Overview) floor() []canvas.Line {
	f, now := o.sight.Snapshot.Floor, o.sight.Now
	switch {
	case !f.PinnedSince.IsZero():
		return o.pinned()
	case f.Floor == "" && o.sight.Snapshot.Freshness.ReadFrom.IsZero():
		return nil // said by the line above
	case f.Floor == "":
		l := canvas.Of(themes.Text, widget.Unknown+" ")
		return []canvas.Line{*l.Put(themes.Muted, "none holds: the next tick reads every row")}
	}
	l := canvas.Of(themes.Muted, "transaction ")
	l.Put(themes.Text, f.Floor)
	if !f.TakenAt.IsZero() {
		l.Put(themes.Muted, ", taken ").Put(themes.Text, widget.When(f.TakenAt, now))
	}
	return []canvas.Line{*l.Put(themes.Muted, "; it moves")}
}

// pinned says what the floor stands still for, and the cure in a line of its own: that is what is copied.
func (o *Overview) pinned() []canvas.Line {
	f := o.sight.Snapshot.Floor
	text := "pinned " + brief(f.Pinned())
	by, cure, found := strings.Cut(f.PinnedBy, "; ")
	if by != "" {
		text += " by " + by
	}
	width := o.width - labelColumn - 1
	lines := clip(canvas.Wrap(themes.Warn, text, width), 2)
	switch {
	case found:
		lines = append(lines, clip(canvas.Wrap(themes.Info, "→ "+cure, width), 2)...)
	case o.width >= screen.Wide:
		lines[len(lines)-1].Put(themes.Muted, "; what was written since is read again each tick")
	}
	return lines
}

// brief is a time span in its largest unit: a line that changes each second is worth it only for what is watched.
func brief(d time.Duration) string {
	for _, unit := range []time.Duration{24 * time.Hour, time.Hour, time.Minute} {
		if d >= unit {
			return widget.Duration(d.Truncate(unit))
		}
	}
	return widget.Duration(d)
}

// noTicks says why none comes; false: some do.
func (o *Overview) noTicks() (canvas.Line, bool) {
	s, now := o.sight.Snapshot.Schedule, o.sight.Now
	switch seal := o.sight.Snapshot.Sealed; {
	case seal != nil:
		return canvas.Of(themes.Text, "none comes: "+seal.String()), true
	case s.Paused():
		l := canvas.Of(themes.Warn, "paused by "+s.PausedBy)
		if !s.PausedSince.IsZero() {
			l.Put(themes.Warn, " "+widget.Ago(s.PausedSince, now))
		}
		if s.Reason != "" {
			l.Put(themes.Text, ": "+s.Reason)
		}
		key := "  " + o.sight.Keys.Key(keymap.Pause) + " resumes"
		l = l.Fit(min(l.Width(), max(0, o.width-labelColumn-1-len(key))))
		return *l.Put(themes.Muted, key), true
	case len(s.Keepers) == 0:
		l := canvas.Of(themes.Warn, "no process starts ticks")
		if o.sight.Snapshot.OnlyLooks() == "" {
			l.Put(themes.Muted, ": "+o.sight.Keys.Key(keymap.Start)+" → keep in step")
		}
		return l, true
	}
	return canvas.Line{}, false
}

// ticks says when the next one comes, and who sees to that.
func (o *Overview) ticks() canvas.Line {
	s, now := o.sight.Snapshot.Schedule, o.sight.Now
	if l, ok := o.noTicks(); ok {
		return l
	}
	l := canvas.Of(themes.Text, "every "+widget.Unknown)
	if s.Every > 0 {
		l = canvas.Of(themes.Text, "every "+widget.Duration(s.Every))
	}
	run := o.sight.Snapshot.Run
	switch left := s.NextAt.Sub(now); {
	case run != nil && run.State.Active():
		l.Put(themes.Muted, ", the next after this run")
	case s.NextAt.IsZero():
	case left >= time.Second:
		l.Put(themes.Text, ", next in "+widget.Duration(left))
	case left > -s.Every:
		l.Put(themes.Text, ", next now")
	default:
		l.Put(themes.Warn, ", late by "+brief(-left))
	}
	kept := strings.Join(s.Keepers[:min(2, len(s.Keepers))], ", ")
	if more := len(s.Keepers) - 2; more > 0 {
		kept += " and " + strconv.Itoa(more) + " more"
	}
	if s.Here {
		kept += " (here)"
		if len(s.Keepers) > 1 {
			kept = strings.TrimSuffix(kept, " (here)") + " (one is here)"
		}
	}
	return *l.Put(themes.Muted, ", kept by ").Put(themes.Text, kept)
}

// held names the entities whose batches somebody holds back.
func (o *Overview) held() []canvas.Line {
	var lines []canvas.Line
	for _, e := range o.sight.Snapshot.Entities {
		if e.PausedBy == "" {
			continue
		}
		text := e.Name + " by " + e.PausedBy
		if e.PausedReason != "" {
			text += ": " + e.PausedReason
		}
		lines = append(lines, clip(canvas.Wrap(themes.Warn, text, o.width-labelColumn-1), 2)...)
	}
	return lines
}
