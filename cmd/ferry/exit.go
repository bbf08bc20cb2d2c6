package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"ferry/engine"
	"ferry/engine/redact"
	"ferry/tui/cure"
	"ferry/tui/sanitize"
)

// Exit codes: a contract with scripts, cron and CI.
const (
	exitClean       = 0
	exitError       = 1
	exitUsage       = 2
	exitDiscrepancy = 3 // settled discrepancies, NO-GO, or rejected rows above their limit
	exitRefused     = 4
	exitUnchecked   = 5
	exitSignal      = 128 // plus the signal's number
)

// codedError ends the program with a code. A nil error says nothing more: it has been said.
type codedError struct {
	code int
	err  error
}

func (e *codedError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *codedError) Unwrap() error { return e.err }

func exitWith(code int, err error) error { return &codedError{code, err} }

func usage(format string, args ...any) error {
	return exitWith(exitUsage, fmt.Errorf(format, args...)) //nolint:err113 // for people, never compared
}

// exitCode is the code for an error, where nobody gave one.
func exitCode(err error) int {
	if err == nil {
		return exitClean
	}
	if coded, ok := errors.AsType[*codedError](err); ok {
		return coded.code
	}
	for _, refusal := range []error{
		engine.ErrUnsafeSource, engine.ErrReadOnly, engine.ErrRunActive, engine.ErrStateChanged,
		engine.ErrNeedsAnswer, engine.ErrUnkeyed, engine.ErrSealed, engine.ErrForbidden,
	} {
		if errors.Is(err, refusal) {
			return exitRefused
		}
	}
	return exitError
}

// explain is the one line that a failing command says: what, why, and what to do where that is known.
func explain(err error) string {
	if coded, ok := errors.AsType[*codedError](err); ok && coded.err == nil {
		return ""
	}
	text := redact.Text(err.Error())
	if _, ok := errors.AsType[*engine.DatabaseError](err); ok {
		if advice := cure.For(text); advice != "" {
			text += "; " + advice
		}
	}
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = sanitize.Text(line)
	}
	return "ferry: " + strings.Join(lines, "\n")
}

// untilSignal gives a context that ends with the first INT, TERM or HUP, and one that ends with a second INT or TERM.
// caught gives the exit code of the first signal, 0 without one.
func untilSignal(parent context.Context) (soft, hard context.Context, caught func() int, release func()) {
	return listen(parent, nil)
}

// listen is untilSignal; with hangup, a HUP calls that instead of interrupting. A HUP is never the second signal: a
// terminal that goes away sends several, from the system and from the shell, and with a Ctrl-C before.
//
// It also keeps a closed pipe from killing the process: writing fails instead, and whoever writes decides.
func listen(parent context.Context, hangup func()) (soft, hard context.Context, caught func() int, release func()) {
	soft, endSoft := context.WithCancel(parent)
	hard, endHard := context.WithCancel(context.WithoutCancel(parent))
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	pipe := make(chan os.Signal, 1) // nobody receives from it; and unlike an ignored signal, children do not inherit it
	signal.Notify(pipe, syscall.SIGPIPE)
	var code atomic.Int32
	done := make(chan struct{})
	go func() {
		for {
			select {
			case <-done:
				return
			case s := <-signals:
				number, _ := s.(syscall.Signal)
				switch {
				case number == syscall.SIGHUP && hangup != nil:
					hangup()
				case code.CompareAndSwap(0, int32(exitSignal+number)): //nolint:gosec // a signal's number is small
					endSoft()
				case number != syscall.SIGHUP:
					endHard()
				}
			}
		}
	}()
	return soft, hard, func() int { return int(code.Load()) }, sync.OnceFunc(func() {
		signal.Stop(signals)
		signal.Stop(pipe)
		close(done)
		endSoft()
		endHard()
	})
}

// startLimit is how long a one-shot command tries to reach a database at its start.
const startLimit = 8 * time.Second
