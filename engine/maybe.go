package engine

import (
	"bytes"
	"encoding/json"
)

// Maybe is a figure that may be unknown. Unknown is shown as "–" and written as JSON null, never as 0: an operator must
// be able to tell "none" from "not measured".
type Maybe[T any] struct {
	Value T
	Known bool
}

// Known wraps a figure that has been measured.
func Known[T any](v T) Maybe[T] { return Maybe[T]{Value: v, Known: true} }

// Or returns the figure, or the given one if it is unknown.
func (m Maybe[T]) Or(unknown T) T {
	if m.Known {
		return m.Value
	}
	return unknown
}

// MarshalJSON writes null for an unknown figure.
func (m Maybe[T]) MarshalJSON() ([]byte, error) {
	if !m.Known {
		return []byte("null"), nil
	}
	return json.Marshal(m.Value)
}

// UnmarshalJSON reads null as an unknown figure.
func (m *Maybe[T]) UnmarshalJSON(text []byte) error {
	*m = Maybe[T]{}
	if bytes.Equal(text, []byte("null")) {
		return nil
	}
	m.Known = true
	return json.Unmarshal(text, &m.Value) //nolint:wrapcheck // as json calls it
}
