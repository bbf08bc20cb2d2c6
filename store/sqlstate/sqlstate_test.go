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

var (
	sides  = []engine.Side{engine.SideSource, engine.SideTarget}
	phases = []sqlstate.Phase{
		sqlstate.PhaseConnect, sqlstate.PhaseRead, sqlstate.PhaseWrite, sqlstate.PhaseKeys, sqlstate.PhaseCommit,
	}
)

func classAt(side engine.Side, phase sqlstate.Phase, code string) engine.ErrorClass {
	return sqlstate.Decide(sqlstate.Place{Side: side, Phase: phase}, code).Class
}

func TestCodesThatMeanTheSameEverywhere(t *testing.T) {
	t.Parallel()
	for class, codes := range map[engine.ErrorClass][]string{
		engine.ClassRetry: {"40001", "40P01", "55P03", "25P02", "25P04", "72000"},
		engine.ClassReconnect: {
			"08000", "08001", "08003", "08004", "08006", "08007", "08P01", "57P01", "57P02", "57P03", "57P04", "57P05", "53300",
			"25P03", "40003",
		},
		engine.ClassSlowRetry: {"53000", "53100", "53200", "58030"},
		engine.ClassStop: {
			"28000", "28P01", "3D000", "42501", "42P01", "42703", "XX000", "XX001", "XX002", "0A000", "53400", "58P01", "54001",
			"23000", "23001", "23P01", "42601", "P0001", "22P04", "55000", "55006", "57000",
		},
	} {
		for _, code := range codes {
			for _, side := range sides {
				for _, phase := range phases {
					require.Equal(t, class, classAt(side, phase, code), "%s at the %s, %s", code, side, phase)
				}
			}
		}
	}
}

// Only the engine is written to, row by row. The same refusal from the source is about the statement.
func TestARowIsSetAsideOnlyAtTheEngine(t *testing.T) {
	t.Parallel()
	for _, code := range []string{
		"22000", "22001", "22003", "22008", "22021", "22P02", "22P03", "23502", "23503", "23505", "23514", "54000",
	} {
		require.Equal(t, engine.ClassQuarantine, classAt(engine.SideTarget, sqlstate.PhaseWrite, code), code)
		require.Equal(t, engine.ClassStop, classAt(engine.SideSource, sqlstate.PhaseRead, code), code)
		require.Equal(t, engine.ClassStop, classAt(engine.SideTarget, sqlstate.PhaseRead, code), code)
		require.Equal(t, engine.ClassStop, classAt(engine.SideTarget, sqlstate.PhaseKeys, code), code)
	}
}

// An id is Odoo's: neither side can be given another by ferry. A value that is checked late was taken by a concurrent
// transaction, else it would have been found before.
func TestAValueThatIsThereAlready(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		phase     sqlstate.Phase
		onID, not engine.ErrorClass
	}{
		{sqlstate.PhaseRead, engine.ClassStop, engine.ClassStop},
		{sqlstate.PhaseWrite, engine.ClassStop, engine.ClassQuarantine},
		{sqlstate.PhaseKeys, engine.ClassStop, engine.ClassStop},
		{sqlstate.PhaseCommit, engine.ClassStop, engine.ClassRetry},
	} {
		at := sqlstate.Place{Side: engine.SideTarget, Phase: test.phase}
		require.Equal(t, test.not, sqlstate.Decide(at, "23505").Class, test.phase)
		at.OnID = true
		require.Equal(t, test.onID, sqlstate.Decide(at, "23505").Class, "the id, %s", test.phase)
	}
}

// A timeout ends a statement; while a session is being opened there is none, only a server that is too busy.
func TestATimeoutIsTheStatementsUnlessThereIsNoSessionYet(t *testing.T) {
	t.Parallel()
	for _, side := range sides {
		for _, phase := range phases {
			want := engine.ClassRetry
			if phase == sqlstate.PhaseConnect {
				want = engine.ClassReconnect
			}
			require.Equal(t, want, classAt(side, phase, "57014"), phase)
		}
	}
}

// An engine that fails over is read-only for a while. The source always is, for ferry: a write there is a mistake that
// no new session cures.
func TestAReadOnlyServerIsWaitedForOnlyAtTheEngine(t *testing.T) {
	t.Parallel()
	for _, phase := range phases {
		require.Equal(t, engine.ClassReconnect, classAt(engine.SideTarget, phase, "25006"))
		require.Equal(t, engine.ClassStop, classAt(engine.SideSource, phase, "25006"))
	}
}

func TestTheSameRefusalIsClassedByWhatWasBeingDone(t *testing.T) {
	t.Parallel()
	refusal := &pgconn.PgError{Code: "23503"}
	for phase, want := range map[sqlstate.Phase]engine.ErrorClass{
		sqlstate.PhaseRead:   engine.ClassStop,
		sqlstate.PhaseWrite:  engine.ClassQuarantine,
		sqlstate.PhaseKeys:   engine.ClassStop,
		sqlstate.PhaseCommit: engine.ClassRetry,
	} {
		err := sqlstate.WrapAt(sqlstate.Place{Side: engine.SideTarget, Phase: phase}, "trying", refusal)
		require.Equal(t, want, engine.ClassOf(err), phase)
	}
	require.Equal(t, engine.ClassQuarantine, engine.ClassOf(sqlstate.Wrap(engine.SideTarget, "trying", refusal)))
	require.Equal(t, engine.ClassStop, engine.ClassOf(sqlstate.Wrap(engine.SideSource, "trying", refusal)))
}

// Whether it took place is unknown: neither may the run fail for it, nor may it count as one of too many timeouts.
func TestACommitWithoutAnAnswerIsAskedAboutOnANewSession(t *testing.T) {
	t.Parallel()
	at := sqlstate.Place{Side: engine.SideTarget, Phase: sqlstate.PhaseCommit}
	for name, err := range map[string]error{
		"the connection ended":       io.ErrUnexpectedEOF,
		"it was reset":               os.NewSyscallError("read", syscall.ECONNRESET),
		"our deadline passed":        fmt.Errorf("timeout: %w", context.DeadlineExceeded),
		"we stopped waiting":         context.Canceled,
		"the server was ended":       &pgconn.PgError{Severity: "FATAL", Code: "57P01"},
		"a pooler does not know":     &pgconn.PgError{Code: "08007"},
		"an earlier error closed it": errors.New("conn closed"),
	} {
		wrapped := sqlstate.WrapAt(at, "committing a batch", err)
		require.Equal(t, engine.ClassReconnect, engine.ClassOf(wrapped), name)
		classed, ok := errors.AsType[*engine.DatabaseError](wrapped)
		require.True(t, ok)
		require.NotEqual(t, "57014", classed.SQLState, name)
	}
	refused := sqlstate.WrapAt(at, "committing a batch", &pgconn.PgError{Code: "57014"})
	require.Equal(t, engine.ClassRetry, engine.ClassOf(refused), "the server's own timeout says that it did not take place")
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

// A deferred constraint, a transaction that had failed, and a session that was ended, each at COMMIT.
func TestRealErrorsOfACommit(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(t, `CREATE TABLE t (id integer PRIMARY KEY, code text UNIQUE DEFERRABLE INITIALLY DEFERRED)`, `INSERT INTO t VALUES (1, 'A')`)
	at := sqlstate.Place{Side: engine.SideTarget, Phase: sqlstate.PhaseCommit}
	commit := func(statement string) (engine.ErrorClass, error) {
		tx, err := db.Conn(t).Begin(t.Context())
		require.NoError(t, err)
		_, _ = tx.Exec(t.Context(), statement) // some are to fail
		err = tx.Commit(t.Context())
		require.Error(t, err, statement)
		return engine.ClassOf(sqlstate.WrapAt(at, "committing a batch", err)), err
	}
	for statement, want := range map[string]engine.ErrorClass{
		`INSERT INTO t VALUES (2, 'A')`:                 engine.ClassRetry,
		`SELECT * FROM nowhere`:                         engine.ClassRetry,
		`SELECT pg_terminate_backend(pg_backend_pid())`: engine.ClassReconnect,
	} {
		class, err := commit(statement)
		require.Equal(t, want, class, "%s: %v", statement, err)
	}
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
