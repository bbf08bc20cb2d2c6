package recording

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"ferry/engine"
	"ferry/engine/redact"
)

const (
	queued     = 512              // lines that wait for the disk at most
	queuedSize = 8 << 20          // bytes of answers among them at most
	wholeEvery = 100              // one snapshot in so many is whole
	safeEvery  = time.Second      // so much at most is lost with the process
	wholeAfter = 10 * time.Minute // likewise by time: few snapshots come while nothing moves
)

// Tape is a recording that is being written. Nobody waits for it.
type Tape struct {
	began  time.Time
	lines  chan entry
	size   atomic.Int64 // of the answers among them
	closed chan struct{}
	once   sync.Once
	done   chan struct{}

	kept      atomic.Int64 // lines that were written
	snapshots atomic.Int64 // lost
	answers   atomic.Int64 // lost
	failed    atomic.Pointer[error]

	// Of the goroutine that writes.
	out   *bufio.Writer
	zip   *gzip.Writer // nil: not compressed
	last  map[string]json.RawMessage
	since int
	whole time.Duration // when the last whole snapshot was taken
	told  int64         // how many losses the recording knows of
}

// entry is one line to be written: a snapshot, or an answer that is encoded already.
type entry struct {
	at       time.Duration
	snapshot *engine.Snapshot
	answer   *line
	size     int64
}

// NewTape begins a recording. It fails if not even the first line can be written. Close ends it; the writer stays open.
func NewTape(w io.Writer, h Header, compress bool) (*Tape, error) {
	t := &Tape{
		began: h.StartedAt, lines: make(chan entry, queued), closed: make(chan struct{}), done: make(chan struct{}),
		out: bufio.NewWriterSize(w, 64<<10),
	}
	if compress {
		t.zip, _ = gzip.NewWriterLevel(t.out, gzip.BestCompression) // the level is one
	}
	h.V, h.Type, h.StartedAt = Version, typeHeader, h.StartedAt.UTC().Round(0)
	h.Source, h.Target = redact.Text(h.Source), redact.Text(h.Target)
	text, err := encode(h)
	if err == nil {
		err = t.write(text)
	}
	if err == nil {
		err = t.flush()
	}
	if err != nil {
		return nil, fmt.Errorf("beginning the recording: %w", err)
	}
	go t.run()
	return t, nil
}

// Lost is how many snapshots and answers were left out.
func (t *Tape) Lost() int64 { return t.snapshots.Load() + t.answers.Load() }

// Kept is how many snapshots and answers were written.
func (t *Tape) Kept() int64 { return t.kept.Load() }

// Err says why nothing more is recorded; nil while all is well.
func (t *Tape) Err() error {
	if err := t.failed.Load(); err != nil {
		return *err
	}
	return nil
}

// Close writes what waits, and the end. It gives up with ctx: a disk may hang.
func (t *Tape) Close(ctx context.Context) error {
	t.once.Do(func() { close(t.closed) })
	select {
	case <-t.done:
		return t.Err()
	case <-ctx.Done():
		return fmt.Errorf("ending the recording: %w", ctx.Err())
	}
}

// put hands a line to the disk, unless too much waits for it.
func (t *Tape) put(e entry) {
	if t.Err() == nil && t.size.Add(e.size) <= queuedSize {
		select {
		case t.lines <- e:
			return
		default:
		}
	}
	t.size.Add(-e.size)
	t.lose(e)
}

func (t *Tape) lose(e entry) {
	if e.snapshot != nil {
		t.snapshots.Add(1)
	} else {
		t.answers.Add(1)
	}
}

// run writes until the tape is closed or cannot be written any more.
func (t *Tape) run() {
	defer close(t.done)
	safe := time.NewTicker(safeEvery)
	defer safe.Stop()
	for {
		select {
		case e := <-t.lines:
			t.take(e)
		case <-safe.C:
			t.check(t.flush())
		case <-t.closed:
			t.finish()
			return
		}
	}
}

// finish writes what waits, and the last line.
func (t *Tape) finish() {
	for {
		select {
		case e := <-t.lines:
			t.take(e)
			continue
		default:
		}
		break
	}
	if t.Err() != nil {
		return
	}
	err := t.writeLine(&line{Type: typeEnd, At: time.Since(t.began).Milliseconds()})
	if err == nil && t.zip != nil {
		err = t.zip.Close()
	}
	if err == nil {
		err = t.out.Flush()
	}
	t.check(err)
}

// check keeps the first error. Behind it nothing is written: half a line may stand there.
func (t *Tape) check(err error) {
	if err != nil && t.Err() == nil {
		t.failed.Store(&err)
	}
}

// take writes one line.
func (t *Tape) take(e entry) {
	t.size.Add(-e.size)
	if t.Err() != nil {
		t.lose(e)
		return
	}
	if lost := t.Lost(); lost > t.told {
		t.told = lost
		t.check(t.writeLine(&line{
			Type: typeLost, At: e.at.Milliseconds(), Snapshots: t.snapshots.Load(), Answers: t.answers.Load(),
		}))
	}
	l := e.answer
	if e.snapshot != nil {
		var err error
		if l, err = t.changes(e); err != nil { // this one cannot be written down; the next one may
			t.lose(e)
			return
		}
	}
	l.At = e.at.Milliseconds()
	if err := t.writeLine(l); err != nil {
		t.check(err)
		t.lose(e)
		return
	}
	t.kept.Add(1)
}

// changes is the line of a snapshot: what differs from the one before, or all.
func (t *Tape) changes(e entry) (*line, error) {
	now, err := fields(e.snapshot)
	if err != nil {
		return nil, err
	}
	l := &line{Type: typeSnapshot, Set: map[string]json.RawMessage{}}
	l.Whole = t.last == nil || t.since >= wholeEvery || e.at-t.whole >= wholeAfter
	for name, text := range now {
		if l.Whole || !bytes.Equal(text, t.last[name]) {
			l.Set[name] = clean(text)
		}
	}
	t.since++
	if l.Whole {
		t.since, t.whole = 0, e.at
	}
	t.last = now
	return l, nil
}

func (t *Tape) writeLine(l *line) error {
	text, err := encode(l)
	if err != nil {
		return err
	}
	return t.write(text)
}

func (t *Tape) write(text []byte) error {
	var to io.Writer = t.out
	if t.zip != nil {
		to = t.zip
	}
	_, err := to.Write(append(text, '\n'))
	return err //nolint:wrapcheck // it names the file
}

// flush hands what was written to the system, so that it outlives the process.
func (t *Tape) flush() error {
	var err error
	if t.zip != nil {
		err = t.zip.Flush()
	}
	return errors.Join(err, t.out.Flush())
}
