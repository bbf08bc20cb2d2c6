package enginedb_test

import (
	"errors"
	"strconv"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"ferry/engine"
)

// Starting a run that the server ends for a deadlock is tried again, twice: nothing of it has happened. A trigger stands for the other
// side, for a deadlock of two sessions may choose either; a sequence counts the tries, as no rollback takes its numbers back.
func TestStartingARunIsTriedAgainAfterADeadlock(t *testing.T) {
	t.Parallel()
	for _, deadlocks := range []int{2, 3} {
		t.Run(strconv.Itoa(deadlocks), func(t *testing.T) {
			t.Parallel()
			b := newAlertBench(t)
			b.Exec(t, `CREATE SEQUENCE tries`, `CREATE FUNCTION ends() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
				IF nextval('tries') <= `+strconv.Itoa(deadlocks)+` THEN RAISE EXCEPTION 'deadlock detected' USING ERRCODE = '40P01'; END IF;
				RETURN NULL; END $$`,
				`CREATE TRIGGER ends AFTER INSERT ON ferry.run FOR EACH ROW EXECUTE FUNCTION ends()`)
			id, err := b.a.StartRehearsal(t.Context(), "source", engine.Actor{User: "sari"}, engine.RehearsalOptions{Freeze: engine.FreezeNone})
			var tries, runs, steps, told int
			require.NoError(t, b.a.Pool().QueryRow(t.Context(), `SELECT (SELECT last_value FROM tries), (SELECT count(*) FROM ferry.run),
				(SELECT count(*) FROM ferry.rehearsal_step), (SELECT count(*) FROM ferry.journal WHERE action = 'start rehearsal')`).
				Scan(&tries, &runs, &steps, &told))
			require.Equal(t, 3, tries)
			if deadlocks < 3 {
				require.NoError(t, err)
				require.NotZero(t, id)
				require.Equal(t, []int{1, 7, 1}, []int{runs, steps, told}, "all of it once")
				return
			}
			require.Equal(t, engine.ClassRetry, engine.ClassOf(err), "whoever asked may try again: %v", err)
			pg, said := errors.AsType[*pgconn.PgError](err)
			require.True(t, said)
			require.Equal(t, "40P01", pg.Code)
			require.Equal(t, []int{0, 0, 0}, []int{runs, steps, told}, "none of it")
		})
	}
}
