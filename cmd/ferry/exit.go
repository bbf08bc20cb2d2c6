package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"ferry/engine"
	"ferry/engine/redact"
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
	for _, refusal := range []error{engine.ErrUnsafeSource, engine.ErrReadOnly, engine.ErrRunActive, engine.ErrStateChanged} {
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
	lines := strings.Split(redact.Text(err.Error()), "\n")
	for i, line := range lines {
		lines[i] = sanitize.Text(line)
	}
	return "ferry: " + strings.Join(lines, "\n")
}

// untilSignal gives a context that ends with the first INT, TERM or HUP, and one that ends with the second. caught
// gives the exit code of the signal, 0 without one.
func untilSignal(parent context.Context) (soft, hard context.Context, caught func() int, release func()) {
	soft, endSoft := context.WithCancel(parent)
	hard, endHard := context.WithCancel(context.WithoutCancel(parent))
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	code := make(chan int, 1)
	done := make(chan struct{})
	go func() {
		for count := 0; ; count++ {
			select {
			case <-done:
				return
			case s := <-signals:
				if number, ok := s.(syscall.Signal); ok && count == 0 {
					code <- exitSignal + int(number)
				}
				endSoft()
				if count > 0 {
					endHard()
				}
			}
		}
	}()
	caught = func() int {
		select {
		case c := <-code:
			code <- c
			return c
		default:
			return 0
		}
	}
	return soft, hard, caught, func() {
		signal.Stop(signals)
		close(done)
		endSoft()
		endHard()
	}
}

// startLimit is how long a one-shot command tries to reach a database at its start.
const startLimit = 8 * time.Second
