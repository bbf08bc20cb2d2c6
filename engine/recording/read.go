package recording

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"ferry/engine"
)

const (
	longestLine = 64 << 20
	largest     = 1 << 30 // of a recording in memory, before it was compressed
	longest     = 10 * 365 * 24 * time.Hour
)

// ErrNone says that a file is no recording, or none that this program could show.
var ErrNone = errors.New("that is no recording of ferry's")

// Recording is a recording that was read.
type Recording struct {
	Header  Header
	Length  time.Duration // from the beginning to the last line
	Trouble string        // why it ends early, in words; empty: it has its last line
	Lost    int64         // what was left out when it was made

	frames  []frame
	answers map[string][]answer // by question, oldest first
}

// frame is one snapshot.
type frame struct {
	at    time.Duration
	whole bool
	set   map[string]json.RawMessage
}

// answer is what one question got.
type answer struct {
	at   time.Duration
	text json.RawMessage
	err  *failure
}

// Frames is how many snapshots there are; at least one.
func (r *Recording) Frames() int { return len(r.frames) }

// Read reads a recording. One that was cut off, or is damaged, is read up to there, and says so in Trouble. It fails with
// ErrNone if there is not a single snapshot, or the version is a later one.
func Read(from io.Reader) (*Recording, error) {
	buffered := bufio.NewReaderSize(from, 64<<10)
	if magic, _ := buffered.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		zip, err := gzip.NewReader(buffered)
		if err != nil {
			return nil, fmt.Errorf("%w: it cannot be decompressed: %w", ErrNone, err)
		}
		buffered = bufio.NewReaderSize(zip, 64<<10)
	}
	in := &reader{in: buffered, recording: &Recording{answers: map[string][]answer{}}}
	if err := in.header(); err != nil {
		return nil, err
	}
	in.lines()
	r := in.recording
	if len(r.frames) == 0 {
		why := "it has no snapshot"
		if r.Trouble != "" {
			why += ": " + r.Trouble
		}
		return nil, fmt.Errorf("%w: %s", ErrNone, why)
	}
	r.Length = max(r.Length, r.frames[len(r.frames)-1].at)
	return r, nil
}

// reader reads line by line.
type reader struct {
	in        *bufio.Reader
	recording *Recording
	number    int
	size      int
	last      engine.Snapshot // as of the last snapshot, to know that the next one can be read
}

// next gives a line; io.EOF behind the last one that is whole.
func (r *reader) next() ([]byte, error) {
	var text []byte
	for {
		part, err := r.in.ReadSlice('\n')
		text = append(text, part...)
		r.size += len(part)
		switch {
		case len(text) > longestLine || r.size > largest:
			return nil, errors.New("it is too large")
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF) && len(text) > 0:
			return nil, io.ErrUnexpectedEOF
		case err != nil:
			return nil, err //nolint:wrapcheck // the caller says where
		default:
			r.number++
			return text, nil
		}
	}
}

// header reads the first line.
func (r *reader) header() error {
	text, err := r.next()
	if err != nil {
		return fmt.Errorf("%w: its first line cannot be read: %w", ErrNone, err)
	}
	var head struct { // whatever else a later version has made of it
		V    int    `json:"v"`
		Type string `json:"type"`
	}
	if err := json.Unmarshal(text, &head); err != nil || head.Type != typeHeader || head.V < 1 {
		return fmt.Errorf("%w: its first line does not say so", ErrNone)
	}
	if head.V > Version {
		return fmt.Errorf("%w that this one could show: it has format %d, and this ferry knows formats up to %d; "+
			"replay it with the ferry that made it, or a later one", ErrNone, head.V, Version)
	}
	if err := json.Unmarshal(text, &r.recording.Header); err != nil {
		return fmt.Errorf("%w: its first line is damaged: %w", ErrNone, err)
	}
	return nil
}

// lines reads all that follows, up to what cannot be read.
func (r *reader) lines() {
	for {
		text, err := r.next()
		if err == nil {
			var ended bool
			if ended, err = r.take(text); ended {
				return
			}
		} else {
			r.number++
		}
		switch {
		case err == nil:
		case errors.Is(err, io.EOF):
			r.recording.Trouble = fmt.Sprintf("it was cut off behind line %d, without its end", r.number-1)
			return
		case errors.Is(err, io.ErrUnexpectedEOF):
			r.recording.Trouble = fmt.Sprintf("it was cut off in line %d", r.number)
			return
		default:
			r.recording.Trouble = fmt.Sprintf("line %d cannot be read, and nothing behind it is shown: %s", r.number, err)
			return
		}
	}
}

// take takes one line in; true says that it is the last one.
func (r *reader) take(text []byte) (bool, error) {
	var l line
	if err := json.Unmarshal(text, &l); err != nil {
		return false, fmt.Errorf("it is damaged: %w", err)
	}
	if l.At < 0 || l.At > longest.Milliseconds() {
		return false, fmt.Errorf("its time %d ms makes no sense", l.At)
	}
	to := r.recording
	at := max(l.at(), to.Length) // time goes one way only
	switch l.Type {
	case typeSnapshot:
		if len(to.frames) == 0 && !l.Whole {
			return false, errors.New("the first snapshot is not whole")
		}
		if l.Whole {
			r.last = engine.Snapshot{}
		}
		if err := apply(&r.last, l.Set); err != nil {
			return false, fmt.Errorf("it is damaged: %w", err)
		}
		to.frames = append(to.frames, frame{at, l.Whole, l.Set})
	case typeAnswer:
		key := l.Ask + string(l.With)
		to.answers[key] = append(to.answers[key], answer{at, l.Answer, l.Error})
	case typeLost:
		to.Lost = l.Snapshots + l.Answers
	}
	to.Length = at
	return l.Type == typeEnd, nil
}
