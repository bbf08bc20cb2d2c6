// Package sqlstate is the one table that says what is done about a database's error: retry at once, on a new session,
// slowly and loudly, set one row aside, or stop.
//
// The table is keyed by SQLSTATE class or code and by the side at which the error arose. What it does not know stops
// the run: an error that nobody has thought about is never skipped.
package sqlstate

import (
	"context"
	"crypto/tls"
	"errors"
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

// rule assigns a class to all codes that begin with a prefix, at one side or, with an empty side, at both.
type rule struct {
	prefix string
	side   engine.Side
	class  engine.ErrorClass
	why    string
}

// table is searched for the longest matching prefix; of two equally long ones the one that names the side wins.
var table = []rule{
	{"40001", "", engine.ClassRetry, "serialisation failure"},
	{"40P01", "", engine.ClassRetry, "deadlock"},
	{"55P03", "", engine.ClassRetry, "lock not available"},
	{"57014", "", engine.ClassRetry, "cancelled by a timeout"},
	{"08", "", engine.ClassReconnect, "connection failure"},
	{"57P0", "", engine.ClassReconnect, "the server shuts down, or starts"},
	{"53300", "", engine.ClassReconnect, "too many connections"},
	{"25006", engine.SideTarget, engine.ClassReconnect, "the engine fails over: this server is read-only"},
	{"25P03", "", engine.ClassReconnect, "idle in transaction for too long"},
	{"25P04", "", engine.ClassReconnect, "transaction took too long"},
	{"53100", "", engine.ClassSlowRetry, "disk full"},
	{"53200", "", engine.ClassSlowRetry, "out of memory"},
	{"22", engine.SideTarget, engine.ClassQuarantine, "a value does not fit"},
	{"23502", engine.SideTarget, engine.ClassQuarantine, "a value is missing"},
	{"23505", engine.SideTarget, engine.ClassQuarantine, "a value is there already"},
	{"23514", engine.SideTarget, engine.ClassQuarantine, "a check refuses it"},
	{"23503", engine.SideTarget, engine.ClassQuarantine, "its parent is not in the engine"},
	{"54000", engine.SideTarget, engine.ClassQuarantine, "a value is too long for an index"},
	{"28", "", engine.ClassStop, "not allowed to connect"},
	{"3D000", "", engine.ClassStop, "no such database"},
	{"42501", "", engine.ClassStop, "not permitted"},
	{"42P01", "", engine.ClassStop, "no such table"},
	{"42703", "", engine.ClassStop, "no such column"},
	{"XX00", "", engine.ClassStop, "corruption"},
	{"0A000", "", engine.ClassStop, "not supported"},
}

// Class gives the class of a SQLSTATE at a side.
func Class(side engine.Side, code string) engine.ErrorClass {
	best := rule{class: engine.ClassStop}
	for _, r := range table {
		if !strings.HasPrefix(code, r.prefix) || r.side != "" && r.side != side {
			continue
		}
		if len(r.prefix) > len(best.prefix) || len(r.prefix) == len(best.prefix) && best.side == "" {
			best = r
		}
	}
	return best.class
}

// Wrap classes an error of a database and says what was attempted. It gives nil for nil, and leaves an error alone that
// is classed already.
func Wrap(side engine.Side, doing string, err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*engine.DatabaseError](err); ok {
		return err
	}
	out := &engine.DatabaseError{Side: side, Doing: doing, Err: inOneLine(err), Class: engine.ClassStop}
	pg, isPg := errors.AsType[*pgconn.PgError](err)
	switch {
	case isPg:
		out.SQLState = pg.Code
		out.Class = Class(side, pg.Code)
	case errors.Is(err, context.DeadlineExceeded) && !isConnect(err):
		// A deadline of ours is the server's timeout by another clock; what comes too often ends the run.
		out.Class, out.SQLState = engine.ClassRetry, "57014"
	case broken(err):
		out.Class = engine.ClassReconnect
	}
	return out
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
