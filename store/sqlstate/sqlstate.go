// Package sqlstate is the one table that says what is done about a database's error: retry at once, on a new session,
// slowly and loudly, set one row aside, or stop.
//
// The table is keyed by SQLSTATE class or code, by the side at which the error arose, by what was being done there, and
// by whether a violated constraint is on the row's id. It has an answer for everything that PostgreSQL documents; what it
// does not know stops the run: an error that nobody has thought about is never skipped.
package sqlstate

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"ferry/engine"
	"ferry/engine/redact"
)

// Wrap classes an error of a database and says what was attempted. It gives nil for nil, and leaves an error alone that
// is classed already.
//
// It stands for reading at the source, and for writing rows at the engine, where a refusal may be a row's fault. Who is
// about something else says so with WrapAt.
func Wrap(side engine.Side, doing string, err error) error {
	phase := PhaseRead
	if side == engine.SideTarget {
		phase = PhaseWrite
	}
	return WrapAt(Place{Side: side, Phase: phase}, doing, err)
}

// WrapAt is Wrap for an error that arose at a place.
func WrapAt(at Place, doing string, err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*engine.DatabaseError](err); ok {
		return err
	}
	if isConnect(err) {
		at.Phase = PhaseConnect // whatever the session was wanted for
	}
	class, code := classify(at, err)
	err = inOneLine(err)
	if code == codeForbidden && at.Side == engine.SideTarget {
		err = fmt.Errorf("%w: %w", engine.ErrForbidden, err)
	}
	return &engine.DatabaseError{Side: at.Side, Class: class, SQLState: code, Doing: doing, Err: err}
}

// codeForbidden is what a server says to a role that lacks a privilege.
const codeForbidden = "42501"

// The codes that stand for what is said without a server.
const (
	codeTimeout = "57014" // a deadline of ours is the server's timeout by another clock; what comes too often ends the run
	codeAborted = "25P02" // a server answers COMMIT with ROLLBACK, and no code, where an error came before
)

// classify gives an error's class, and its code if a server said one.
func classify(at Place, err error) (engine.ErrorClass, string) {
	pg, isPg := errors.AsType[*pgconn.PgError](err)
	switch {
	case isPg:
		return Decide(at, pg.Code).Class, pg.Code
	case errors.Is(err, pgx.ErrTxCommitRollback):
		return Decide(at, codeAborted).Class, codeAborted
	case at.Phase == PhaseCommit && (ended(err) || broken(err)):
		// COMMIT may have been carried out although nobody heard so; the next attempt reads the checkpoint.
		return engine.ClassReconnect, ""
	case errors.Is(err, context.DeadlineExceeded) && at.Phase != PhaseConnect:
		return Decide(at, codeTimeout).Class, codeTimeout
	case broken(err):
		return engine.ClassReconnect, ""
	}
	return engine.ClassStop, ""
}

// ended reports whether it was our own side that gave up waiting.
func ended(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

// inOneLine gives an error whose text is one line without secrets; the driver writes a line for every address and TLS
// mode that it tried, most of them the same.
func inOneLine(err error) error {
	var parts []string
	for part := range strings.Lines(redact.Text(err.Error())) {
		if part = strings.TrimSpace(part); part != "" && !slices.Contains(parts, part) {
			parts = append(parts, part)
		}
	}
	text := strings.Join(parts, " ")
	if text == err.Error() {
		return err
	}
	return &oneLineError{text: text, err: err}
}

type oneLineError struct {
	text string
	err  error
}

func (o *oneLineError) Error() string { return o.text }

// Is and As look at the original error without handing out its text.
func (o *oneLineError) Is(target error) bool { return errors.Is(o.err, target) }

func (o *oneLineError) As(target any) bool { return errors.As(o.err, target) }

func isConnect(err error) bool {
	_, ok := errors.AsType[*pgconn.ConnectError](err)
	return ok
}

// broken reports whether the session ended without the server's word.
func broken(err error) bool {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) ||
		errors.Is(err, pgx.ErrTxClosed) {
		return true
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return false // the server is not who it should be: that does not pass by itself
	}
	if isConnect(err) {
		return true
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return true
	}
	// pgconn has no type for a connection that an earlier error closed.
	return strings.Contains(err.Error(), "conn closed")
}
