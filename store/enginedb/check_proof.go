package enginedb

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"time"

	"github.com/jackc/pgx/v5"

	"ferry/engine"
	"ferry/engine/check"
	"ferry/engine/cycle"
	"ferry/engine/entity"
	"ferry/store/sqlstate"
)

// Proof gives what is proven at this moment, by whichever check looked last at each range of ids. It is read apart from the
// snapshot because its cost rises with what differs.
func (db *DB) Proof(ctx context.Context) (engine.ProofView, error) {
	p := engine.ProofView{ByCause: map[engine.Cause]int64{}}
	err := pgx.BeginTxFunc(ctx, db.pool, readOnly, func(tx pgx.Tx) error {
		policies, err := currentPolicies(ctx, tx)
		if err != nil {
			return err
		}
		p.MaxAge = policies.ProofAge
		return readProof(ctx, tx, &p)
	})
	return p, sqlstate.Wrap(engine.SideTarget, "reading what is proven", err)
}

func readProof(ctx context.Context, tx pgx.Tx, p *engine.ProofView) error {
	var ids, proven int64
	never := false
	for _, e := range entity.All() {
		r, err := provenRanges(ctx, tx, e, p.MaxAge)
		if err != nil {
			return err
		}
		c := engine.CheckEntity{Name: e.Name, Compared: r.compared, Coverage: share(r.fresh, r.ids), ByCause: r.explained}
		for _, rows := range r.explained {
			c.Explained += rows
		}
		t, err := tallyRows(ctx, tx, `d.entity = $1`, e.Name)
		if err != nil {
			return err
		}
		c.Settled, c.InFlight = t.settled, t.inFlight
		for cause, rows := range t.byCause {
			c.ByCause[cause] += rows
		}
		p.Entities = append(p.Entities, c)
		p.Compared += c.Compared
		p.Settled += c.Settled
		p.InFlight += c.InFlight
		p.Explained += c.Explained
		for cause, rows := range c.ByCause {
			p.ByCause[cause] += rows
		}
		ids, proven = ids+r.ids, proven+r.fresh
		never = never || r.never
		p.OldestAt = earlier(p.OldestAt, r.oldest)
		if r.newest.After(p.NewestAt) {
			p.NewestAt = r.newest
		}
	}
	p.Coverage = share(proven, ids)
	if never {
		p.OldestAt = time.Time{}
	}
	if p.Compared > 0 {
		p.Agreement = engine.Known(max(0, float64(p.Compared-p.Settled)/float64(p.Compared)))
	}
	if err := readClean(ctx, tx, p); err != nil {
		return err
	}
	left, err := leftInFlight(ctx, tx)
	if err != nil {
		return err
	}
	p.Verdict, p.Why = check.JudgeProof(p, left)
	return nil
}

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// share is a part of a whole; all of nothing is everything.
func share(part, whole int64) float64 {
	if whole == 0 {
		return 1
	}
	return float64(part) / float64(whole)
}

// ranges sum up what is proven of an entity.
type ranges struct {
	ids            int64 // in the cells that hold rows, as far as is known here
	fresh          int64 // of them, those that were compared lately
	compared       int64
	explained      map[engine.Cause]int64
	never          bool // a range was never compared
	oldest, newest time.Time
}

func provenRanges(ctx context.Context, tx pgx.Tx, e *entity.Entity, age time.Duration) (ranges, error) {
	r := ranges{explained: map[engine.Cause]int64{}}
	var oldest, newest *time.Time
	var unproven int64
	var explained []byte
	err := tx.QueryRow(ctx, `SELECT (SELECT count(*) FROM (`+cellsOf(e, check.Cell)+`) c
				WHERE NOT EXISTS (SELECT FROM ferry.proof p WHERE p.entity = $1 AND p.low = c.low)), coalesce(sum(high - low), 0),
			coalesce(sum(high - low) FILTER (WHERE proven_at > clock_timestamp() - $2::interval), 0),
			coalesce(sum(compared), 0), min(proven_at), max(proven_at),
			(SELECT coalesce(jsonb_object_agg(key, rows), '{}') FROM (
				SELECT x.key, sum(x.value::bigint) AS rows FROM ferry.proof p, jsonb_each_text(p.explained) x WHERE p.entity = $1 GROUP BY 1) x)
		FROM ferry.proof WHERE entity = $1`, e.Name, age).Scan(&unproven, &r.ids, &r.fresh, &r.compared, &oldest, &newest, &explained)
	if err != nil {
		return r, err
	}
	r.ids += unproven * check.Cell
	r.never = unproven > 0
	r.oldest, r.newest = orZero(oldest), orZero(newest)
	return r, json.Unmarshal(explained, &r.explained)
}

// readClean reads when the last repair was, and when all was compared since and found equal.
func readClean(ctx context.Context, tx pgx.Tx, p *engine.ProofView) error {
	var repaired, clean *time.Time
	err := tx.QueryRow(ctx, `SELECT max(coalesce(finished_at, clock_timestamp())) FROM ferry.run WHERE kind = 'repair' AND started_at IS NOT NULL`).
		Scan(&repaired)
	if err != nil {
		return err
	}
	err = tx.QueryRow(ctx, `SELECT max(r.finished_at) FROM ferry.run r
		WHERE NOT r.writes AND r.state = 'done' AND r.verdict = 'pass' AND r.options->>'sort' <> 'rows' AND r.entities IS NULL
			AND ($1::timestamptz IS NULL OR r.created_at > $1)`, repaired).Scan(&clean)
	p.RepairedAt, p.CleanAt = orZero(repaired), orZero(clean)
	return err
}

// confirmedWithin is how long a rolling check may leave in flight what it has seen, before it is not proven any more.
const confirmedWithin = 3 * time.Minute

// leftInFlight counts the rows in flight that no check is about to confirm: one that goes on will, a rolling one soon.
func leftInFlight(ctx context.Context, tx pgx.Tx) (int64, error) {
	var rows int64
	err := tx.QueryRow(ctx, `SELECT count(DISTINCT (d.entity, d.row_id)) FROM ferry.discrepancy d
		WHERE d.state = 'in_flight' AND NOT EXISTS (SELECT FROM ferry.run r WHERE r.id = d.seen_run AND r.state = ANY($1)
			AND r.state NOT IN ('pausing', 'paused')
			AND (r.options->>'sort' <> 'rolling' OR d.version_at > clock_timestamp() - $2::interval))`, activeStates(), confirmedWithin).Scan(&rows)
	return rows, err
}

// rollEarly is the part of the age of a proof at which it is looked at again: looking at everything takes half of it.
const rollEarly = 0.4

// RollDue reports whether a rolling check should begin now: a cycle has been completed, none is active, and a range was not
// compared for so long that its turn has come.
func (db *DB) RollDue(ctx context.Context) (bool, error) {
	var due bool
	err := pgx.BeginTxFunc(ctx, db.pool, readOnly, func(tx pgx.Tx) error {
		var active bool
		err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM ferry.run WHERE NOT writes AND state = ANY($1) AND options->>'sort' = 'rolling')`,
			activeStates()).Scan(&active)
		if err != nil || active {
			return err
		}
		due, err = rollDue(ctx, tx)
		return err
	})
	return due, sqlstate.Wrap(engine.SideTarget, "looking whether a rolling check is due", err)
}

func rollDue(ctx context.Context, tx pgx.Tx) (bool, error) {
	policies, err := currentPolicies(ctx, tx)
	if err != nil || policies.ProofEvery == 0 {
		return false, err
	}
	var rest bool // somebody stopped the last one, or it failed: not again at once
	err = tx.QueryRow(ctx, `SELECT (`+readFrom+`) IS NULL OR EXISTS (SELECT FROM (
			SELECT state, finished_at FROM ferry.run WHERE NOT writes AND options->>'sort' = 'rolling' ORDER BY id DESC LIMIT 1) r
		WHERE state = 'cancelled' AND finished_at > clock_timestamp() - $1::interval / 2
			OR state IN ('failed', 'done') AND finished_at > clock_timestamp() - $1::interval / 10)`, policies.ProofEvery).Scan(&rest)
	if err != nil || rest {
		return false, err
	}
	if seal, err := readSeal(ctx, tx); seal != nil || err != nil { // no tick comes that could tell a fault from a change under way
		return false, err
	}
	return rangeDue(ctx, tx, policies)
}

// rangeDue reports whether any range of ids has its turn.
func rangeDue(ctx context.Context, tx pgx.Tx, policies cycle.Policies) (bool, error) {
	early := time.Duration(float64(policies.ProofEvery) * rollEarly)
	for _, e := range entity.All() {
		r, err := provenRanges(ctx, tx, e, early)
		if err != nil || r.fresh < r.ids {
			return true, err
		}
	}
	return false, nil
}

// Waiting says what of a check's differences may be a change under way, and when a cycle may come.
func (t *Target) Waiting(ctx context.Context, w cycle.Work) (check.Waiting, error) {
	out := check.Waiting{Ready: map[string][]int64{}}
	err := pgx.BeginTxFunc(ctx, t.db.pool, readOnly, func(tx pgx.Tx) error {
		roots := map[string]bool{}
		asked, err := readAsked(ctx, tx, w.Run)
		if err != nil {
			return err
		}
		entities, err := checkedEntities(ctx, tx, w.Run)
		if err != nil {
			return err
		}
		for _, c := range entities {
			e, err := entity.Lookup(c.Name)
			if err != nil {
				return err
			}
			names := rootNames(e)
			rows, ready, err := inFlight(ctx, tx, w.Run, names, c.Name, rowsAsked(asked, c.Name))
			if err != nil {
				return err
			}
			if rows == 0 {
				continue
			}
			out.Rows += rows
			if len(ready) > 0 {
				out.Ready[c.Name] = ready
			}
			for _, name := range names {
				roots[name] = true
			}
		}
		return t.db.readComing(ctx, tx, w, roots, &out)
	})
	return out, wrap("looking at what is in flight", err)
}

func rootNames(e *entity.Entity) []string {
	var names []string
	for _, of := range check.Roots(e) {
		names = append(names, of.Name)
	}
	return names
}

// inFlight gives how many rows of an entity are in flight, and of them some behind which a cycle of all its roots has ended.
func inFlight(ctx context.Context, tx pgx.Tx, run engine.RunID, roots []string, name string, rows []int64) (all int64, ready []int64, err error) {
	err = tx.QueryRow(ctx, `SELECT count(DISTINCT row_id) FROM ferry.discrepancy d WHERE state = 'in_flight' AND `+covered, run, name, rows).Scan(&all)
	if err != nil || all == 0 {
		return 0, nil, err
	}
	found, err := tx.Query(ctx, `SELECT DISTINCT row_id FROM ferry.discrepancy d WHERE state = 'in_flight' AND `+covered+`
		AND version_at < (SELECT CASE WHEN count(*) = cardinality($4::text[]) THEN min(read_from) END FROM (
			SELECT DISTINCT ON (entity) entity, read_from FROM ferry.floor WHERE entity = ANY($4) ORDER BY entity, run_id DESC) f)
		ORDER BY row_id LIMIT $5`, run, name, rows, roots, check.MostAgain)
	if err != nil {
		return 0, nil, err
	}
	ready, err = pgx.CollectRows(found, pgx.RowTo[int64])
	return all, ready, err
}

// readComing reads whether a cycle may come.
func (db *DB) readComing(ctx context.Context, tx pgx.Tx, w cycle.Work, roots map[string]bool, out *check.Waiting) error {
	names := []string{}
	for name := range maps.Keys(roots) {
		names = append(names, name)
	}
	var began *time.Time
	var now time.Time
	err := tx.QueryRow(ctx, `SELECT clock_timestamp(), (SELECT started_at FROM ferry.step WHERE run_id = $1 AND verb = 'confirm'), s.every, s.paused_by,
			(SELECT count(*) FROM ferry.worker WHERE keeps AND seen_at > clock_timestamp() - $2::interval),
			coalesce((SELECT array_agg(entity ORDER BY entity) FROM ferry.entity_pause WHERE entity = ANY($3)), '{}')
		FROM ferry.schedule s`, w.Run, db.silence, names).Scan(&now, &began, &out.Every, &out.PausedBy, &out.Keepers, &out.Held)
	if err != nil {
		return err
	}
	if began != nil {
		out.Since = now.Sub(*began)
	}
	seal, err := readSeal(ctx, tx)
	if err != nil {
		return err
	}
	if seal != nil {
		out.SealedBy = seal.By
	}
	err = tx.QueryRow(ctx, `SELECT id, state, state_by, error, coalesce(options->>'for' = $2::text, false) FROM ferry.run
		WHERE writes AND (kind <> 'repair' OR state = ANY($1)) ORDER BY state = ANY($1) DESC, id DESC LIMIT 1`, activeStates(), forCheck(w.Run)).
		Scan(&out.Run, &out.State, &out.StateBy, &out.Error, &out.AskedOf)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	return err
}
