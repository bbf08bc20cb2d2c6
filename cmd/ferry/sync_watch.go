package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"ferry/engine"
	"ferry/tui/sanitize"
	"ferry/tui/widget"
)

// watch keeps the engine in step until soft has ended: this process starts the ticks that are due, and a line tells of
// each. It ends by itself only when a run needs an answer or the engine is sealed, for until then no tick can begin.
func (f *ferry) watch(soft, hard context.Context, c *crossing, o syncOptions) error {
	w, err := f.beginWatch(soft, c, o)
	if err != nil {
		c.leave(hard)
		return err
	}
	c.Run(hard)
	err = f.drain(soft, hard, c, w.until(soft))
	if f.settings.JSON {
		if written := f.line(newReport("result", c.Snapshot())); err == nil {
			err = written
		}
	}
	return err
}

// beginWatch lets ticks begin here, behind a full run that was interrupted before any cycle was completed.
func (f *ferry) beginWatch(ctx context.Context, c *crossing, o syncOptions) (*watcher, error) {
	if err := c.reach(ctx); err != nil {
		return nil, err
	}
	if err := c.target.Ready(ctx); err != nil {
		return nil, err
	}
	w := &watcher{f: f, c: c}
	s, err := c.target.Read(ctx)
	if err != nil {
		return nil, err
	}
	if s.Run != nil {
		if w.last = s.Run.ID; s.Run.State.Active() {
			w.last--
		}
	}
	active := s.Run != nil && s.Run.State.Active()
	if s.Freshness.ReadFrom.IsZero() && !active {
		full := syncOptions{kind: engine.RunFull, StartOptions: engine.StartOptions{Reason: o.Reason}}
		run, err := (&adoption{c: c, o: full}).unfinished(ctx)
		if err != nil {
			return nil, err
		}
		if run != nil {
			if w.adopted, err = f.startOrAdopt(ctx, c, full); err != nil {
				return nil, err
			}
		}
	}
	every := o.every
	if every == 0 {
		every = s.Schedule.Every
	}
	if err := c.KeepInStep(ctx, every); err != nil {
		return nil, err
	}
	fmt.Fprintf(f.err, "keeping in step: a tick every %s; Ctrl-C ends it at a batch boundary\n", every)
	said := fmt.Sprintf("a tick every %s", every)
	if o.Reason != "" {
		said += ": " + o.Reason
	}
	return w, c.Note(ctx, 0, "keep in step", said)
}

// watcher tells of ticks.
type watcher struct {
	f       *ferry
	c       *crossing
	last    engine.RunID // of which was told
	adopted engine.RunID // an older run that goes on; 0: none
	seen    string       // of the snapshot that was looked at last
	held    string       // what was said to hold ticks back
	shown   time.Time    // when progress was last told

	idle     int // idle ticks that nobody was told of
	idleTold time.Time
}

// idleEvery is how often idle ticks are told of, for people.
const idleEvery = time.Minute

// slowTick is how long a run goes on before its progress is told.
const slowTick = 2 * time.Second

// until watches until ctx has ended, a run asks, or the engine is sealed.
func (w *watcher) until(ctx context.Context) error {
	look := time.NewTicker(100 * time.Millisecond)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-look.C:
		}
		s := w.c.Snapshot()
		if s.TakenAt.IsZero() || s.Target.Down() {
			continue
		}
		if err := w.ended(ctx, s); err != nil {
			if ctx.Err() != nil || engine.ClassOf(err) == engine.ClassReconnect {
				continue // it is looked again, or interrupted
			}
			return err
		}
		if s.Run != nil && s.Run.State == engine.RunAsking {
			return asking(s.Run)
		}
		if s.Sealed != nil {
			return s.Sealed.Refusal()
		}
		w.sayHeld(s)
		if err := w.progress(s); err != nil {
			return err
		}
	}
}

// ended tells of the runs that have ended since.
func (w *watcher) ended(ctx context.Context, s *engine.Snapshot) error {
	if s.Run == nil {
		return nil
	}
	seen := fmt.Sprint(s.Run.ID, s.Run.State)
	if seen == w.seen {
		return nil
	}
	if w.adopted != 0 && (s.Run.ID != w.adopted || s.Run.State.Ended()) {
		if err := w.tell(ctx, w.adopted); err != nil {
			return err
		}
		w.adopted = 0
	}
	runs, err := w.since(ctx)
	if err != nil {
		return err
	}
	for _, r := range runs {
		if err := w.tell(ctx, r.ID); err != nil {
			return err
		}
		w.last = r.ID
	}
	w.seen = seen
	return nil
}

// since lists the runs that have ended behind the last one that was told of, oldest first.
func (w *watcher) since(ctx context.Context) ([]engine.RunSummary, error) {
	var out []engine.RunSummary
	before := engine.RunID(0)
	for {
		runs, err := w.c.Runs(ctx, before, page)
		if err != nil {
			return nil, err
		}
		for _, r := range runs {
			before = r.ID
			if r.ID <= w.last {
				slices.Reverse(out)
				return out, nil
			}
			if r.State.Ended() && r.Kind.Writes() {
				out = append(out, r)
			}
		}
		if len(runs) < page {
			slices.Reverse(out)
			return out, nil
		}
	}
}

// tell prints the line of a run. One that has been folded into a later one is told of with that.
func (w *watcher) tell(ctx context.Context, id engine.RunID) error {
	s, err := w.c.target.ReadRun(ctx, id)
	if errors.Is(err, engine.ErrNoSuchRun) {
		return nil
	}
	if err != nil {
		return err
	}
	if w.f.settings.JSON {
		return w.f.line(newReport("tick", s))
	}
	var counts engine.Counts
	for _, e := range s.Entities {
		counts.Add(e.Counts)
	}
	if s.Run.State == engine.RunDone && s.Run.WhyFull == "" && s.Run.Kind == engine.RunIncremental && s.Errors == 0 && counts.Idle() {
		w.idle++
		if time.Since(w.idleTold) < idleEvery {
			return nil
		}
		idle := w.idle
		w.idle, w.idleTold = 0, time.Now()
		return w.f.say(fmt.Sprintf("%s  nothing changed in %s, up to #%d%s", s.TakenAt.UTC().Format(time.TimeOnly), plural(idle, "tick"), id, behind(s)))
	}
	w.idle = 0
	return w.f.say(tickLine(s, counts))
}

// tickLine is a run in one line.
func tickLine(s *engine.Snapshot, c engine.Counts) string {
	run := s.Run
	line := fmt.Sprintf("%s  %s run #%d %s", s.TakenAt.UTC().Format(time.TimeOnly), run.Kind, run.ID, run.State.Word())
	if took := elapsed(run, s.TakenAt); took > 0 {
		line += " " + took.Round(10*time.Millisecond).String()
	}
	if run.State != engine.RunDone {
		if run.Error != "" {
			line += ": " + sanitize.Text(run.Error)
		}
		return line + "; the next tick tries again"
	}
	what := fmt.Sprintf("read %s  new %s  changed %s  rejected %s%s", widget.Count(c.Read), widget.Count(c.Inserted),
		widget.Count(c.Updated), widget.Count(c.Rejected), gone(c))
	if c.Released != 0 {
		what += "  released " + widget.Count(c.Released)
	}
	if run.WhyFull != "" {
		line += " (every row: " + run.WhyFull + ")"
	}
	return line + ": " + what + behind(s)
}

// behind says how late the engine may be and what holds the floor back, behind another word.
func behind(s *engine.Snapshot) string {
	bound := s.Freshness.Bound(s.TakenAt)
	if !bound.Known {
		return ""
	}
	if held := heldEntities(s); len(held) > 0 { // of which the bound is too, though no tick reads it
		return "; without " + strings.Join(held, ", ") + ", held"
	}
	out := "; at most " + widget.Span(bound.Value) + " behind"
	if s.Floor.PinnedSince.IsZero() {
		return out
	}
	out += "; floor pinned for " + widget.Span(s.Floor.Pinned())
	if s.Floor.PinnedBy != "" {
		out += " by " + s.Floor.PinnedBy
	}
	return out
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// sayHeld says once what holds ticks back.
func (w *watcher) sayHeld(s *engine.Snapshot) {
	held := ""
	switch {
	case s.Run != nil && s.Run.State == engine.RunPaused:
		held = explain(paused(s.Run))
	case s.Schedule.Paused():
		held = "ferry: ticks are held back by " + s.Schedule.PausedBy + because(s.Schedule.Reason) + "; `ferry resume --schedule` lets them come"
	}
	if held != "" && held != w.held {
		fmt.Fprintln(w.f.err, sanitize.Text(held))
	}
	w.held = held
}

// because is a reason in brackets, if there is one.
func because(reason string) string {
	if reason == "" {
		return ""
	}
	return " (" + reason + ")"
}

// progress tells how far a run is that takes long.
func (w *watcher) progress(s *engine.Snapshot) error {
	if s.Run == nil || !s.Run.State.Active() || s.Run.State == engine.RunPaused || s.Run.StartedAt.IsZero() ||
		s.TakenAt.Sub(s.Run.StartedAt) < slowTick || time.Since(w.shown) < time.Second {
		return nil
	}
	w.shown = time.Now()
	return w.f.progress(s)
}
