package sqlstate_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"ferry/engine"
	"ferry/store/embedded/pgtest"
	"ferry/store/sqlstate"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

var sides = []engine.Side{engine.SideSource, engine.SideTarget}

func TestCodesThatMeanTheSameOnBothSides(t *testing.T) {
	t.Parallel()
	for class, codes := range map[engine.ErrorClass][]string{
		engine.ClassRetry: {"40001", "40P01", "55P03", "57014"},
		engine.ClassReconnect: {
			"08000", "08001", "08003", "08004", "08006", "08P01", "57P01", "57P02", "57P03", "57P05", "53300", "25P03", "25P04",
		},
		engine.ClassSlowRetry: {"53100", "53200"},
		engine.ClassStop:      {"28000", "28P01", "3D000", "42501", "42P01", "42703", "XX000", "XX001", "XX002", "0A000"},
	} {
		for _, code := range codes {
			for _, side := range sides {
				require.Equal(t, class, sqlstate.Class(side, code), "%s at the %s", code, side)
			}
		}
	}
}

// Only the engine is written to, row by row. The same refusal from the source is about the statement.
func TestARowIsSetAsideOnlyAtTheEngine(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"22000", "22001", "22003", "22008", "22021", "22P02", "22P03", "23502", "23503", "23505", "23514"} {
		require.Equal(t, engine.ClassQuarantine, sqlstate.Class(engine.SideTarget, code), code)
		require.Equal(t, engine.ClassStop, sqlstate.Class(engine.SideSource, code), code)
	}
}

// An engine that fails over is read-only for a while. The source always is, for ferry: a write there is a mistake that
// no new session cures.
func TestAReadOnlyServerIsWaitedForOnlyAtTheEngine(t *testing.T) {
	t.Parallel()
	require.Equal(t, engine.ClassReconnect, sqlstate.Class(engine.SideTarget, "25006"))
	require.Equal(t, engine.ClassStop, sqlstate.Class(engine.SideSource, "25006"))
}

func TestWhatNobodyThoughtAboutStops(t *testing.T) {
	t.Parallel()
	for _, code := range []string{
		"", "0", "00000", "5", "53", "53400", "54001", "55000", "57000", "58030", "23000", "23P01", "25000", "40000", "40002",
		"42601", "42P02", "F0000", "P0001", "HV000", "ZZZZZ", "2", "xx000",
	} {
		for _, side := range sides {
			require.Equal(t, engine.ClassStop, sqlstate.Class(side, code), "%q at the %s", code, side)
		}
	}
}

func TestAClassedErrorSaysWhereAndWhat(t *testing.T) {
	t.Parallel()
	cause := &pgconn.PgError{Severity: "ERROR", Code: "40P01", Message: "deadlock detected"}
	err := sqlstate.Wrap(engine.SideTarget, "loading loyalty_card", fmt.Errorf("copy: %w", cause))
	require.EqualError(t, err, "engine: loading loyalty_card: copy: ERROR: deadlock detected (SQLSTATE 40P01)")
	require.Equal(t, engine.ClassRetry, engine.ClassOf(err))
	classed, ok := errors.AsType[*engine.DatabaseError](err)
	require.True(t, ok)
	require.Equal(t, engine.SideTarget, classed.Side)
	require.Equal(t, "40P01", classed.SQLState)
	require.Equal(t, "loading loyalty_card", classed.Doing)
	var pg *pgconn.PgError
	require.ErrorAs(t, err, &pg)
	require.Same(t, cause, pg)
}

func TestNothingIsNotAnError(t *testing.T) {
	t.Parallel()
	require.NoError(t, sqlstate.Wrap(engine.SideSource, "reading", nil))
}

func TestAnErrorIsClassedOnce(t *testing.T) {
	t.Parallel()
	first := sqlstate.Wrap(engine.SideSource, "reading loyalty_card", &pgconn.PgError{Code: "53200"})
	require.Same(t, first, sqlstate.Wrap(engine.SideTarget, "loading loyalty_card", first))
	wrapped := fmt.Errorf("batch 7: %w", first)
	require.Equal(t, wrapped, sqlstate.Wrap(engine.SideTarget, "loading loyalty_card", wrapped))
	require.Equal(t, engine.ClassSlowRetry, engine.ClassOf(wrapped))
}

func TestASessionThatEndedIsReplaced(t *testing.T) {
	t.Parallel()
	for name, err := range map[string]error{
		"end of stream":         io.EOF,
		"end within a message":  io.ErrUnexpectedEOF,
		"closed by us":          net.ErrClosed,
		"refused":               &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)},
		"reset":                 os.NewSyscallError("read", syscall.ECONNRESET),
		"broken pipe":           os.NewSyscallError("write", syscall.EPIPE),
		"no such host":          &net.DNSError{Err: "no such host", Name: "db"},
		"a read that took long": os.ErrDeadlineExceeded,
		"a transaction that is": pgx.ErrTxClosed,
		"closed by an earlier":  errors.New("conn closed"),
		"several at once":       errors.Join(errors.New("rollback"), io.ErrUnexpectedEOF),
		"wrapped by our own":    fmt.Errorf("reading: %w", io.EOF),
	} {
		wrapped := sqlstate.Wrap(engine.SideSource, "reading", err)
		require.Equal(t, engine.ClassReconnect, engine.ClassOf(wrapped), name)
		require.ErrorIs(t, wrapped, err, name)
		classed, ok := errors.AsType[*engine.DatabaseError](wrapped)
		require.True(t, ok)
		require.Empty(t, classed.SQLState, "%s: no server said anything", name)
	}
}

func TestWhatIsNeitherTheServersNorTheNetworksStops(t *testing.T) {
	t.Parallel()
	for _, err := range []error{errors.New("cannot scan a text into an integer"), context.Canceled, pgx.ErrNoRows} {
		wrapped := sqlstate.Wrap(engine.SideTarget, "reading", err)
		require.Equal(t, engine.ClassStop, engine.ClassOf(wrapped), err)
		require.ErrorIs(t, wrapped, err)
	}
}

func TestAnErrorIsKeptWithoutItsSecrets(t *testing.T) {
	t.Parallel()
	cause := &pgconn.PgError{Severity: "FATAL", Code: "28P01", Message: "bad option: password=hunter2"}
	err := sqlstate.Wrap(engine.SideSource, "connecting", cause)
	require.EqualError(t, err, "source: connecting: FATAL: bad option: password=*** (SQLSTATE 28P01)")
	var pg *pgconn.PgError
	require.ErrorAs(t, err, &pg, "what it is can still be asked")
	require.Equal(t, "28P01", pg.Code)
}

// What a server and a driver really say, not what we think that they say.
func TestRealErrorsHaveTheirClass(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(t, `CREATE TABLE t (id integer PRIMARY KEY, n numeric(3,1) NOT NULL CHECK (n <> 0), up integer REFERENCES t)`,
		`INSERT INTO t VALUES (1, 1)`)
	conn := db.Conn(t)
	for statement, want := range map[string]engine.ErrorClass{
		`INSERT INTO t VALUES (1, 1)`:         engine.ClassQuarantine,
		`INSERT INTO t VALUES (2, NULL)`:      engine.ClassQuarantine,
		`INSERT INTO t VALUES (2, 0)`:         engine.ClassQuarantine,
		`INSERT INTO t VALUES (2, 1000)`:      engine.ClassQuarantine,
		`INSERT INTO t VALUES (2, 1, 7)`:      engine.ClassQuarantine,
		`SELECT * FROM nowhere`:               engine.ClassStop,
		`SELECT nothing FROM t`:               engine.ClassStop,
		`DO $$ BEGIN RAISE 'because'; END $$`: engine.ClassStop,
	} {
		_, err := conn.Exec(t.Context(), statement)
		require.Equal(t, want, engine.ClassOf(sqlstate.Wrap(engine.SideTarget, "trying", err)), "%s: %v", statement, err)
	}
	_, err := conn.Exec(t.Context(), `SET statement_timeout = '1ms'; SELECT pg_sleep(60)`)
	require.Equal(t, engine.ClassRetry, engine.ClassOf(sqlstate.Wrap(engine.SideSource, "counting", err)), "%v", err)

	_, err = conn.Exec(t.Context(), `SELECT pg_terminate_backend(pg_backend_pid())`)
	require.Equal(t, engine.ClassReconnect, engine.ClassOf(sqlstate.Wrap(engine.SideTarget, "loading", err)), "%v", err)
	_, err = conn.Exec(t.Context(), `SELECT 1`)
	require.Equal(t, engine.ClassReconnect, engine.ClassOf(sqlstate.Wrap(engine.SideTarget, "loading", err)), "%v", err)
}

func TestADeadlineOfOursCountsAsTheServersTimeout(t *testing.T) {
	t.Parallel()
	conn := pgtest.New(t).Conn(t)
	ctx, cancel := context.WithTimeout(t.Context(), 1)
	defer cancel()
	<-ctx.Done()
	_, err := conn.Exec(ctx, `SELECT 1`)
	wrapped := sqlstate.Wrap(engine.SideTarget, "loading", err)
	require.Equal(t, engine.ClassRetry, engine.ClassOf(wrapped), "%v", err)
	classed, ok := errors.AsType[*engine.DatabaseError](wrapped)
	require.True(t, ok)
	require.Equal(t, "57014", classed.SQLState, "so that too many of them end the run")
}

func TestAServerThatIsNotThereIsWaitedForAndAWrongPasswordIsNot(t *testing.T) {
	t.Parallel()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := listener.Addr().String()
	require.NoError(t, listener.Close())
	_, err = pgx.Connect(t.Context(), "postgres://odoo:hunter2@"+address+"/prod")
	err = sqlstate.Wrap(engine.SideSource, "connecting", err)
	require.Equal(t, engine.ClassReconnect, engine.ClassOf(err), "%v", err)
	require.NotContains(t, err.Error(), "hunter2")

	db := pgtest.New(t)
	config, err := pgx.ParseConfig(db.DSN)
	require.NoError(t, err)
	config.Password = "hunter2"
	_, err = pgx.ConnectConfig(t.Context(), config)
	err = sqlstate.Wrap(engine.SideSource, "connecting", err)
	require.Equal(t, engine.ClassStop, engine.ClassOf(err), "%v", err)
	require.NotContains(t, err.Error(), "hunter2")
}
