package main

import (
	"context"
	"errors"
	"io"
	"os"
	"sync/atomic"
	"syscall"
	"time"
)

// stream writes to what may stop reading for a while or for ever: a terminal on hold, a pager, `| head`. No write keeps
// its caller longer than it has patience, and a reader that is gone is no error: who stops listening does not stop the
// work. Writes keep their order. The one that cannot be finished is left behind in a goroutine of its own.
type stream struct {
	w        io.Writer
	patience func() (context.Context, context.CancelFunc)
	turn     chan struct{} // a token: one write at a time
	gone     atomic.Bool   // the reader is
	final    bool          // one that was late is not waited for again
	onGone   func()
}

func newStream(w io.Writer) *stream {
	return &stream{w: w, turn: make(chan struct{}, 1), onGone: func() {}}
}

// lossy is for messages and logs: what cannot be written soon is dropped, so that nothing waits for who does not read.
func lossy(w io.Writer, limit time.Duration) *stream {
	s := newStream(w)
	s.patience = func() (context.Context, context.CancelFunc) { return context.WithTimeout(context.Background(), limit) }
	return s
}

// patient is for data: it waits for a slow reader until the work is interrupted. From then on a write is given a little time, however
// long the work took to come to its end, and the first one that this does not suffice for is the last.
func patient(soft context.Context, w io.Writer) *stream {
	s := newStream(w)
	s.final = true
	s.patience = func() (context.Context, context.CancelFunc) {
		late, cancel := context.WithCancel(context.WithoutCancel(soft))
		stop := context.AfterFunc(soft, func() { time.AfterFunc(restoreLimit, cancel) })
		return late, func() {
			stop()
			cancel()
		}
	}
	return s
}

// Write takes everything, except where writing failed for another reason than a reader that is gone or late.
func (s *stream) Write(p []byte) (int, error) {
	if s.gone.Load() {
		return len(p), nil
	}
	ctx, cancel := s.patience()
	defer cancel()
	n, err := s.until(ctx, p)
	switch {
	case errors.Is(err, syscall.EPIPE), errors.Is(err, syscall.EIO):
		if !s.gone.Swap(true) {
			s.onGone()
		}
		return len(p), nil
	case errors.Is(err, os.ErrDeadlineExceeded):
		if s.final {
			s.gone.Store(true)
		}
		return len(p), nil
	}
	return n, err
}

// within writes with a limit, and says so if it did not suffice.
func (s *stream) within(p []byte, limit time.Duration) (int, error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	return s.until(ctx, p)
}

func (s *stream) until(ctx context.Context, p []byte) (int, error) {
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return 0, os.ErrDeadlineExceeded
	}
	type result struct {
		n   int
		err error
	}
	done := make(chan result, 1)
	own := append([]byte(nil), p...) // the caller may use p again before it is written
	go func() {
		n, err := s.w.Write(own)
		<-s.turn
		done <- result{n, err}
	}()
	select {
	case r := <-done:
		return r.n, r.err
	case <-ctx.Done():
		return 0, os.ErrDeadlineExceeded
	}
}
