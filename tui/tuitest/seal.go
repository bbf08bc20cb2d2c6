package tuitest

import (
	"context"
	"time"

	"ferry/engine"
)

// Sealed is the engine behind its cutover.
func Sealed() *engine.Snapshot {
	s := Done()
	s.Sealed = &engine.SealView{By: "sari@db2", At: Noon.Add(-18 * time.Minute), Reason: "cutover"}
	return s
}

// SealedAndDown is a sealed engine whose source is switched off, as it will be.
func SealedAndDown() *engine.Snapshot {
	s := Sealed()
	s.Source.DownSince, s.Source.NextTry = Noon.Add(-75*time.Second), Noon.Add(8*time.Second)
	s.Source.Err = "connect: dial tcp 10.0.4.7:5432: connect: connection refused"
	return s
}

// Viewing only looks on, for its role on the engine database lets it do no more.
func Viewing() *engine.Snapshot {
	s := Done()
	s.Viewer = "ferry_viewer"
	return s
}

// Seal is noted.
func (o *Operator) Seal(_ context.Context, confirm string, act engine.Act) error {
	return o.take(Call{Action: "seal", Act: act, Set: confirm})
}

// Unseal is noted; others wrote two rows.
func (o *Operator) Unseal(_ context.Context, confirm string, options engine.UnsealOptions, act engine.Act) (engine.Unsealed, error) {
	return engine.Unsealed{Written: 2}, o.take(Call{Action: "unseal", Act: act, Set: confirm, Again: options.Overwrite})
}
