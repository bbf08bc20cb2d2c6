package enginedb

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/jackc/pgx/v5"

	"ferry/engine"
	"ferry/engine/cycle"
	"ferry/engine/entity"
)

// Plan makes the run's steps from a plan. Parents are loaded before children, points are settled once after the ledgers
// unless the loads do it themselves, and sweeps come last, children first.
func (l *load) Plan(ctx context.Context, plan cycle.Plan) error {
	return wrap("storing the plan", l.plan(ctx, plan))
}

func (l *load) plan(ctx context.Context, plan cycle.Plan) error {
	if err := lockOpen(ctx, l.tx, l.w.Run); err != nil { // before the run, as everywhere
		return err
	}
	whole := plan.WhyFull != "" || l.w.Kind == engine.RunFull
	first := false
	filtered := slices.ContainsFunc(plan.Entities, func(p cycle.EntityPlan) bool { return p.Since != "" })
	if whole && !filtered && len(plan.Entities) == len(entity.All()) {
		var err error
		if first, err = emptyTarget(ctx, l.tx); err != nil {
			return err
		}
	}
	_, err := l.tx.Exec(ctx, `UPDATE ferry.run SET first = $2, why_full = $3, floor = $4::text::xid8, next_xid = $5::text::xid8, timeline = $6,
			incarnation = $7, pinned_by = $8, read_from = (SELECT started_at FROM ferry.batch WHERE id = $9) WHERE id = $1`,
		l.w.Run, first, plan.WhyFull, string(plan.State.Floor), string(plan.State.Next), plan.State.Timeline,
		plan.State.Incarnation, plan.State.PinnedBy, l.w.Batch)
	if err != nil {
		return err
	}
	for _, note := range plan.Notes {
		if err := record(ctx, l.tx, entry{Action: "note", Run: l.w.Run, Outcome: note}); err != nil {
			return err
		}
	}
	for _, p := range plan.Entities {
		if err := ensureState(ctx, l.tx, l.w.Run, p); err != nil {
			return err
		}
	}
	for _, p := range plan.Entities {
		if p.Done != nil {
			l.part(p.Entity.Name, *p.Done)
		}
	}
	m := &stepMaker{tx: l.tx, w: l.w, plan: plan, first: first}
	return m.makeFirst(ctx)
}

// emptyTarget reports whether all of the engine's tables are empty.
func emptyTarget(ctx context.Context, tx pgx.Tx) (bool, error) {
	for _, e := range entity.All() {
		var some bool
		if err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM `+public(e)+`)`).Scan(&some); err != nil || some {
			return false, err
		}
	}
	return true, nil
}

// ensureState sees that the engine's rows of an entity are counted, once; from then on every batch keeps the figure. It also
// remembers the source's columns.
func ensureState(ctx context.Context, tx pgx.Tx, run engine.RunID, p cycle.EntityPlan) error {
	columns, err := json.Marshal(p.Shape.Columns)
	if err != nil {
		return err
	}
	tag, err := tx.Exec(ctx, `UPDATE ferry.entity_state SET columns = $2 WHERE entity = $1`, p.Entity.Name, columns)
	if err != nil || tag.RowsAffected() > 0 {
		return err
	}
	_, err = tx.Exec(ctx, `INSERT INTO ferry.entity_state
			(entity, run_id, counted_at, source_rows, target_rows, quarantined, waiting, stale, extra, columns, exact)
		SELECT $1, $2, clock_timestamp(), 0, count(*), 0, 0, 0, 0, $3, false FROM `+public(p.Entity)+` WHERE `+ident(p.Entity.OdooID)+` IS NOT NULL`,
		p.Entity.Name, run, columns)
	return err
}

// stepMaker stores the steps of a plan, in order.
type stepMaker struct {
	tx    pgx.Tx
	w     cycle.Work
	plan  cycle.Plan
	first bool
	seq   int
}

// newStep is one step to be stored. Ids above Low up to High are to be carved.
type newStep struct {
	verb      engine.StepVerb
	of        cycle.EntityPlan
	low, high int64
	width     int64
	since     cycle.Floor
	beyond    int64          // above it only what the engine knows counts
	done      *engine.Counts // it is carried out already
	beside    bool           // it needs nothing of the step before it
}

func (m *stepMaker) add(ctx context.Context, s newStep) error {
	m.seq++
	state, counts, batches := engine.StepWaiting, engine.Counts{}, 0
	if s.done != nil {
		state, counts = engine.StepDone, *s.done
		if counts.Read > 0 {
			batches = 1
		}
		if err := addTarget(ctx, m.tx, s.of.Entity.Name, counts.Inserted-counts.Deleted); err != nil {
			return err
		}
	}
	args := []any{
		m.w.Run, m.seq, string(s.verb), s.of.Entity.Name, s.low, s.high, s.width, s.of.Rows, s.of.Estimated,
		string(m.plan.State.Floor), string(s.since), s.of.Shape.Read, string(state), batches, s.beyond, s.beside,
	}
	_, err := m.tx.Exec(ctx, `INSERT INTO ferry.step (run_id, seq, verb, entity, low, carved, high, width, source_rows, source_estimated, floor, since, shape,
			state, batches_done, source_high, beside, started_at, finished_at, `+countList("")+`)
		VALUES ($1, $2, $3, $4, $5, $5, $6, $7, $8, $9, $10::text::xid8, nullif($11::text, '')::xid8, $12, $13, $14, $15, $16,
			CASE WHEN $13 = 'done' THEN clock_timestamp() END, CASE WHEN $13 = 'done' THEN clock_timestamp() END, `+countPlaces(17)+`)`,
		append(args, countValues(&counts)...)...)
	return err
}

func (m *stepMaker) make(ctx context.Context) error {
	highest := map[string]int64{}
	for _, p := range m.plan.Entities {
		high, err := m.highest(ctx, p)
		if err != nil {
			return err
		}
		highest[p.Entity.Name] = high
		if err := m.load(ctx, p, high); err != nil {
			return err
		}
	}
	if err := m.settle(ctx); err != nil {
		return err
	}
	for _, p := range slices.Backward(m.plan.Entities) {
		if !p.Sweep {
			continue
		}
		step := newStep{
			verb: engine.StepSweep, of: p, high: highest[p.Entity.Name], width: firstSweepWidth, since: m.plan.State.Floor, beyond: p.MaxID,
		}
		if err := m.add(ctx, step); err != nil {
			return err
		}
	}
	return nil
}

// settle adds the settling of every entity whose derived columns follow from rows that are read as a whole, its own or those
// that feed it; it need not be of the run itself.
func (m *stepMaker) settle(ctx context.Context) error {
	for _, e := range entity.All() {
		feeds := slices.ContainsFunc(m.plan.Entities, func(p cycle.EntityPlan) bool {
			parent, ok := p.Entity.Feeds()
			return p.Since == "" && (p.Entity == e || ok && parent.Entity == e.Name)
		})
		if len(e.Derived) == 0 || !feeds {
			continue
		}
		high, err := m.highest(ctx, cycle.EntityPlan{Entity: e})
		if err != nil {
			return err
		}
		of := cycle.EntityPlan{Entity: e}
		if at := slices.IndexFunc(m.plan.Entities, func(p cycle.EntityPlan) bool { return p.Entity == e }); at >= 0 {
			of = m.plan.Entities[at]
			high = max(high, of.MaxID)
		}
		if err := m.add(ctx, newStep{verb: engine.StepSettle, of: of, high: high, width: firstWidth(high)}); err != nil {
			return err
		}
	}
	return nil
}

// highest is an entity's highest id on either side: engine rows and quarantined ones above the source's highest id are of
// the cycle too, they are extra, and gone.
func (m *stepMaker) highest(ctx context.Context, p cycle.EntityPlan) (int64, error) {
	var highest int64
	err := m.tx.QueryRow(ctx, `SELECT greatest(0, (SELECT max(`+ident(p.Entity.OdooID)+`) FROM `+public(p.Entity)+`),
		(SELECT max(source_id) FROM ferry.quarantine WHERE entity = $1 AND state IN `+openStates+`),
		(SELECT max(id) FROM ferry.extra WHERE entity = $1))`, p.Entity.Name).Scan(&highest)
	return max(highest, p.MaxID), err
}

// load adds an entity's load; behind the load of one with codes, on a first load, its owners.
func (m *stepMaker) load(ctx context.Context, p cycle.EntityPlan, highest int64) error {
	step := newStep{verb: engine.StepLoad, of: p, high: highest, width: firstWidth(highest), since: p.Since, beyond: p.MaxID, done: p.Done}
	if p.Since != "" {
		step.width = maxWidth
		if p.Counted {
			var low, high int64
			err := m.tx.QueryRow(ctx, `SELECT coalesce(min(source_id), $2 + 1) - 1, coalesce(max(source_id), $3) FROM ferry.quarantine
				WHERE entity = $1 AND due AND state IN `+openStates, p.Entity.Name, p.Low, p.High).Scan(&low, &high)
			if err != nil {
				return err
			}
			step.low, step.high = min(low, p.Low), max(high, p.High)
		}
		if p.Done != nil {
			step.low = step.high
		}
	}
	if err := m.add(ctx, step); err != nil {
		return err
	}
	if !m.first || p.Entity.Code < 0 {
		return nil
	}
	return m.add(ctx, newStep{verb: engine.StepOwners, of: p, high: 1, width: 1})
}
