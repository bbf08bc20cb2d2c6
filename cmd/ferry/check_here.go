package main

import (
	"context"
	"fmt"
	"time"

	"ferry/engine"
	"ferry/engine/check"
	"ferry/engine/entity"
)

// checkHere compares in this process and keeps no record: its sessions on the engine database cannot write.
func (f *ferry) checkHere(ctx context.Context, c *crossing, o engine.CheckOptions) (*engine.Snapshot, error) {
	if _, err := fitSource(ctx, c.source); err != nil {
		return nil, err
	}
	rules, err := c.target.Rules(ctx)
	if err != nil {
		return nil, err
	}
	began, until := time.Now(), time.Time{}
	if o.MaxDuration > 0 {
		until = began.Add(o.MaxDuration)
	}
	var said time.Time
	runner := &check.Runner{Source: c.source}
	v, err := runner.Here(ctx, c.target, rules, o.Entities, until, func(s check.Seen) error {
		if time.Since(said) >= time.Second {
			said = time.Now()
			fmt.Fprintf(f.err, "comparing %s up to %d\n", s.Entity, s.Scope.High)
		}
		return f.tellSeen(ctx, c, s)
	})
	if err != nil {
		if ctx.Err() != nil {
			return nil, err
		}
		return nil, unchecked("%s", err)
	}
	s, err := c.target.Read(ctx)
	if err != nil {
		return nil, err
	}
	v.StartedAt, v.FinishedAt = began, time.Now()
	s.Run, s.Check = &v.RunView, v
	return s, nil
}

// tellSeen lists what a look found, and the extras among its rows.
func (f *ferry) tellSeen(ctx context.Context, c *crossing, s check.Seen) error {
	if s.Explained[engine.CauseDeletedAtSource] > 0 {
		e, err := entity.Lookup(s.Entity)
		if err != nil {
			return err
		}
		extras, err := c.target.Extras(ctx, e, s.Scope.Low, s.Scope.High)
		if err != nil {
			return err
		}
		for _, id := range extras {
			d := engine.Discrepancy{Entity: s.Entity, Row: id, Cause: engine.CauseDeletedAtSource, State: engine.DiscrepancyExplained}
			if err := f.tellDiscrepancy(d); err != nil {
				return err
			}
		}
	}
	for _, one := range s.Differences {
		d := engine.Discrepancy{
			Entity: one.Entity, Row: one.Row, Field: one.Field, Source: one.Source, Expected: one.Expected, Target: one.Target, Cause: one.Cause,
			State: engine.DiscrepancyInFlight,
		}
		if one.Settled {
			d.State = engine.DiscrepancySettled
		}
		if err := f.tellDiscrepancy(d); err != nil {
			return err
		}
	}
	return nil
}
