package proof_test

import (
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"ferry/engine/entity"
)

// naive compares as one would without further thought: it reads the one side, then the other, and calls every row that differs
// a difference. It looks at write dates, and at the existence of rows; quarantine is known to it.
func (w *world) naive(t *testing.T, but planted) (invented int) {
	t.Helper()
	explained := w.explained(t)
	for _, e := range entity.All() {
		stamp := "updated_at"
		from := "write_date"
		if e.Name == history {
			stamp, from = "created_at", "create_date"
		}
		source := w.stamps(t, false, `SELECT id::bigint, coalesce(extract(epoch FROM `+from+`)::text, '') FROM `+e.Name)
		target := w.stamps(t, true, `SELECT id::bigint, coalesce(extract(epoch FROM `+stamp+`)::text, '') FROM public.`+e.Target)
		for id, s := range source {
			r := row{e.Name, id}
			if got, there := target[id]; (!there || got != s) && but[r] == nil && !explained[r] {
				invented++
			}
		}
		for id := range target {
			r := row{e.Name, id}
			if _, there := source[id]; !there && but[r] == nil && !explained[r] {
				invented++
			}
		}
	}
	return invented
}

// explained are the rows of which quarantine or a sweep says why both sides differ.
func (w *world) explained(tb testing.TB) map[row]bool {
	tb.Helper()
	out := w.extras(tb)
	found, err := w.target.Query(tb.Context(), `SELECT entity, source_id FROM ferry.quarantine WHERE state IN ('open', 'waiting_parent', 'waived')`)
	require.NoError(tb, err)
	var r row
	_, err = pgx.ForEachRow(found, []any{&r.Entity, &r.ID}, func() error {
		out[r] = true
		return nil
	})
	require.NoError(tb, err)
	return out
}

func (w *world) stamps(t *testing.T, ofEngine bool, sql string) map[int64]string {
	t.Helper()
	db := w.source
	if ofEngine {
		db = w.target
	}
	found, err := db.Query(t.Context(), sql)
	require.NoError(t, err)
	out := map[int64]string{}
	var id int64
	var text string
	_, err = pgx.ForEachRow(found, []any{&id, &text}, func() error {
		out[id] = text
		return nil
	})
	require.NoError(t, err)
	return out
}
