package check

import (
	"context"
	"slices"
	"time"

	"ferry/engine"
	"ferry/engine/cycle"
	"ferry/engine/entity"
)

// Bounded is an engine that is proven without a record of it.
type Bounded interface {
	Engine
	// Highest is an entity's highest id in the engine, in quarantine, among extras and among what differed.
	Highest(ctx context.Context, e *entity.Entity) (int64, error)
}

// Here compares in this process, and writes nothing: what may be a change under way stays in flight, for no cycle is waited for.
// Each look is given to each. It ends at until, if that is a time, with what it has covered.
func (r *Runner) Here(
	ctx context.Context, of Bounded, rules entity.Rules, entities []string, until time.Time, each func(Seen) error,
) (*engine.CheckView, error) {
	v := &engine.CheckView{RunView: engine.RunView{Kind: engine.RunCheck, State: engine.RunDone}, Done: 1}
	var all, covered int64
	for _, e := range entity.All() {
		if len(entities) > 0 && !slices.Contains(entities, e.Name) {
			continue
		}
		high, err := r.highest(ctx, of, e)
		if err != nil {
			return nil, err
		}
		p := newPass(e.Name, high, nil)
		c := engine.CheckEntity{Name: e.Name, Coverage: 1, ByCause: map[engine.Cause]int64{}}
		all += p.high
		for low := int64(0); low < p.high; low += Cell {
			if !until.IsZero() && time.Now().After(until) {
				c.Coverage = float64(low) / float64(p.high)
				break
			}
			s, err := r.Look(ctx, of, e, rules, cycle.Scope{Low: low, High: low + Cell})
			if err != nil {
				return nil, err
			}
			covered += Cell
			add(&c, s)
			if err := each(s); err != nil {
				return nil, err
			}
		}
		v.Entities = append(v.Entities, c)
		v.Compared += c.Compared
		v.Settled += c.Settled
		v.InFlight += c.InFlight
		v.Explain += c.Explained
	}
	v.Coverage = 1
	if all > 0 {
		v.Coverage = float64(covered) / float64(all)
	}
	if v.InFlight > 0 {
		v.Why = differ(v.InFlight) + " may be changes under way, and this process, which writes nothing, waits for no cycle behind them"
	}
	v.Verdict, v.Why = Judge(v)
	return v, nil
}

// highest is an entity's highest id on either side.
func (r *Runner) highest(ctx context.Context, of Bounded, e *entity.Entity) (int64, error) {
	limited, end := context.WithTimeout(ctx, lookLimit)
	defer end()
	snap, err := r.Source.Look(limited)
	if err != nil {
		return 0, err
	}
	defer snap.Close()
	source, err := snap.MaxID(limited, e)
	if err != nil {
		return 0, err
	}
	target, err := of.Highest(ctx, e)
	if err != nil {
		return 0, err
	}
	return max(source, target), possible(e, target)
}

// add counts a look, by rows: one with several wrong fields counts once, and as settled if one of them is.
func add(c *engine.CheckEntity, s Seen) {
	settled := map[int64]engine.Cause{}
	for _, d := range s.Differences {
		if _, known := settled[d.Row]; d.Settled && !known {
			settled[d.Row] = d.Cause
		}
	}
	c.Compared += s.Rows
	c.Settled += int64(len(settled))
	c.InFlight += rowsIn(s.Differences) - int64(len(settled))
	for _, cause := range settled {
		c.ByCause[cause]++
	}
	for cause, rows := range s.Explained {
		c.ByCause[cause] += rows
		c.Explained += rows
	}
}
