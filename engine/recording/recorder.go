package recording

import (
	"context"
	"errors"
	"sync"
	"time"

	"ferry/engine"
)

// look is how often a Recorder looks for a new snapshot. They come at most four times a second.
const look = 100 * time.Millisecond

// Recorder is an operator whose snapshots and answers are recorded. Actions pass through it; what is asked takes as long as
// it does without it.
type Recorder struct {
	engine.Operator

	tape *Tape
	name string
	stop chan struct{}
	once sync.Once
	done chan struct{}

	mu    sync.Mutex
	bare  *engine.Snapshot // as it came
	shown *engine.Snapshot // with what is to be said of the tape
}

// Record records an operator on a tape, which has a name that may be shown. Close ends it.
func Record(operator engine.Operator, tape *Tape, name string) *Recorder {
	r := &Recorder{Operator: operator, tape: tape, name: name, stop: make(chan struct{}), done: make(chan struct{})}
	go r.watch()
	return r
}

// Close ends the recording of snapshots; the tape is closed by its owner.
func (r *Recorder) Close() {
	r.once.Do(func() { close(r.stop) })
	<-r.done
}

// watch puts every new snapshot on the tape.
func (r *Recorder) watch() {
	defer close(r.done)
	tick := time.NewTicker(look)
	defer tick.Stop()
	var last uint64
	for ended := false; !ended; {
		select {
		case <-tick.C:
		case <-r.stop: // once more: it may be the end of the run
			ended = true
		}
		if s := r.Operator.Snapshot(); s.Sequence != last {
			last = s.Sequence
			r.tape.put(entry{at: time.Since(r.tape.began), snapshot: s})
		}
	}
}

// Snapshot is the operator's, with how the recording stands.
func (r *Recorder) Snapshot() *engine.Snapshot {
	s := r.Operator.Snapshot()
	view := engine.TapeView{Name: r.name, Lost: r.tape.Lost()}
	if err := r.tape.Err(); err != nil {
		view.Err = err.Error()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if s != r.bare || *r.shown.Tape != view {
		next := *s
		next.Tape = &view
		r.bare, r.shown = s, &next
	}
	return r.shown
}

// keep puts an answer on the tape. It is encoded here, for whoever asked may change it.
func (r *Recorder) keep(ask string, with []any, answer any, err error) {
	if errors.Is(err, context.Canceled) || r.tape.Err() != nil {
		return // nobody waited for it
	}
	l := &line{Type: typeAnswer, Ask: ask}
	if r.tape.size.Load() >= queuedSize { // it would have no place
		r.tape.lose(entry{answer: l})
		return
	}
	var failed error
	if l.With, failed = encode(with); failed == nil {
		if err != nil {
			l.Error = fail(err)
		} else {
			l.Answer, failed = encode(answer)
		}
	}
	if failed != nil {
		r.tape.lose(entry{answer: l})
		return
	}
	l.With, l.Answer = clean(l.With), clean(l.Answer)
	r.tape.put(entry{at: time.Since(r.tape.began), answer: l, size: int64(len(l.With) + len(l.Answer))})
}

// kept passes an answer on.
func kept[T any](r *Recorder, ask string, with []any, answer T, err error) (T, error) {
	r.keep(ask, with, answer, err)
	return answer, err
}
