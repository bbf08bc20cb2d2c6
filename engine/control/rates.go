package control

import (
	"time"

	"ferry/engine"
)

// rateWindow is how far back a rate looks: long enough to smooth batches, short enough to follow a change.
const rateWindow = 15 * time.Second

// minMeasure is how long a step must run before its rate means anything.
const minMeasure = 1500 * time.Millisecond

// shortest is how long a step must have taken for its average to mean anything: a small tick's rows are all there at once.
const shortest = 100 * time.Millisecond

// rates derive rows per second and the time left from the counts of successive snapshots. The poller is its only user.
type rates struct {
	run     engine.RunID
	samples map[string][]sample
}

type sample struct {
	at   time.Time
	rows int64
	done float64
}

// apply adds rates and ETAs to a snapshot that was just read.
func (r *rates) apply(s *engine.Snapshot) {
	if s.Run == nil || r.samples == nil || r.run != s.Run.ID {
		r.samples = map[string][]sample{}
	}
	if s.Run == nil {
		return
	}
	r.run = s.Run.ID
	for i := range s.Entities {
		e := &s.Entities[i]
		step, ok := loadStep(s.Steps, e.Name)
		switch {
		case !ok || step.StartedAt.IsZero():
		case step.State == engine.StepDone:
			e.RowsPerSecond = average(step)
		case s.Run.State == engine.RunRunning || s.Run.State == engine.RunPausing:
			r.measure(e, s.TakenAt, step)
		}
	}
}

func loadStep(steps []engine.StepView, entity string) (engine.StepView, bool) {
	for _, s := range steps {
		if s.Entity == entity && s.Verb == engine.StepLoad {
			return s, true
		}
	}
	return engine.StepView{}, false
}

func average(step engine.StepView) engine.Maybe[float64] {
	took := step.FinishedAt.Sub(step.StartedAt)
	if took < shortest {
		return engine.Maybe[float64]{}
	}
	return engine.Known(float64(step.Counts.Read) / took.Seconds())
}

// measure gives the rate within the window and the time that the rest needs at that pace.
func (r *rates) measure(e *engine.EntityView, now time.Time, step engine.StepView) {
	list := r.samples[e.Name]
	if len(list) == 0 {
		list = []sample{{at: step.StartedAt}}
	}
	list = append(list, sample{now, step.Counts.Read, step.Done})
	for len(list) > 2 && now.Sub(list[1].at) > rateWindow {
		list = list[1:]
	}
	r.samples[e.Name] = list
	first := list[0]
	span := now.Sub(first.at)
	e.ETA = engine.ETA{State: engine.ETAMeasuring}
	if span < minMeasure || step.Counts.Read == first.rows {
		return
	}
	e.RowsPerSecond = engine.Known(float64(step.Counts.Read-first.rows) / span.Seconds())
	if step.Done <= first.done {
		return
	}
	pace := (step.Done - first.done) / span.Seconds()
	e.ETA = engine.ETA{State: engine.ETAReady, Left: time.Duration((1 - step.Done) / pace * float64(time.Second))}
	if e.SourceEstimated {
		e.ETA.State = engine.ETAAtLeast
	}
}
