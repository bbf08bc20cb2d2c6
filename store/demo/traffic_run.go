package demo

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"ferry/engine"
	"ferry/store/sqlstate"
)

const (
	// maxTries is Odoo's MAX_TRIES_ON_CONCURRENCY_FAILURE.
	maxTries = 5
	// firstPause is doubled with each try and drawn from, as Odoo does; Odoo begins with two seconds.
	firstPause = 4 * time.Millisecond

	// A database that is away is looked for at growing distances.
	firstBackoff = 50 * time.Millisecond
	lastBackoff  = 2 * time.Second

	// maxLag is how far the traffic catches up after it was held up; what is older never happens.
	maxLag = time.Second

	// redraws bounds the search for a kind that may run now.
	redraws = 10
)

// How a transaction may end other than by COMMIT.
var (
	errNothing    = errors.New("there is no row that it could be done to")
	errRolledBack = errors.New("rolled back on purpose")
	errStopped    = errors.New("rolled back because the traffic stops")
	errUnknown    = errors.New("the connection was lost during COMMIT") // it may have happened, so it isn't repeated
)

// job is one transaction to be made. All of its chance comes from its seed, so that another try does the same again.
type job struct {
	kind kind
	seed uint64
	hold time.Duration // stays open so long before it commits
}

// arrivals draws the transactions and when they come, each independent of those before.
func (t *Traffic) arrivals() {
	defer close(t.jobs)
	rng := t.random(0)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for next := time.Now(); ; {
		next = next.Add(gap(rng, t.opts.Rate))
		if oldest := time.Now().Add(-maxLag); next.Before(oldest) {
			next = oldest
		}
		timer.Reset(time.Until(next))
		select {
		case <-timer.C:
		case <-t.soft.Done():
			return
		}
		j, ok := t.draw(rng)
		if !ok {
			continue
		}
		select {
		case t.jobs <- j:
		case <-t.soft.Done():
			return
		}
	}
}

// gap is the time to the next of events that are independent of each other.
func gap(rng *rand.Rand, rate float64) time.Duration {
	return time.Duration(rng.ExpFloat64() / rate * float64(time.Second))
}

// draw chooses a kind by its weight. A heavy one that may not run now is drawn again.
func (t *Traffic) draw(rng *rand.Rand) (job, bool) {
	for range redraws {
		x, seed := rng.Float64()*t.total, rng.Uint64()
		k := t.kinds[len(t.kinds)-1]
		for _, candidate := range t.kinds {
			if x < candidate.weight {
				k = candidate
				break
			}
			x -= candidate.weight
		}
		if !k.heavy || t.heavy.begin() {
			return job{kind: k, seed: seed}, true
		}
	}
	return job{}, false
}

// linger makes long transactions one after the other, with rests between them: a floor that is always pinned would show
// nothing.
func (t *Traffic) linger(ctx context.Context, rng *rand.Rand) {
	for {
		hold := t.opts.HoldMin + time.Duration(rng.Float64()*float64(t.opts.HoldMax-t.opts.HoldMin))
		t.run(ctx, job{kind: late, seed: rng.Uint64(), hold: hold})
		if !t.pause(time.Duration(rng.Float64() * float64(t.opts.HoldMax))) {
			return
		}
	}
}

// pause waits, and reports whether the traffic goes on.
func (t *Traffic) pause(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return t.soft.Err() == nil
	case <-t.soft.Done():
		return false
	}
}

// run makes a transaction, with as many tries as Odoo would take against conflicts, and without limit while the database
// is away.
func (t *Traffic) run(ctx context.Context, j job) {
	if j.kind.heavy {
		defer t.heavy.end(time.Now())
	}
	backoff := firstBackoff
	for try := 1; ; {
		err := t.attempt(ctx, j)
		if t.settled(j, err) {
			return
		}
		wait := rand.N(firstPause << try) //nolint:gosec // only a pause: what happens depends on the seed
		if engine.ClassOf(err) == engine.ClassRetry {
			try++
			if try > maxTries {
				t.log.DebugContext(ctx, "traffic gave up on a conflict", "kind", j.kind.name, "error", err)
				return
			}
		} else {
			t.failure(err)
			t.log.WarnContext(ctx, "traffic waits for the database", "kind", j.kind.name, "error", err)
			wait = backoff/2 + rand.N(backoff) //nolint:gosec // likewise
			backoff = min(2*backoff, lastBackoff)
		}
		if !t.pause(wait) {
			return
		}
	}
}

// settled reports whether there is nothing more to try, and records an error that ended the matter.
func (t *Traffic) settled(j job, err error) bool {
	switch {
	case err == nil, errors.Is(err, errNothing), errors.Is(err, errStopped):
		return true
	case errors.Is(err, errRolledBack):
		t.committed(j.kind.name, nil)
		return true
	case t.soft.Err() != nil:
		return true
	}
	if db, ok := errors.AsType[*engine.DatabaseError](err); ok && !errors.Is(err, errUnknown) {
		switch {
		case slices.Contains(refusals, db.SQLState):
			t.log.Debug("traffic was refused", "kind", j.kind.name, "error", err)
			return true
		case db.Class != engine.ClassStop, db.Doing == connecting:
			return false
		}
	}
	t.failure(err)
	t.log.Warn("a transaction of the traffic failed", "kind", j.kind.name, "error", err)
	return true
}

// refusals are what Odoo shows its user a message for: a code that somebody has, a parent that has just gone, a card that
// has just got a move.
var refusals = []string{"23505", "23503", "23001"}

// connecting is worth waiting for whatever the server answers: one that starts, stops, is full or is being replaced.
const connecting = "connecting"

// failed says what was attempted and classes the error.
func failed(doing string, err error) error { return sqlstate.Wrap(engine.SideSource, doing, err) }

// attempt makes a transaction once.
func (t *Traffic) attempt(ctx context.Context, j job) error {
	conn, err := t.pool.Acquire(t.soft) //nolint:contextcheck // nothing to wait for once the traffic stops
	if err != nil {
		return failed(connecting, err)
	}
	defer conn.Release()
	tx, err := conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead})
	if err != nil {
		return failed("beginning", err)
	}
	defer tx.Rollback(ctx) //nolint:errcheck // after COMMIT it does nothing, and what is broken is discarded by the pool
	w := &work{
		tx: tx, world: &t.world, rng: rand.New(rand.NewPCG(j.seed, 0)), //nolint:gosec // must be repeatable
		claims: j.hold > 0,
	}
	defer func() { t.world.release(w.claimed) }()
	if err := j.kind.do(w, ctx); err != nil {
		return failed(j.kind.name, err)
	}
	if j.hold > 0 && !t.pause(j.hold) {
		return errStopped
	}
	return t.commit(ctx, j, w)
}

func (t *Traffic) commit(ctx context.Context, j job, w *work) error {
	c := Commit{Kind: j.kind.name, Rows: w.rows()}
	var err error
	if t.opts.Witness != nil {
		if c.Seen, err = t.opts.Witness(ctx, w.tx, c.Rows); err != nil {
			return failed("before COMMIT", err)
		}
	}
	err = w.tx.QueryRow(ctx, `SELECT coalesce(pg_current_xact_id_if_assigned()::text, '0')::bigint, now(), clock_timestamp()`).
		Scan(&c.XID, &c.Started, &c.Server)
	if err != nil {
		return failed("before COMMIT", err)
	}
	err = w.tx.Commit(ctx)
	c.Committed = time.Now()
	if err != nil {
		err = failed("COMMIT", err)
		if engine.ClassOf(err) == engine.ClassReconnect {
			return errors.Join(errUnknown, err)
		}
		return err
	}
	t.world.remember(c.Rows, w)
	t.committed(j.kind.name, &c)
	return nil
}
