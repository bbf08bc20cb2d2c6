package engine

import (
	"context"
	"time"
)

// The policies that bound how fast runs go. They count at once, for runs under way too, in every process.
const (
	PolicyThrottle  = "throttle"   // source rows a second at most, of all workers of all processes together
	PolicyBatchRows = "batch-rows" // rows of a batch at most
)

// PolicyDesk changes policies.
type PolicyDesk interface {
	// SetPolicy gives a policy another value, by name. It fails with ErrStateChanged if it has that value, and with ErrSealed.
	SetPolicy(ctx context.Context, name, value string, act Act) error
}

// PolicyView is one policy as it is in force.
type PolicyView struct {
	Name    string
	Value   string
	Default string
	By      string    // who set it; empty: it is as the engine database was made
	At      time.Time // when; zero likewise
	Reason  string    // why
}

// PaceView says how fast runs may go.
type PaceView struct {
	RowsPerSecond int64 // source rows at most, of all workers together; 0: as fast as they can
	BatchRows     int64 // rows of a batch at most; 0: batches adapt by themselves
	By            string
	At            time.Time
	Reason        string // why there is a throttle
}

// Throttled reports whether the active run is held to a rate.
func (s *Snapshot) Throttled() bool {
	return s.Pace.RowsPerSecond > 0 && s.Run != nil && s.Run.State == RunRunning
}

// Policy gives a policy by name; nil: it was not read.
func (s *Snapshot) Policy(name string) *PolicyView {
	for i := range s.Policies {
		if s.Policies[i].Name == name {
			return &s.Policies[i]
		}
	}
	return nil
}
