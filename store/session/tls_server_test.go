package session_test

import (
	"context"
	"crypto/tls"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ferry/engine"
	"ferry/store/embedded/pgtest"
	"ferry/store/session"
	"ferry/store/sqlstate"
)

func TestMain(m *testing.M) { pgtest.Main(m, pgtest.CheckLeaks()) }

// reach opens a session as ferry's stores do, and says how it goes there.
func reach(t *testing.T, dsn string) (engine.Transport, error) {
	t.Helper()
	pool, err := session.Open(t.Context(), dsn, "ferry test", 1, nil)
	require.NoError(t, err)
	defer pool.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return engine.Transport{}, sqlstate.Wrap(engine.SideTarget, "connecting", err)
	}
	defer conn.Release()
	return engine.TransportOf(conn.Conn().PgConn().Conn()), nil
}

func TestAServerThatProvesWhoItIs(t *testing.T) {
	t.Parallel()
	db, there := pgtest.New(t), pgtest.OverTLS(t)
	dsn := there.DSN(t, db.DSN, "sslmode=verify-full&sslrootcert="+there.CA)
	facts, err := session.Check(dsn, false)
	require.NoError(t, err)
	require.False(t, facts.Insecure)
	way, err := reach(t, dsn)
	require.NoError(t, err)
	require.Equal(t, engine.Transport{TLS: "TLS 1.3", Verified: true}, way)
}

// Nobody speaks to a server that does not prove who it is, nor tries it again and again: that does not pass by itself.
func TestAServerThatCouldBeAnyoneIsRefused(t *testing.T) {
	t.Parallel()
	db, there := pgtest.New(t), pgtest.OverTLS(t)
	elsewhere := there
	_, port, err := net.SplitHostPort(pgtest.Server(t).Addr())
	require.NoError(t, err)
	elsewhere.Address = "localhost:" + port
	for name, dsn := range map[string]string{
		"another authority":        there.DSN(t, db.DSN, "sslmode=verify-full&sslrootcert="+there.Stranger),
		"the system's authorities": there.DSN(t, db.DSN, "sslmode=verify-full"),
		"another host":             elsewhere.DSN(t, db.DSN, "sslmode=verify-full&sslrootcert="+there.CA),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := session.Check(dsn, false)
			require.NoError(t, err, "nothing is wrong with the address")
			_, err = reach(t, dsn)
			require.ErrorContains(t, err, "certificate")
			failure := &tls.CertificateVerificationError{}
			require.ErrorAs(t, err, &failure)
			found := &engine.DatabaseError{}
			require.ErrorAs(t, err, &found)
			require.Equal(t, engine.ClassStop, found.Class)
		})
	}
	way, err := reach(t, elsewhere.DSN(t, db.DSN, "sslmode=verify-ca&sslrootcert="+there.CA))
	require.NoError(t, err, "verify-ca takes the certificate of any other host")
	require.False(t, way.Verified)
}

// Below verify-full the server must be allowed in so many words, and is seen for what it is.
func TestAServerThatIsAllowedUnverified(t *testing.T) {
	t.Parallel()
	db, there := pgtest.New(t), pgtest.OverTLS(t)
	for mode, way := range map[string]engine.Transport{
		"disable": {}, "allow": {}, "prefer": {TLS: "TLS 1.3"}, "require": {TLS: "TLS 1.3"},
	} {
		dsn := there.DSN(t, db.DSN, "sslmode="+mode)
		_, err := session.Check(dsn, false)
		require.ErrorContains(t, err, "is not verified: sslmode="+mode)
		facts, err := session.Check(dsn, true)
		require.NoError(t, err)
		require.True(t, facts.Insecure)
		found, err := reach(t, dsn)
		require.NoError(t, err)
		require.Equal(t, way, found, mode)
		line := engine.ConnectionLine(engine.SideSource, facts.Address, found)
		require.Equal(t, engine.CouldNotCheck, line.Verdict)
		require.Contains(t, line.Found, "who answers is not verified")
	}
}
