package digest_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"math"
	"runtime/metrics"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"ferry/engine/cycle"
	"ferry/engine/entity"
	"ferry/engine/pgcopy"
	"ferry/store/embedded/pgtest"
	"ferry/store/migrations"
)

// BenchmarkLook takes a clean look at a ledger, and compares the same rows as they stream out of both databases in the order
// of their ids; then both again with 40 % of the rows in quarantine. FERRY_COMPARE_ROWS says how many rows there are.
func BenchmarkLook(b *testing.B) {
	p := ledgers(b, fromEnv(b, "FERRY_COMPARE_ROWS", 50_000))
	b.Run("clean", p.bench)
	exec(b, p.target, `INSERT INTO ferry.quarantine (entity, source_id, state, reason, run_id)
		SELECT 'loyalty_point_history', id, 'open', 'test', 1 FROM point_history WHERE id % 5 IN (1, 3)`,
		`DELETE FROM point_history WHERE id % 5 IN (1, 3)`, `VACUUM ANALYZE point_history`, `VACUUM ANALYZE ferry.quarantine`)
	b.Run("40 % in quarantine", p.bench)
}

// ledgers are two equal ledgers, without the keys that point elsewhere.
func ledgers(b *testing.B, rows int) *pair {
	b.Helper()
	from, to := pgtest.New(b), pgtest.New(b)
	p := newPair(b, from.DSN, to.DSN, from.Pool(b), to.Pool(b))
	require.NoError(b, migrations.Init(b.Context(), p.target, nil, slog.New(slog.DiscardHandler)))
	for _, f := range entity.History.Table.ForeignKeys {
		exec(b, p.target, `ALTER TABLE point_history DROP CONSTRAINT `+f.Name)
	}
	for _, i := range entity.History.Table.Indexes {
		exec(b, p.target, `DROP INDEX `+i.Name)
	}
	const at = `timestamp '2020-01-01' + g * interval '13.123457 s'`
	exec(b, p.odoo, `CREATE TABLE loyalty_point_history (id integer NOT NULL, loyalty_card_id integer, partner_id integer,
			point_move_id integer,
			membership_product_id integer, status_membership_product_id integer, create_uid integer, write_uid integer, name varchar, origin varchar,
			transaction_time timestamp NOT NULL, create_date timestamp, write_date timestamp, points_amount float8, points_balance float8)`,
		fmt.Sprintf(`INSERT INTO loyalty_point_history SELECT g, 1 + g * 7919::bigint %% 1000000, g %% 5000, CASE WHEN g %% 3 = 0 THEN g / 3 END,
			CASE WHEN g %% 4 = 0 THEN g %% 50 END, NULL, 2, 2, 'HIST/' || g, 
			CASE WHEN g %% 5 <> 0 THEN 'POS/2023/' || lpad((g %% 100000)::text, 6, '0') END,
			`+at+`, `+at+`, `+at+`, g %% 20000 / 100.0::float8,
			CASE WHEN g %% 10 = 0 THEN 0.1::float8 + 0.2::float8 + g %% 7 ELSE g * 31 %% 1000000 / 100.0::float8 END
			FROM generate_series(1, %d) g`, rows),
		`ALTER TABLE loyalty_point_history ADD PRIMARY KEY (id)`, `VACUUM ANALYZE loyalty_point_history`)
	p.copyLedger(b)
	exec(b, p.target, `CREATE INDEX ON point_history (odoo_move_id) WHERE point_move_id IS NULL`, `VACUUM ANALYZE point_history`)
	return p
}

// copyLedger loads all lines by the code that loads; every line has its link.
func (p *pair) copyLedger(b *testing.B) {
	b.Helper()
	e := entity.History
	conn, err := p.target.Acquire(b.Context())
	require.NoError(b, err)
	defer conn.Release()
	var tuples pgcopy.Tuples
	flush := func() error {
		_, err := conn.Conn().PgConn().CopyFrom(b.Context(), tuples.Reader(0, tuples.Len()),
			`COPY point_history (`+strings.Join(e.InsertColumns(), ", ")+`) FROM STDIN (FORMAT binary)`)
		tuples.Reset()
		return err
	}
	require.NoError(b, p.stream(b.Context(), func(row entity.Row) error {
		e.AppendInsert(&tuples, row, func(string, int64) bool { return true })
		if tuples.Len() == 50_000 {
			return flush()
		}
		return nil
	}))
	require.NoError(b, flush())
}

// stream reads the source's lines in the order of their ids, in one statement.
func (p *pair) stream(ctx context.Context, each func(entity.Row) error) error {
	e := entity.History
	list := []string{"id::bigint"}
	shape := make(entity.Shape, len(e.Columns))
	for i, c := range e.Columns {
		name := c.Source
		switch c.Kind {
		case entity.KindInt:
			shape[i], name = entity.WireInt, name+"::bigint"
		case entity.KindText:
			shape[i] = entity.WireText
		case entity.KindPoints:
			shape[i] = entity.WireFloat8
		case entity.KindTime:
			shape[i] = entity.WireTime
		}
		list = append(list, name)
	}
	decoder := entity.NewDecoder(e, shape)
	return copyOut(ctx, p.odoo.Config().ConnConfig, "SELECT "+strings.Join(list, ", ")+" FROM loyalty_point_history ORDER BY id", func(fields [][]byte) error {
		row, err := decoder.Decode(fields)
		if err != nil {
			return err
		}
		return each(row)
	})
}

func copyOut(ctx context.Context, to *pgx.ConnConfig, query string, each func([][]byte) error) error {
	conn, err := pgx.ConnectConfig(ctx, to)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	split := pgcopy.NewSplitter(each)
	if _, err := conn.PgConn().CopyTo(ctx, split, "COPY ("+query+") TO STDOUT (FORMAT binary)"); err != nil {
		return err
	}
	return split.Close()
}

// bench measures both ways beside each other, and how much memory each takes.
func (p *pair) bench(b *testing.B) {
	e := entity.History
	all := p.everything(b, e)
	var looks, streams time.Duration
	var lookPeak, streamPeak uint64
	for b.Loop() {
		began := time.Now()
		lookPeak = max(lookPeak, peak(func() {
			look := p.look(b, e, all, nil)
			require.Empty(b, look.Differences)
			explained := int64(0)
			for _, n := range look.Explained {
				explained += n
			}
			require.Equal(b, all.High, look.Rows+explained)
		}))
		looks += time.Since(began)
		began = time.Now()
		streamPeak = max(streamPeak, peak(func() { p.streamed(b, all) }))
		streams += time.Since(began)
	}
	b.ReportMetric(looks.Seconds()/float64(b.N), "s/look")
	b.ReportMetric(streams.Seconds()/float64(b.N), "s/stream")
	b.ReportMetric(streams.Seconds()/looks.Seconds(), "stream/look")
	b.ReportMetric(float64(lookPeak)/(1<<20), "MB-look")
	b.ReportMetric(float64(streamPeak)/(1<<20), "MB-stream")
}

// peak gives the most memory that objects took while something ran.
func peak(do func()) uint64 {
	done := make(chan struct{})
	var most uint64
	var watching sync.WaitGroup
	watching.Go(func() {
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
			metrics.Read(sample)
			most = max(most, sample[0].Value.Uint64())
			select {
			case <-tick.C:
			case <-done:
				return
			}
		}
	})
	do()
	close(done)
	watching.Wait()
	return most
}

// batch is how many tuples go from a stream to the comparison at a time.
const batch = 4096

// streamed compares all rows that are not in quarantine, as they stream out of both databases.
func (p *pair) streamed(b *testing.B, of cycle.Scope) {
	b.Helper()
	e := entity.History
	view, err := p.engine.View(b.Context())
	require.NoError(b, err)
	defer view.Close()
	explained, err := view.Explained(b.Context(), e, of)
	require.NoError(b, err)
	aside := map[int64]bool{}
	for _, ids := range explained.ByCause {
		for _, id := range ids {
			aside[id] = true
		}
	}
	theirs := tuplesOf(func(add func(func(*pgcopy.Tuples))) error {
		return p.stream(b.Context(), func(row entity.Row) error {
			if !aside[row.ID] {
				add(func(t *pgcopy.Tuples) { e.AppendMapped(t, row, func(string, int64) bool { return true }) })
			}
			return nil
		})
	})
	ours := tuplesOf(func(add func(func(*pgcopy.Tuples))) error {
		sql := "SELECT " + strings.Join(e.MappedColumns(), ", ") + " FROM point_history WHERE odoo_history_id IS NOT NULL ORDER BY id"
		return copyOut(b.Context(), p.target.Config().ConnConfig, sql, func(fields [][]byte) error {
			id, err := pgcopy.Int(fields[0])
			if err == nil && !aside[id] {
				add(func(t *pgcopy.Tuples) { t.AppendRaw(id, fields) })
			}
			return err
		})
	})
	rows := 0
	for a := range theirs {
		c, more := <-ours
		require.True(b, more)
		require.Equal(b, a.Len(), c.Len())
		for i := range a.Len() {
			if !bytes.Equal(a.Bytes(i), c.Bytes(i)) {
				require.FailNow(b, "differs", strconv.FormatInt(a.ID(i), 10))
			}
		}
		rows += a.Len()
	}
	_, more := <-ours
	require.False(b, more)
	require.Equal(b, int(of.High)-len(aside), rows)
	require.Less(b, rows, math.MaxInt32)
}

// tuplesOf gives what a stream adds, in batches. The channel is closed early where the stream fails: then sides differ.
func tuplesOf(read func(add func(func(*pgcopy.Tuples))) error) <-chan *pgcopy.Tuples {
	out := make(chan *pgcopy.Tuples, 4)
	go func() {
		defer close(out)
		now := &pgcopy.Tuples{}
		err := read(func(fill func(*pgcopy.Tuples)) {
			fill(now)
			if now.Len() == batch {
				out <- now
				now = &pgcopy.Tuples{}
			}
		})
		if err == nil && now.Len() > 0 {
			out <- now
		}
	}()
	return out
}
