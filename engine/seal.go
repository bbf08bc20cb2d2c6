package engine

import (
	"context"
	"time"
)

// SealView is the seal that is on the engine.
type SealView struct {
	By     string    `json:"by"`
	At     time.Time `json:"at"`
	Reason string    `json:"reason"`
}

// String says who sealed the engine, since when and why: "sealed by sari@db2 since 2025-11-03T21:04:11Z (cutover)".
func (s *SealView) String() string {
	text := "sealed by " + s.By + " since " + s.At.Format(time.RFC3339)
	if s.Reason != "" {
		text += " (" + s.Reason + ")"
	}
	return text
}

// Refusal is what is said of an action that the seal is in the way of.
func (s *SealView) Refusal() error {
	return Refuse(ErrSealed, "the engine is %s: nothing of ferry writes it, in any process, so that what the engine itself writes stays; "+
		"`ferry unseal` opens it again", s)
}

// Sealer closes the engine to ferry, and opens it again.
//
// Sealed, nothing of ferry writes the engine's rows, in any process: no run begins, goes on or commits, and nothing is changed that
// a later run would write by. Looking, checking, pausing and cancelling go on.
type Sealer interface {
	// Seal closes the engine once a scheduled tick under way has ended. confirm is the engine database's name, typed. It fails with
	// ErrRunActive while another writing run is active, with ErrUnkeyed while the tables have no keys, with ErrSealed if it is sealed
	// already, and with ErrStateChanged if the name is another.
	Seal(ctx context.Context, confirm string, act Act) error
	// Unseal opens the engine again, and pauses the ticks until somebody resumes them. It fails with ErrStateChanged if the engine
	// is not sealed, or the name is another.
	Unseal(ctx context.Context, confirm string, o UnsealOptions, act Act) (Unsealed, error)
}

// UnsealOptions say what is to become of rows that others wrote while the engine was sealed.
type UnsealOptions struct {
	// Overwrite lets later runs overwrite them, those of earlier seals too. Else they are the engine's own: a run that meets one
	// with other content sets the source's row aside as engine_owned.
	Overwrite bool
}

// Unsealed says what others did while the engine was sealed.
type Unsealed struct {
	Written int64 // rows from Odoo that they wrote
	Deleted int64 // rows from Odoo that they deleted
}
