package proof_test

import (
	"bytes"
	"context"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ferry/engine/entity"
	"ferry/engine/pgcopy"
)

// BenchmarkCheck runs a whole check, and compares the same rows as they stream out of both databases in the order of their ids;
// then both with a hundred rows that differ. FERRY_CHECK_CARDS says how many cards there are; for each there are one move and five
// lines of history. What the check does besides (points, links, Odoo's own balances, its records) counts against it.
func BenchmarkCheck(b *testing.B) {
	cards := 20_000
	if text := os.Getenv("FERRY_CHECK_CARDS"); text != "" {
		var err error
		cards, err = strconv.Atoi(text)
		require.NoError(b, err)
	}
	w := newWorld(b, scale{cards: cards, seed: 1})
	for _, sql := range []string{`VACUUM ANALYZE`, `CHECKPOINT`} {
		_, err := w.source.Exec(b.Context(), sql)
		require.NoError(b, err)
		_, err = w.target.Exec(b.Context(), sql)
		require.NoError(b, err)
	}
	b.Run("equal", func(b *testing.B) { w.bench(b, 0) })
	for _, sql := range []string{
		`UPDATE public.loyalty_cards SET partner_id = coalesce(partner_id, 0) + 1 WHERE id IN (
			SELECT id FROM public.loyalty_cards WHERE odoo_card_id IS NOT NULL ORDER BY hashint8(id) LIMIT 20)`,
		`UPDATE public.point_moves SET gain_date = gain_date + interval '1 us' WHERE id IN (
			SELECT id FROM public.point_moves WHERE odoo_move_id IS NOT NULL ORDER BY hashint8(id) LIMIT 20)`,
		`UPDATE public.point_history SET points_amount = points_amount + 0.01 WHERE id IN (
			SELECT id FROM public.point_history WHERE odoo_history_id IS NOT NULL ORDER BY hashint8(id) LIMIT 60)`,
	} {
		_, err := w.target.Exec(b.Context(), sql)
		require.NoError(b, err)
	}
	b.Run("100 rows differ", func(b *testing.B) { w.bench(b, 100) })
}

// bench measures both ways beside each other; each must find as many rows that differ as there are.
func (w *world) bench(b *testing.B, differ int64) {
	b.Helper()
	var checks, streams time.Duration
	for b.Loop() {
		began := time.Now()
		v := w.check(b)
		checks += time.Since(began)
		require.Equal(b, differ, v.Settled, v.Why)
		require.Zero(b, v.InFlight, v.Why)
		began = time.Now()
		compared, found := int64(0), int64(0)
		explained := w.explained(b)
		for _, e := range entity.All() {
			rows, differs := w.streamed(b, e, explained)
			compared += rows
			found += differs
		}
		streams += time.Since(began)
		require.Equal(b, v.Compared, compared)
		require.Equal(b, differ, found)
	}
	b.ReportMetric(checks.Seconds()/float64(b.N), "s/check")
	b.ReportMetric(streams.Seconds()/float64(b.N), "s/stream")
	b.ReportMetric(streams.Seconds()/checks.Seconds(), "stream/check")
}

// streamed compares the rows of an entity that nothing explains, as they stream out of both databases at once.
func (w *world) streamed(b *testing.B, e *entity.Entity, explained map[row]bool) (rows, differ int64) {
	b.Helper()
	snap, err := w.odoo.Look(b.Context())
	require.NoError(b, err)
	defer snap.Close()
	theirs := streamOf(func(add func(func(*pgcopy.Tuples))) error {
		return snap.Range(b.Context(), e, 0, 1<<31, "", func(r entity.Row) error {
			linked := func(parent string, id int64) bool { return !explained[row{parent, id}] }
			add(func(t *pgcopy.Tuples) { e.AppendMapped(t, r, linked) })
			return nil
		})
	})
	ours := streamOf(func(add func(func(*pgcopy.Tuples))) error { return w.copyOut(b.Context(), e, add) })
	for {
		id := min(theirs.at(), ours.at())
		if id == math.MaxInt64 {
			break
		}
		same := theirs.at() == ours.at() && bytes.Equal(theirs.bytes(), ours.bytes())
		switch {
		case same:
			rows++
		case !explained[row{e.Name, id}]:
			rows++
			differ++
		}
		if theirs.at() == id {
			theirs.next()
		}
		if ours.at() == id {
			ours.next()
		}
	}
	require.NoError(b, <-theirs.err)
	require.NoError(b, <-ours.err)
	return rows, differ
}

// copyOut streams the engine's rows in the order of their ids.
func (w *world) copyOut(ctx context.Context, e *entity.Entity, add func(func(*pgcopy.Tuples))) error {
	conn, err := w.target.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	split := pgcopy.NewSplitter(func(fields [][]byte) error {
		id, err := pgcopy.Int(fields[0])
		add(func(t *pgcopy.Tuples) { t.AppendRaw(id, fields) })
		return err
	})
	sql := "COPY (SELECT " + strings.Join(e.MappedColumns(), ", ") + " FROM public." + e.Target + " WHERE " + e.OdooID +
		" IS NOT NULL ORDER BY id) TO STDOUT (FORMAT binary)"
	if _, err := conn.Conn().PgConn().CopyTo(ctx, split, sql); err != nil {
		return err
	}
	return split.Close()
}

// stream gives rows one by one that were read many at a time.
type stream struct {
	parts <-chan *pgcopy.Tuples
	err   <-chan error
	now   *pgcopy.Tuples
	place int
}

func streamOf(read func(add func(func(*pgcopy.Tuples))) error) *stream {
	const part = 4096
	parts, failed := make(chan *pgcopy.Tuples, 4), make(chan error, 1)
	go func() {
		now := &pgcopy.Tuples{}
		err := read(func(fill func(*pgcopy.Tuples)) {
			fill(now)
			if now.Len() == part {
				parts <- now
				now = &pgcopy.Tuples{}
			}
		})
		parts <- now
		close(parts)
		failed <- err
	}()
	s := &stream{parts: parts, err: failed, now: &pgcopy.Tuples{}, place: -1}
	s.next()
	return s
}

// next goes to the next row.
func (s *stream) next() {
	for s.place++; s.now != nil && s.place >= s.now.Len(); s.place = 0 {
		s.now = <-s.parts
	}
}

// at is the id of the row where the stream stands; behind the last one, an id that is above all.
func (s *stream) at() int64 {
	if s.now == nil {
		return math.MaxInt64
	}
	return s.now.ID(s.place)
}

func (s *stream) bytes() []byte { return s.now.Bytes(s.place) }
