package pgcopy

import (
	"errors"
	"io"
	"sync"
)

// portionSize is how many bytes of tuples are handed on at once, and portions how many of them a pipe has: while one is sent
// another is filled, and the two in between take up what either side is late.
const (
	portionSize = 64 << 10
	portions    = 4
)

// ErrStopped says that nobody reads from a pipe any more.
var ErrStopped = errors.New("nobody takes the rows any more")

// Pipe joins who makes tuples with a COPY … FROM STDIN that reads them at the same time, in recycled memory. One goroutine
// makes (Tuples, Close), one reads (Read, Stop).
type Pipe struct {
	filled  chan *Tuples
	empty   chan *Tuples
	stopped chan struct{}
	stop    sync.Once

	making *Tuples // the portion that is being filled
	why    error   // why there are no more; set before filled is closed

	reading *Tuples // the portion that is being read
	rest    []byte
	begun   bool
	ended   bool
}

// NewPipe makes a pipe.
func NewPipe() *Pipe {
	p := &Pipe{
		filled: make(chan *Tuples, portions), empty: make(chan *Tuples, portions), stopped: make(chan struct{}),
	}
	for range portions {
		p.empty <- &Tuples{data: make([]byte, 0, portionSize+portionSize/8)}
	}
	p.making = <-p.empty
	return p
}

// Tuples gives where the next tuple is to be appended. It waits while the reader is late, and fails with ErrStopped.
func (p *Pipe) Tuples() (*Tuples, error) {
	if p.making.Size() < portionSize {
		return p.making, nil
	}
	select {
	case p.filled <- p.making:
	case <-p.stopped:
		return nil, ErrStopped
	}
	select {
	case p.making = <-p.empty:
		return p.making, nil
	case <-p.stopped:
		return nil, ErrStopped
	}
}

// Close ends the stream: well with nil, else the reader gets the error. It is called once.
func (p *Pipe) Close(why error) {
	p.why = why
	if why == nil {
		select {
		case p.filled <- p.making:
		case <-p.stopped:
		}
	}
	close(p.filled)
}

// Read gives the next bytes of the stream, header and trailer included.
func (p *Pipe) Read(dst []byte) (int, error) {
	for len(p.rest) == 0 {
		if err := p.next(); err != nil {
			return 0, err
		}
	}
	n := copy(dst, p.rest)
	p.rest = p.rest[n:]
	return n, nil
}

// next makes the next bytes ready.
func (p *Pipe) next() error {
	if !p.begun {
		p.begun, p.rest = true, header
		return nil
	}
	if p.reading != nil {
		p.reading.Reset()
		p.empty <- p.reading // there is room for all of them
		p.reading = nil
	}
	portion, more := <-p.filled
	switch {
	case more:
		p.reading, p.rest = portion, portion.data
		return nil
	case p.why != nil:
		return p.why
	case p.ended:
		return io.EOF
	}
	p.ended, p.rest = true, trailer
	return nil
}

// Stop says that nobody reads any more. It may be called at any time, and more than once.
func (p *Pipe) Stop() { p.stop.Do(func() { close(p.stopped) }) }
