package check

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"ferry/engine"
	"ferry/engine/cycle"
	"ferry/engine/entity"
)

// Waiting is what stands between a check's differences in flight and the cycle that settles them.
type Waiting struct {
	Rows  int64              // in flight, of what the check has looked at
	Ready map[string][]int64 // of them, by entity and in order, some behind which a cycle has ended since they were seen
	Since time.Duration      // for how long the check has been confirming

	Every    time.Duration // between ticks
	Keepers  int           // processes that start ticks
	PausedBy string        // who holds ticks back; empty: nobody
	SealedBy string        // who sealed the engine, so that no cycle can come; empty: nobody
	Held     []string      // entities that no cycle reads
	Run      engine.RunID  // the last run that writes; 0: there was none
	State    engine.RunState
	StateBy  string
	Error    string
	AskedOf  bool // this check has begun that run
}

// leastPatience is how long a check waits at least for a cycle that may not come.
const leastPatience = 2 * time.Minute

// MostAgain bounds the rows of an entity that one attempt looks at again.
const MostAgain = 5 * RowsBatch

// confirm looks again at what may be a change under way, once a cycle has ended that was planned behind the look before. It
// holds no worker while it waits for one.
func (r *Runner) confirm(ctx context.Context, t cycle.Target, w cycle.Work) error {
	target, ok := t.(Target)
	if !ok {
		return errNoChecks
	}
	began := time.Now()
	waiting, err := target.Waiting(ctx, w)
	if err != nil {
		return err
	}
	if waiting.Rows == 0 {
		return r.write(ctx, target, w, began, func(Findings, *engine.Counts) (bool, error) { return false, nil })
	}
	if len(waiting.Ready) > 0 {
		return r.again(ctx, target, w, waiting, began)
	}
	next := r.next(waiting)
	if next.ask {
		if err := target.AskCycle(ctx, w); err != nil && !errors.Is(err, engine.ErrRunActive) {
			return err
		}
	}
	return r.write(ctx, target, w, began, func(tx Findings, _ *engine.Counts) (bool, error) {
		if next.giveUp {
			return false, tx.GiveUp(ctx, fmt.Sprintf("%s may be changes under way; it waited %s for a cycle behind them, but %s",
				differ(waiting.Rows), waiting.Since.Round(time.Second), next.why))
		}
		return true, tx.Wait(ctx, next.why, cmp.Or(r.Again, 750*time.Millisecond))
	})
}

// again looks at the rows behind which a cycle has ended.
func (r *Runner) again(ctx context.Context, target Target, w cycle.Work, waiting Waiting, began time.Time) error {
	seen, err := r.ready(ctx, target, w, waiting)
	if err != nil {
		return err
	}
	return r.write(ctx, target, w, began, func(tx Findings, _ *engine.Counts) (bool, error) {
		for _, s := range seen {
			if err := tx.Keep(ctx, s); err != nil {
				return false, err
			}
		}
		return true, tx.Wait(ctx, "", time.Millisecond)
	})
}

// ready looks once more at the rows behind which a cycle has ended.
func (r *Runner) ready(ctx context.Context, target Target, w cycle.Work, waiting Waiting) ([]Seen, error) {
	var seen []Seen
	for _, e := range entity.All() {
		for ids := range slices.Chunk(waiting.Ready[e.Name], RowsBatch) {
			looks, err := r.looks(ctx, target, e, w.Rules, []cycle.Scope{rowsOf(ids)})
			if err != nil {
				return nil, err
			}
			for _, s := range looks {
				s.Again = true
				seen = append(seen, s)
			}
		}
	}
	return seen, nil
}

// nextMove is what a check does about differences in flight behind which no cycle has ended yet.
type nextMove struct {
	ask    bool   // for a cycle
	giveUp bool   // what is in flight stays so
	why    string // what it waits for, or waited for in vain
}

// next decides whether to wait, to ask for a cycle, or to give up. A cycle that surely comes is waited for longer; a row that
// changes again and again behind each of them would else keep a check for ever.
func (r *Runner) next(w Waiting) nextMove {
	patience := cmp.Or(r.Patience, max(leastPatience, 3*w.Every))
	n := nextMove{}
	coming := false
	switch {
	case w.SealedBy != "":
		return nextMove{giveUp: true, why: fmt.Sprintf("the engine is sealed by %s, so none can come (`ferry unseal` opens it again)", w.SealedBy)}
	case w.State == engine.RunAsking:
		n.why = fmt.Sprintf("run #%d needs an answer (`ferry answer %[1]d accept` or `stop`)", w.Run)
	case w.State == engine.RunPaused || w.State == engine.RunPausing:
		n.why = fmt.Sprintf("run #%d is %s by %s (`ferry resume --run %[1]d` lets it go on)", w.Run, w.State, orFerry(w.StateBy))
	case w.State.Active():
		coming = true
		n.why = fmt.Sprintf("run #%d is still %s", w.Run, w.State)
	case w.PausedBy != "":
		n.why = fmt.Sprintf("ticks are paused by %s (`ferry resume --schedule` lets them come)", w.PausedBy)
	case len(w.Held) > 0:
		n.why = fmt.Sprintf("%s is held, so no cycle reads it (`ferry resume --entity %[1]s`)", w.Held[0])
		n.ask = w.Keepers == 0 && !w.AskedOf
	case w.State == engine.RunFailed:
		n.why = fmt.Sprintf("run #%d failed: %s", w.Run, w.Error)
		n.ask = w.Keepers == 0 && !w.AskedOf
	case w.Keepers > 0:
		coming = true
		n.why = "no tick has ended since"
	default:
		coming, n.ask = true, true
		n.why = "no cycle that it asked for has ended since"
	}
	limit := patience
	if coming {
		limit = 3 * patience
	}
	if w.Since > limit {
		return nextMove{giveUp: true, why: n.why}
	}
	return n
}

func orFerry(by string) string { return cmp.Or(by, "ferry") }

// differ says how many rows differ.
func differ(rows int64) string {
	if rows == 1 {
		return "1 row differs and"
	}
	return fmt.Sprintf("%d rows differ and", rows)
}
