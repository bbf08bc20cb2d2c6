package tuitest

import (
	"time"

	"ferry/engine"
)

// History is a past of so many runs, newest first: the one of a snapshot, and others of the days before.
func History(s *engine.Snapshot, runs int) []*engine.RunDetail {
	newest := Detail(s)
	out := []*engine.RunDetail{newest}
	states := []engine.RunState{
		engine.RunFailed, engine.RunCancelled, engine.RunDone, engine.RunInterrupted, engine.RunDone, engine.RunDone,
	}
	for i := 1; i < runs; i++ {
		began := Noon.Add(-time.Duration(i) * 7 * time.Hour)
		d := &engine.RunDetail{RunSummary: engine.RunSummary{
			RunView: engine.RunView{
				ID: newest.ID - engine.RunID(i), Kind: engine.RunFull, State: states[(i-1)%len(states)], By: "sari@db2",
				CreatedAt: began.Add(-2 * time.Second), StartedAt: began, Since: began.Add(5 * time.Minute),
			},
			Counts:  engine.Counts{Read: 228_331, Inserted: 1_204, Updated: 31, Unchanged: 226_485, Rejected: 611},
			Batches: 46,
		}}
		switch d.State { //nolint:exhaustive // the others are not among them
		case engine.RunDone:
			d.FinishedAt = d.Since
		case engine.RunFailed:
			d.FinishedAt, d.Errors = d.Since, 3
			d.Error = "source: read loyalty_point_move: permission denied for table loyalty_point_move (SQLSTATE 42501)"
		case engine.RunCancelled:
			d.FinishedAt, d.StateBy, d.Reason = d.Since, "budi@db1", "wrong database, sorry"
		}
		d.Steps = []engine.StepView{{Verb: engine.StepPlan, State: engine.StepDone, StartedAt: began, FinishedAt: began.Add(time.Second)}}
		out = append(out, d)
	}
	return out
}

// Ticks is a past of an engine that is kept in step, newest first: idle ticks and failed ones folded, and some that stand
// for themselves.
func Ticks() []*engine.RunDetail {
	s := InStep()
	line := func(id engine.RunID, state engine.RunState, ago time.Duration, ticks int, since time.Duration) *engine.RunDetail {
		began := Noon.Add(-ago)
		d := &engine.RunDetail{RunSummary: engine.RunSummary{RunView: engine.RunView{
			ID: id, Kind: engine.RunIncremental, State: state, Scheduled: true, Source: s.Run.Source, CreatedAt: began, StartedAt: began,
			FinishedAt: began.Add(800 * time.Millisecond), Since: began.Add(800 * time.Millisecond), Ticks: ticks, FirstAt: Noon.Add(-since),
		}, Counts: engine.Counts{Read: 12, Unchanged: 12}, Batches: 1}}
		d.Steps = []engine.StepView{{
			Verb: engine.StepPlan, State: engine.StepDone, BatchesDone: 1, BatchesTotal: engine.Known[int64](1), Counts: d.Counts,
			StartedAt: d.StartedAt, FinishedAt: d.FinishedAt,
		}}
		d.BatchesTotal = 1
		return d
	}
	newest := line(4711, engine.RunDone, 13*time.Second, 1, 13*time.Second)
	newest.Counts = engine.Counts{Read: 36, Inserted: 9, Updated: 6, Unchanged: 21}
	failed := line(4668, engine.RunFailed, 18*time.Hour, 96, 19*time.Hour)
	failed.Error = "source: planning: connection refused"
	asked := line(4600, engine.RunDone, 20*time.Hour, 1, 20*time.Hour)
	asked.Scheduled, asked.By, asked.WhyFull = false, "sari@db2", "the rules changed: card.partner_missing is warn"
	full := History(Done(), 1)[0]
	return []*engine.RunDetail{
		newest, line(4710, engine.RunDone, 33*time.Second, 42, 14*time.Minute), failed, line(4667, engine.RunDone, 19*time.Hour, 2_304, 32*time.Hour),
		asked, full,
	}
}

// Detail is the run of a snapshot with batches in every state.
func Detail(s *engine.Snapshot) *engine.RunDetail {
	card := s.Entities[0]
	d := &engine.RunDetail{
		RunSummary:   engine.RunSummary{RunView: *s.Run, Counts: card.Counts, Errors: s.Errors, Batches: 40},
		Steps:        append([]engine.StepView(nil), s.Steps...),
		BatchesTotal: 43,
	}
	began := d.StartedAt
	d.Steps[0].StartedAt, d.Steps[0].FinishedAt = began, began.Add(2*time.Second)
	d.Steps[0].BatchesDone, d.Steps[0].BatchesTotal = 1, engine.Known[int64](1)
	load := &d.Steps[1]
	load.StartedAt, load.Counts, load.Errors = began.Add(2*time.Second), card.Counts, 2
	load.BatchesDone, load.BatchesTotal = card.BatchesDone, card.BatchesTotal
	const rows, pid = 5000, "db1:4711:9f2c41aa"
	for n := int64(42); n >= 0; n-- {
		b := engine.BatchView{
			ID: engine.BatchID(451 + n), Verb: engine.StepLoad, Entity: "loyalty_card", Low: (n - 1) * rows, High: n * rows,
			State: engine.BatchDone, Attempt: 1, Worker: pid, QueuedAt: began.Add(time.Duration(n) * time.Second),
			StartedAt: began.Add(time.Duration(n) * 1200 * time.Millisecond), Counts: engine.Counts{Read: rows, Inserted: 4983, Rejected: 17},
		}
		b.FinishedAt = b.StartedAt.Add(940 * time.Millisecond)
		switch n {
		case 0:
			b.Verb, b.Entity, b.Low, b.High, b.Counts = engine.StepPlan, "", 0, 0, engine.Counts{}
		case 42:
			b.State, b.StartedAt, b.FinishedAt, b.Worker, b.Counts = engine.BatchQueued, time.Time{}, time.Time{}, "", engine.Counts{}
			b.Attempt = 0
		case 41:
			b.State, b.FinishedAt, b.Counts = engine.BatchRunning, time.Time{}, engine.Counts{}
			b.StartedAt = Noon.Add(-3 * time.Second)
		case 40:
			b.State, b.FinishedAt, b.Counts, b.Attempt, b.Tries = engine.BatchQueued, time.Time{}, engine.Counts{}, 3, 3
			b.SQLState = "40P01"
			b.Error = "engine: write loyalty_card 195001…200000: deadlock detected: Process 912 waits for ShareLock on transaction 88123; " +
				"blocked by process 4711. Process 4711 waits for ShareLock on transaction 88124; blocked by process 912."
		case 31:
			b.Attempt, b.Tries, b.SQLState = 2, 1, "55P03"
			b.Error = "source: read loyalty_card 150001…155000: canceling statement due to lock timeout"
		}
		d.Batches = append(d.Batches, b)
	}
	return d
}

// Looked is what preflight finds on a healthy pair.
func Looked() engine.Preflight {
	return engine.Preflight{
		engine.PassLine("source: connection", "odoo@10.0.4.7/prod, TLS 1.3, certificate and host name verified"),
		engine.PassLine("source: version", "PostgreSQL 15.18"),
		engine.PassLine("source: encoding", "UTF8"),
		engine.PassLine("source: shape", "Odoo's: it has loyalty_card"),
		engine.PassLine("source: privileges", "role ferry_reader cannot write"),
		engine.UnknownLine("source: open transactions", "3 write; since when is hidden from this role", "GRANT pg_read_all_stats TO ferry_reader"),
		engine.PassLine("source: loyalty_point_history columns", "id, card_id, points numeric(12,2), balance numeric(12,2), create_date timestamp"),
		engine.PassLine("engine: connection", "engine@10.0.4.9/loyalty, TLS 1.3, certificate and host name verified"),
		engine.PassLine("engine: version", "PostgreSQL 15.18"),
		engine.UnknownLine("engine: space", "free space cannot be seen over SQL; the database has 2.1 GB", "check that the disk has room for as much again"),
		engine.PassLine("source and target", "two clusters"),
	}
}

// Unfit is what preflight finds on a pair with faults.
func Unfit() engine.Preflight {
	p := Looked()
	p[4] = engine.FailLine("source: privileges", "role odoo could write: INSERT on loyalty_card; UPDATE on loyalty_point_move; it is a superuser",
		"make a role that only reads: CREATE ROLE ferry_reader LOGIN; GRANT pg_read_all_data TO ferry_reader")
	p[4].Unsafe = true
	p[8] = engine.FailLine("engine: version", "PostgreSQL 12.22", "ferry needs PostgreSQL 13 or newer")
	return p
}

// Forecast is what the rules would reject.
func Forecast() engine.Preflight {
	return engine.Preflight{
		engine.PassLine("forecast: loyalty_card", "228,340 rows: 227729 would be loaded, 611 rejected, 0 wait for a parent"),
		engine.PassLine("forecast: loyalty_card card.partner_missing",
			"384 rows have no partner: set rules.card.partner_missing = \"warn\" to load them; 212 rows wait for them"),
		engine.UnknownLine("forecast: loyalty_card codes", "more than 1000000 codes: there may be more that several rows have", ""),
	}
}
