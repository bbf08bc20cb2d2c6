package enginedb

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"ferry/engine"
)

// Advisory locks of ours, by their first key; any fixed numbers will do. See codeLockSpace for the fourth.
const (
	batchLockSpace  = 0x66657262 // a batch's writing transaction holds its batch's
	leaseLockSpace  = 0x6665726c // shared by whoever writes under a lease, exclusive for whoever shuts them out
	rosterLockSpace = 0x66657277 // held by whoever changes who works on what for others
)

// Heartbeat says that a process is alive. Call it every two seconds; after SilentAfter others take its batches over.
func (db *DB) Heartbeat(ctx context.Context, p engine.Process, version string) error {
	return db.inTx(ctx, "saying that this process is alive", func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO ferry.worker (id, host, pid, workers, version, keeps) VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT (id) DO UPDATE SET seen_at = clock_timestamp(), workers = EXCLUDED.workers, keeps = EXCLUDED.keeps`,
			p.ID, p.Host, p.PID, p.Workers, version, p.Keeps)
		return err
	})
}

// living gives the processes with workers that are alive.
func (db *DB) living(ctx context.Context, tx pgx.Tx) ([]string, error) {
	rows, err := tx.Query(ctx, `SELECT id FROM ferry.worker WHERE workers > 0 AND seen_at > clock_timestamp() - $1::interval`, db.silence)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// Leave says that a process ends. What it was still at goes to the others. If it was the last one with workers, an
// active run is interrupted, durably: whoever starts ferry next sees that it wants resuming. A run that was being paused
// is paused then.
func (db *DB) Leave(ctx context.Context, p engine.Process, by engine.Actor) error {
	return db.inTx(ctx, "signing off", func(tx pgx.Tx) error {
		// One after the other: of two that leave at the same moment, the second is the last.
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1, 0)`, rosterLockSpace); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `DELETE FROM ferry.worker WHERE id = $1`, p.ID); err != nil {
			return err
		}
		living, err := db.living(ctx, tx)
		if err != nil {
			return err
		}
		if len(living) == 0 {
			return interrupt(ctx, tx, by)
		}
		rows, err := tx.Query(ctx, `SELECT id, attempt FROM ferry.batch WHERE state = 'running' AND worker = $1 ORDER BY id`, p.ID)
		if err != nil {
			return err
		}
		held, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Job])
		if err != nil {
			return err
		}
		_, err = db.handOn(ctx, tx, held)
		return err
	})
}

// interrupt stops the active runs, for nobody is left who works on it. Batches that are still held, by processes that are
// silent, are shut out by a raised attempt; resuming hands them out.
func interrupt(ctx context.Context, tx pgx.Tx, by engine.Actor) error {
	_, err := tx.Exec(ctx, `UPDATE ferry.batch b SET attempt = attempt + 1, state = 'queued', worker = '' FROM ferry.run r
		WHERE r.id = b.run_id AND r.state = ANY($1) AND b.state = 'running'`, workedStates)
	if err != nil {
		return err
	}
	// Only now the run, as everywhere.
	rows, err := tx.Query(ctx, `SELECT id, kind, state, state_by FROM ferry.run WHERE state = ANY($1) ORDER BY id FOR NO KEY UPDATE`, workedStates)
	if err != nil {
		return err
	}
	runs, err := pgx.CollectRows(rows, pgx.RowToStructByPos[runRow])
	if err != nil {
		return err
	}
	for _, r := range runs {
		e := entry{Action: "interrupt", Run: r.ID, State: string(r.State), Reason: "drained by " + by.String(), Outcome: string(engine.RunInterrupted)}
		if r.State == engine.RunPausing {
			e.Action, e.Outcome = "pause", string(engine.RunPaused)
			err = setPaused(ctx, tx, r.ID)
		} else {
			err = setState(ctx, tx, r.ID, engine.RunInterrupted, "ferry", e.Reason)
		}
		if err != nil {
			return err
		}
		if err := record(ctx, tx, e); err != nil {
			return err
		}
	}
	return nil
}

// workedStates are the states of a run whose batches may be worked on.
var workedStates = []string{
	string(engine.RunQueued), string(engine.RunPlanning), string(engine.RunRunning), string(engine.RunPausing),
}

// TakeOver hands on, under a raised attempt, the batches on which nobody works although somebody should: those of silent
// workers, those that this process holds and is not at, and those whose job was lost. It forgets workers that have been
// silent for an hour, and gives how many batches were handed on. One process looks at a time.
func (db *DB) TakeOver(ctx context.Context, p engine.Process) (int, error) {
	handed := 0
	err := db.inTx(ctx, "taking over from silent workers", func(tx pgx.Tx) error {
		var mine bool
		if err := tx.QueryRow(ctx, `SELECT pg_try_advisory_xact_lock($1, 0)`, rosterLockSpace).Scan(&mine); err != nil || !mine {
			return err
		}
		abandoned, err := db.abandoned(ctx, tx, p)
		if err != nil {
			return err
		}
		if err := lockBatches(ctx, tx, abandoned); err != nil {
			return err
		}
		for _, a := range abandoned {
			n, err := db.handOn(ctx, tx, a.jobs)
			if err != nil {
				return err
			}
			if n == 0 {
				continue
			}
			handed += n
			err = record(ctx, tx, entry{Action: "take over", Run: a.run, Outcome: fmt.Sprintf("%d %s", n, a.why)})
			if err != nil {
				return err
			}
		}
		_, err = tx.Exec(ctx, `DELETE FROM ferry.worker WHERE seen_at < clock_timestamp() - interval '1 hour'`)
		return err
	})
	return handed, err
}

// outstanding is a batch that is carved and not done.
type outstanding struct {
	Job    Job
	Run    engine.RunID
	State  engine.BatchState
	Worker string
}

// abandonment is a group of batches on which nobody works, for one reason.
type abandonment struct {
	run  engine.RunID
	why  string
	jobs []Job
}

// abandoned finds the batches on which nobody works. The sessions of silent workers that are still in a batch's writing
// transaction are ended: they cannot commit any more, and would only keep the next attempt from its rows.
func (db *DB) abandoned(ctx context.Context, tx pgx.Tx, p engine.Process) ([]abandonment, error) {
	living, err := db.living(ctx, tx)
	if err != nil {
		return nil, err
	}
	rows, err := tx.Query(ctx, `SELECT b.id, b.attempt, r.id, b.state, b.worker FROM ferry.batch b JOIN ferry.run r ON r.id = b.run_id
		WHERE b.state IN ('queued', 'running') AND r.state = ANY($1) ORDER BY b.id`, workedStates)
	if err != nil {
		return nil, err
	}
	open, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (outstanding, error) {
		var o outstanding
		return o, row.Scan(&o.Job.Batch, &o.Job.Attempt, &o.Run, &o.State, &o.Worker)
	})
	if err != nil || len(open) == 0 {
		return nil, err
	}
	// A process has at most a few runs; nearly always it is one.
	var out []abandonment
	for run, of := range byRun(open) {
		silent := abandonment{run, "batches of silent workers", nil}
		dropped := abandonment{run, "batches that their worker had dropped", nil}
		lost := abandonment{run, "batches whose job was lost", nil}
		for _, o := range of {
			switch {
			case o.State == engine.BatchQueued:
				lost.jobs = append(lost.jobs, o.Job)
			case !slices.Contains(living, o.Worker):
				silent.jobs = append(silent.jobs, o.Job)
			case o.Worker == p.ID && !db.queue.Busy(o.Job.Batch):
				dropped.jobs = append(dropped.jobs, o.Job)
			}
		}
		if err := endSessions(ctx, tx, silent.jobs); err != nil {
			return nil, err
		}
		if lost.jobs, err = db.queue.Lost(ctx, tx, lost.jobs, p.ID, living); err != nil {
			return nil, err
		}
		out = append(out, silent, dropped, lost)
	}
	return out, nil
}

// lockBatches locks batches in the order in which everybody does.
func lockBatches(ctx context.Context, tx pgx.Tx, of []abandonment) error {
	var ids []engine.BatchID
	for _, a := range of {
		for _, j := range a.jobs {
			ids = append(ids, j.Batch)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	_, err := tx.Exec(ctx, `SELECT FROM ferry.batch WHERE id = ANY($1) ORDER BY id FOR UPDATE`, ids)
	return err
}

func byRun(open []outstanding) map[engine.RunID][]outstanding {
	out := map[engine.RunID][]outstanding{}
	for _, o := range open {
		out[o.Run] = append(out[o.Run], o)
	}
	return out
}

// handOn hands batches that are still at the given attempt to whoever comes next, under a raised one.
func (db *DB) handOn(ctx context.Context, tx pgx.Tx, jobs []Job) (int, error) {
	var on []Job
	for _, j := range jobs {
		rows, err := tx.Query(ctx, `UPDATE ferry.batch SET attempt = attempt + 1, state = 'queued', worker = ''
			WHERE id = $1 AND attempt = $2 AND state IN ('queued', 'running') RETURNING id, attempt`, j.Batch, j.Attempt)
		if err != nil {
			return 0, err
		}
		next, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Job])
		if err != nil {
			return 0, err
		}
		on = append(on, next...)
	}
	if len(on) == 0 {
		return 0, nil
	}
	return len(on), db.queue.Enqueue(ctx, tx, on)
}

// holdBatch marks a transaction as the one that writes a batch, until it ends. The next attempt waits for it here.
func (*DB) holdBatch(ctx context.Context, tx pgx.Tx, batch engine.BatchID) error {
	_, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1, $2)`, batchLockSpace, batchKey(batch))
	return err
}

// batchKey is a batch's advisory key. Two batches that share one wait for each other needlessly, if ever.
func batchKey(batch engine.BatchID) int32 { return int32(batch & 0x7fffffff) }

// endSessions ends the transactions that write the given batches. A stopped process keeps its sessions, and with them its
// locks, as long as its machine is up: while the server waits for it in the middle of a COPY, no timeout ends that. Only
// sessions of this process's own role can be ended, and are.
func endSessions(ctx context.Context, tx pgx.Tx, jobs []Job) error {
	if len(jobs) == 0 {
		return nil
	}
	keys := make([]int64, len(jobs))
	for i, j := range jobs {
		keys[i] = int64(batchKey(j.Batch))
	}
	_, err := tx.Exec(ctx, `SELECT pg_terminate_backend(l.pid) FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
		WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2 AND l.classid::bigint = $1 AND l.objid::bigint = ANY($2)
			AND a.datname = current_database() AND l.database = a.datid AND a.usename = current_user AND a.pid <> pg_backend_pid()`,
		int64(batchLockSpace), keys)
	return err
}
