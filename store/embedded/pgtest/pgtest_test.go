package pgtest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

func TestMain(m *testing.M) { Main(m, CheckLeaks()) }

func value(t *testing.T, dsn, sql string) (string, error) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close(t.Context()) }()
	var v string
	err = conn.QueryRow(t.Context(), sql).Scan(&v)
	return v, err
}

func must(t *testing.T, dsn, sql string) string {
	t.Helper()
	v, err := value(t, dsn, sql)
	require.NoError(t, err)
	return v
}

func TestDatabasesAreSeparateAndGo(t *testing.T) { //nolint:tparallel // what follows the subtest is about its end
	t.Parallel()
	var gone *DB
	t.Run("Ünusual name/with \"quotes\" and a length beyond all that PostgreSQL would take as a name", func(t *testing.T) {
		gone = New(t)
		gone.Exec(t, "CREATE TABLE x (v text)")
		other := New(t)
		require.NotEqual(t, gone.Name, other.Name)
		other.Exec(t, "CREATE TABLE x (v text)")
		require.Equal(t, other.Name, must(t, other.DSN, "SELECT current_database()"))
		require.NoError(t, other.Pool(t).Ping(t.Context()))
		_, err := pgx.Connect(t.Context(), gone.DSN) // left open: dropping cuts it
		require.NoError(t, err)
		require.NoError(t, gone.Conn(t).Ping(t.Context()))
	})
	_, err := pgx.Connect(t.Context(), gone.DSN)
	require.ErrorContains(t, err, "does not exist")
}

func TestTemplatesInParallel(t *testing.T) { //nolint:tparallel // likewise
	t.Parallel()
	var prepared [3]atomic.Int32
	template := func(i int) Option {
		return Template(fmt.Sprintf("numbers %d", i), func(ctx context.Context, dsn string) error {
			prepared[i].Add(1)
			conn, err := pgx.Connect(ctx, dsn) // left open, against the rules
			if err != nil {
				return err
			}
			_, err = conn.Exec(ctx, fmt.Sprintf("CREATE TABLE numbers AS SELECT i FROM generate_series(1, %d) i", 1000+i))
			return err
		})
	}
	t.Run("all", func(t *testing.T) {
		for i := range 24 {
			t.Run(strconv.Itoa(i), func(t *testing.T) {
				t.Parallel()
				db := New(t, template(i%3))
				require.Equal(t, strconv.Itoa(1000+i%3), must(t, db.DSN, "SELECT count(*)::text FROM numbers"))
				db.Exec(t, "DELETE FROM numbers")
			})
		}
	})
	for i := range prepared {
		require.EqualValues(t, 1, prepared[i].Load())
	}
}

func TestTemplateThatFails(t *testing.T) {
	t.Parallel()
	Server(t)
	boom := errors.New("boom")
	var o options
	Template("fails", func(context.Context, string) error { return boom })(&o)
	for range 2 {
		_, err := shared.create(t.Context(), "x", o)
		require.ErrorIs(t, err, boom)
		require.ErrorContains(t, err, `prepare the template "fails"`)
	}
}

func TestRole(t *testing.T) {
	t.Parallel()
	db := New(t)
	db.Exec(t, "CREATE TABLE x AS SELECT 'seen' AS v", "CREATE TABLE y AS SELECT 'hidden' AS v")
	reader := Role(t, db, "", "GRANT SELECT ON x TO {role}", "ALTER ROLE {role} SET default_transaction_read_only = on")
	maker := Role(t, db, "CREATEROLE")
	require.NotEqual(t, reader.Name, maker.Name)
	require.Equal(t, reader.Name, must(t, reader.DSN, "SELECT current_user::text"))
	require.Equal(t, "seen", must(t, reader.DSN, "SELECT v FROM x"))
	_, err := value(t, reader.DSN, "SELECT v FROM y")
	require.ErrorContains(t, err, "permission denied")
	require.Equal(t, "true", must(t, maker.DSN, "SELECT rolcreaterole::text FROM pg_roles WHERE rolname = current_user"))
}

//nolint:paralleltest // cutting the connection is everybody's business
func TestHarnessComesBackAfterItsConnectionIsCut(t *testing.T) {
	New(t).Exec(t, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'postgres' AND pid <> pg_backend_pid()")
	require.NotEmpty(t, New(t).Name)
}

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		New(b)
	}
}
