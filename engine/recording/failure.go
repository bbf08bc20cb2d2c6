package recording

import (
	"context"
	"errors"

	"ferry/engine"
	"ferry/engine/redact"
)

// failure is an error as it is recorded: its words, and what errors.Is and errors.As tell of it.
type failure struct {
	Text    string          `json:"text"`
	Kinds   []string        `json:"kinds,omitempty"`   // names of kinds
	Refused bool            `json:"refused,omitempty"` // engine.IsRefusal
	At      *failedDatabase `json:"database,omitempty"`
}

// failedDatabase is an engine.DatabaseError.
type failedDatabase struct {
	Side     engine.Side       `json:"side"`
	Class    engine.ErrorClass `json:"class"`
	SQLState string            `json:"sqlstate"`
	Doing    string            `json:"doing"`
}

// kinds are the errors that callers tell apart, by the names that recordings have for them.
var kinds = []struct {
	name string
	err  error
}{
	{"run-active", engine.ErrRunActive},
	{"not-initialised", engine.ErrNotInitialised},
	{"schema-newer", engine.ErrSchemaNewer},
	{"schema-older", engine.ErrSchemaOlder},
	{"shape", engine.ErrShape},
	{"unsafe-source", engine.ErrUnsafeSource},
	{"read-only", engine.ErrReadOnly},
	{"fenced", engine.ErrFenced},
	{"state-changed", engine.ErrStateChanged},
	{"needs-answer", engine.ErrNeedsAnswer},
	{"no-such-row", engine.ErrNoSuchRow},
	{"unreachable", engine.ErrUnreachable},
	{"bad-filter", engine.ErrBadFilter},
	{"unkeyed", engine.ErrUnkeyed},
	{"forbidden", engine.ErrForbidden},
	{"sealed", engine.ErrSealed},
	{"no-such-run", engine.ErrNoSuchRun},
	{"deadline", context.DeadlineExceeded},
}

// fail writes an error down.
func fail(err error) *failure {
	f := &failure{Text: redact.Text(err.Error()), Refused: engine.IsRefusal(err)}
	for _, k := range kinds {
		if errors.Is(err, k.err) {
			f.Kinds = append(f.Kinds, k.name)
		}
	}
	if db, ok := errors.AsType[*engine.DatabaseError](err); ok {
		f.At = &failedDatabase{db.Side, db.Class, db.SQLState, redact.Text(db.Doing)}
	}
	return f
}

// restored is an error out of a recording.
type restored struct {
	text string
	is   []error
}

func (r *restored) Error() string { return r.text }

func (r *restored) Unwrap() []error { return r.is }

// restore makes the error again.
func (f *failure) restore() error {
	r := &restored{text: f.Text}
	for _, name := range f.Kinds {
		for _, k := range kinds {
			if k.name == name {
				r.is = append(r.is, k.err)
			}
		}
	}
	if f.At != nil {
		r.is = append(r.is, &engine.DatabaseError{
			Side: f.At.Side, Class: f.At.Class, SQLState: f.At.SQLState, Doing: f.At.Doing, Err: errors.New(f.Text),
		})
	}
	if f.Refused {
		return engine.Refuse(r, "%s", f.Text)
	}
	return r
}
