package engine

import (
	"errors"
	"fmt"
	"strings"
)

// Sentinel errors. Each is wrapped with what was found; errors.Is decides exit codes and what a screen offers.
var (
	// ErrRunActive: another writing run holds the entities.
	ErrRunActive = errors.New("another run is active")
	// ErrNotInitialised: the engine database has no ferry schema yet.
	ErrNotInitialised = errors.New("the engine database is not initialised")
	// ErrSchemaNewer: the schema was made by a newer ferry.
	ErrSchemaNewer = errors.New("the engine database was initialised by a newer ferry")
	// ErrSchemaOlder: the schema was made by an older ferry and wants migrating.
	ErrSchemaOlder = errors.New("the engine database was initialised by an older ferry")
	// ErrShape: tables exist but do not have the shape that ferry needs.
	ErrShape = errors.New("tables do not have the expected shape")
	// ErrUnsafeSource: the source role could write, or the source is the target.
	ErrUnsafeSource = errors.New("unsafe source")
	// ErrReadOnly: this process may look but not act.
	ErrReadOnly = errors.New("read-only")
	// ErrFenced: the batch's run was cancelled, superseded, or the batch was handed to another worker.
	ErrFenced = errors.New("refused: the batch is no longer this worker's")
	// ErrStateChanged: the run is not in the state that the operator saw.
	ErrStateChanged = errors.New("the run changed meanwhile")
	// ErrNeedsAnswer: the run waits for an operator's answer.
	ErrNeedsAnswer = errors.New("the run needs an answer")
	// ErrNoSuchRow: the row is not in quarantine.
	ErrNoSuchRow = errors.New("no such row in quarantine")
	// ErrUnreachable: a database does not answer.
	ErrUnreachable = errors.New("unreachable")
	// ErrBadFilter: the database cannot apply a filter, or not in time; or the list has no such column.
	ErrBadFilter = errors.New("the filter cannot be applied")
	// ErrUnkeyed: a first load fills the engine's tables without keys, and has not come to its end.
	ErrUnkeyed = errors.New("the engine's tables have no keys yet")
	// ErrForbidden: the engine database does not let this process's role do it.
	ErrForbidden = errors.New("the engine database does not let this role do that")
	// ErrSealed: the engine is sealed, so nothing of ferry writes its rows.
	ErrSealed = errors.New("the engine is sealed")
	// ErrNoSuchRun: the run does not exist.
	ErrNoSuchRun = errors.New("no such run")
)

// refusal is one of the sentinels, in the words of the case at hand.
type refusal struct {
	why  error
	text string
}

func (r *refusal) Error() string { return r.text }

func (r *refusal) Unwrap() error { return r.why }

// Refuse makes an error that is one of the sentinels and reads as given: what an operator is told is one whole sentence,
// without the sentinel's own words before it.
func Refuse(why error, format string, args ...any) error {
	return &refusal{why, fmt.Sprintf(format, args...)}
}

// IsRefusal reports whether an error says that an action was not carried out because of how things stand, rather than that
// something failed.
func IsRefusal(err error) bool {
	_, ok := errors.AsType[*refusal](err)
	return ok
}

// Side is the database at which an error arose.
type Side string

// The two sides.
const (
	SideSource Side = "source"
	SideTarget Side = "engine"
)

// ErrorClass is what is done about an error; the table that assigns classes to SQLSTATEs is in package store/sqlstate.
type ErrorClass string

// The classes of errors.
const (
	ClassRetry      ErrorClass = "retry"      // the same statement may succeed at once: serialisation, deadlock, lock timeout
	ClassReconnect  ErrorClass = "reconnect"  // the session is gone; retry on a new one
	ClassSlowRetry  ErrorClass = "slow-retry" // retry, and tell the operator: disk full, out of memory
	ClassStop       ErrorClass = "stop"       // waiting cures nothing; the run fails and says why
	ClassQuarantine ErrorClass = "quarantine" // one row is at fault; find it and set it aside
)

// DatabaseError is an error of one of the two databases, classed and stripped of secrets.
type DatabaseError struct {
	Side     Side
	Class    ErrorClass
	SQLState string // empty when no server answered
	Doing    string // what was attempted, in words
	Err      error
}

// Error names the side and what was attempted.
func (e *DatabaseError) Error() string {
	if e.SQLState == "" || strings.Contains(e.Err.Error(), e.SQLState) {
		return fmt.Sprintf("%s: %s: %v", e.Side, e.Doing, e.Err)
	}
	return fmt.Sprintf("%s: %s: %v (SQLSTATE %s)", e.Side, e.Doing, e.Err, e.SQLState)
}

// Unwrap gives the driver's error.
func (e *DatabaseError) Unwrap() error { return e.Err }

// ClassOf gives the class of an error: Stop unless a database said otherwise, for an unknown error is never skipped.
func ClassOf(err error) ErrorClass {
	if db, ok := errors.AsType[*DatabaseError](err); ok {
		return db.Class
	}
	return ClassStop
}
