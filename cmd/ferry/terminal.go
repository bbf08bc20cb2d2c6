package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/charmbracelet/x/ansi"
	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// Why a console ends that nobody left. In all of these cases the work goes on without it.
var (
	errHangup  = errors.New("the terminal hung up")
	errStalled = fmt.Errorf("the terminal took nothing for %s", stallLimit)
)

// How long a terminal may take nothing, and how long each attempt to set it right may take.
const (
	stallLimit   = 2 * time.Second
	restoreLimit = 300 * time.Millisecond
)

// restoring sets a terminal right, whatever was cut short: an open string or sequence ends, and pasting, mouse and focus
// are no longer reported. Terminals ignore what they do not know.
const restoring = "\x1b\\" + ansi.ResetStyle + ansi.ResetModeBracketedPaste + ansi.ResetModeMouseNormal + ansi.ResetModeMouseButtonEvent +
	ansi.ResetModeMouseAnyEvent + ansi.ResetModeMouseExtSgr + ansi.ResetModeFocusEvent + ansi.ShowCursor

// terminal stands between Bubble Tea and the terminal. Bubble Tea writes to it as to a file, and waits for ever where a
// terminal stops reading, as behind a laptop that sleeps: so does all that waits for Bubble Tea. Here a write has a limit,
// and who is not answered is told apart from who hung up.
//
// The limit needs a description of the terminal of its own, which may be set not to block: the one that the shell gave
// is shared with everybody who got it, the shell included.
type terminal struct {
	in, out *os.File
	own     *os.File // nil: writing has to block, in a goroutine that may be left behind
	slow    *stream  // instead of own
	before  [2]*term.State
	lose    func(error) // called when the terminal turns out to be gone
	closed  atomic.Bool // nothing is written for Bubble Tea any more
	ended   chan struct{}
	end     sync.Once

	mu  sync.Mutex
	alt bool // the alternate screen is on
}

// openTerminal takes down how the terminal is set, to restore it at the end.
func openTerminal(in, out *os.File, lose func(error)) (*terminal, error) {
	t := &terminal{in: in, out: out, lose: lose, ended: make(chan struct{})}
	for i, file := range []*os.File{in, out} {
		state, err := term.GetState(int(file.Fd()))
		if err != nil {
			return nil, fmt.Errorf("asking how the terminal is set: %w", err)
		}
		t.before[i] = state
	}
	if t.own = reopen(out); t.own == nil {
		t.slow = newStream(out)
	}
	return t, nil
}

// reopen gives a description of the terminal of its own that does not block, or nil where there is none to be had.
func reopen(out *os.File) *os.File {
	name := fmt.Sprintf("/proc/self/fd/%d", out.Fd())
	if _, err := unix.IoctlGetInt(int(out.Fd()), unix.TIOCGPGRP); err == nil {
		name = "/dev/tty" // it controls this process, and may be opened even after a change of user
	}
	file, err := os.OpenFile(name, os.O_WRONLY|syscall.O_NOCTTY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil
	}
	if err := file.SetWriteDeadline(time.Time{}); err != nil { // this system cannot wait for a terminal
		_ = file.Close()
		return nil
	}
	return file
}

// close gives back what openTerminal took. The terminal itself stays open: it is not ours.
func (t *terminal) close() {
	if t.own != nil {
		_ = t.own.Close()
	}
}

// Read, Close and Fd make Bubble Tea see a terminal.
func (t *terminal) Read(p []byte) (int, error) { return t.out.Read(p) } //nolint:wrapcheck // a Reader

// Close does nothing: the terminal is not ours.
func (*terminal) Close() error { return nil }

// Fd is for the window's size.
func (t *terminal) Fd() uintptr { return t.out.Fd() }

// Write writes for Bubble Tea. A terminal that takes nothing within the limit, or cannot be written, is lost, and from
// then on every write fails at once, so that nothing waits for it.
func (t *terminal) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed.Load() {
		return 0, os.ErrClosed
	}
	n, err := t.put(p, stallLimit, false)
	switch {
	case err == nil:
		t.track(string(p))
	case t.closed.Swap(true): // shut on purpose, in the middle of it
	case errors.Is(err, os.ErrDeadlineExceeded):
		t.lose(errStalled)
	case errors.Is(err, syscall.EIO):
		t.lose(errHangup)
	default:
		t.lose(fmt.Errorf("the terminal cannot be written: %w", err))
	}
	return n, err
}

// track notes what has to be undone. Bubble Tea writes each of these alone.
func (t *terminal) track(text string) {
	switch text {
	case ansi.SetModeAltScreenSaveCursor:
		t.alt = true
	case ansi.ResetModeAltScreenSaveCursor:
		t.alt = false
	}
}

// put writes all of p; at the end even after shut. The limit is for a terminal that takes nothing: a slow line may take
// its time.
func (t *terminal) put(p []byte, limit time.Duration, atEnd bool) (int, error) {
	if t.own == nil {
		return t.slow.within(p, limit)
	}
	written := 0
	for {
		if err := t.own.SetWriteDeadline(time.Now().Add(limit)); err != nil {
			return written, fmt.Errorf("writing to the terminal: %w", err)
		}
		if !atEnd && t.closed.Load() { // looked at after the deadline was set: shut sets them the other way round
			return written, os.ErrClosed
		}
		n, err := t.own.Write(p[written:])
		written += n
		if n > 0 && errors.Is(err, os.ErrDeadlineExceeded) {
			continue
		}
		return written, err //nolint:wrapcheck // a Writer
	}
}

// shut ends writing for Bubble Tea; a write under way fails at once.
func (t *terminal) shut() {
	t.closed.Store(true)
	t.end.Do(func() { close(t.ended) })
	if t.own != nil {
		_ = t.own.SetWriteDeadline(time.Now())
	}
}

// restore leaves the terminal as it was found. Where Bubble Tea has done that, nothing is left to do. Nothing here waits
// long: output that a terminal does not take is thrown away to make room.
func (t *terminal) restore() {
	if !t.foreground() {
		return // the shell has it; it was restored when the console was suspended
	}
	cut := t.closed.Load()
	t.shut()
	t.mu.Lock()
	defer t.mu.Unlock()
	if cut || t.alt {
		text := restoring
		if t.alt {
			text += ansi.ResetModeAltScreenSaveCursor + ansi.ShowCursor
		}
		text += "\r"
		if _, err := t.put([]byte(text), restoreLimit, true); errors.Is(err, os.ErrDeadlineExceeded) {
			discardOutput(t.out)
			_, _ = t.put([]byte(text), restoreLimit, true)
		}
		t.alt = false
	}
	for i, file := range []*os.File{t.in, t.out} {
		_ = term.Restore(int(file.Fd()), t.before[i])
	}
}

// foreground reports whether the terminal is this process's to set. One that does not control the process always is.
func (t *terminal) foreground() bool {
	group, err := unix.IoctlGetInt(int(t.out.Fd()), unix.TIOCGPGRP)
	return err != nil || group == unix.Getpgrp()
}

// keyboard is standard input for Bubble Tea, which says nothing when it ends.
type keyboard struct {
	*os.File

	lose func(error)
}

// Read reads what the operator types. A terminal whose input ends has hung up: in raw mode no key does that.
func (k keyboard) Read(p []byte) (int, error) {
	n, err := k.File.Read(p)
	if errors.Is(err, io.EOF) || errors.Is(err, syscall.EIO) {
		k.lose(errHangup)
	}
	return n, err //nolint:wrapcheck // a Reader
}
