package session_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"ferry/store/session"
)

// write makes a file of a test.
func write(t *testing.T, name, text string, mode os.FileMode) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(file, []byte(text), mode))
	return file
}

const services = `
[verified]
host=db.example.com
sslmode=verify-full
[careless]
host=db.example.com
[here]
host=/run/postgresql
`

func TestAServerElsewhereMustBeVerified(t *testing.T) {
	t.Parallel()
	file := write(t, "pg_service.conf", services, 0o600)
	for _, c := range []struct {
		dsn  string
		mode string // found at the host; empty: all is well
		host string
	}{
		{"postgres:///prod?host=/run/postgresql", "", ""},
		{"host=/run/postgresql dbname=prod sslmode=disable", "", ""},
		{"host=localhost", "", ""},
		{"host=LocalHost sslmode=disable", "", ""},
		{"postgres://u@127.0.0.1/prod", "", ""},
		{"postgres://u@127.8.9.10:5433/prod?sslmode=require", "", ""},
		{"postgres://u@[::1]:5433/prod", "", ""},
		{"host=::ffff:127.0.0.1 sslmode=prefer", "", ""},
		{"postgres://u@db.example.com/prod?sslmode=verify-full", "", ""},
		{"host=db.example.com sslmode=verify-full", "", ""},
		{"host=db.example.com sslmode=disable sslrootcert=system sslmode='verify-full'", "", ""},
		{"host=db.example.com sslrootcert=system", "", ""}, // it implies verify-full, whatever else is said
		{"host=10.0.4.7 sslmode=verify-full sslnegotiation=direct", "", ""},
		{"service=verified servicefile=" + file, "", ""},
		{"postgres:///?service=verified&servicefile=" + file, "", ""},
		{"service=here servicefile=" + file, "", ""},
		{"postgres://u@a.example.com,b.example.com:5433/prod?sslmode=verify-full", "", ""},
		{"host=localhost,db.example.com,/run/postgresql sslmode=verify-full", "", ""},

		{"postgres://u@db.example.com/prod", "prefer", "db.example.com"},
		{"host=db.example.com", "prefer", "db.example.com"},
		{"host=db.example.com sslmode=disable", "disable", "db.example.com"},
		{"host=db.example.com sslmode=allow", "allow", "db.example.com"},
		{"postgresql://u@db.example.com/prod?sslmode=require", "require", "db.example.com"},
		{"postgresql://u@db.example.com/prod?ssl=true", "require", "db.example.com"},
		{"host=db.example.com sslnegotiation=direct", "require", "db.example.com"},
		{"host=db.example.com sslmode=verify-ca", "verify-ca", "db.example.com"},
		{"host=10.0.4.7 sslmode=prefer", "prefer", "10.0.4.7"},
		{"postgres://u@[2001:db8::1]/prod?sslmode=disable", "disable", "2001:db8::1"},
		{"host=0.0.0.0", "prefer", "0.0.0.0"},
		{"host=127.1 sslmode=disable", "disable", "127.1"}, // not written as an address, so it may be anybody's name
		{"host=localhost.example.com", "prefer", "localhost.example.com"},
		{"service=careless servicefile=" + file, "prefer", "db.example.com"},
		{"service=verified sslmode=require servicefile=" + file, "require", "db.example.com"},
		{"postgres://u@localhost,db.example.com/prod?sslmode=allow", "allow", "db.example.com"},
		{"postgres://u@a.example.com,b.example.com/prod?sslmode=disable", "disable", "a.example.com"},
		{"host=db.example.com,db.example.com sslmode=disable", "disable", "db.example.com"},
		{"host=/run/postgresql,db.example.com port=5432,5433", "prefer", "db.example.com"},
	} {
		t.Run(c.dsn, func(t *testing.T) {
			t.Parallel()
			config, err := pgx.ParseConfig(c.dsn)
			require.NoError(t, err)
			require.NoError(t, session.CheckTLS(config, true), "allowed")
			err = session.CheckTLS(config, false)
			if c.mode == "" {
				require.NoError(t, err)
				require.Nil(t, session.Unverified(config))
				return
			}
			found, ok := errors.AsType[*session.UnverifiedError](err)
			require.True(t, ok, "%v", err)
			require.Equal(t, session.UnverifiedError{Host: c.host, Mode: c.mode}, *found)
			require.ErrorContains(t, err, "sslmode="+c.mode+" ")
			require.ErrorContains(t, err, "write sslmode=verify-full")
			require.ErrorContains(t, err, c.host)
			require.Equal(t, found, session.Unverified(config))
		})
	}
}

func TestTheEnvironmentIsSeenToo(t *testing.T) {
	t.Setenv("PGHOST", "db.example.com")
	t.Setenv("PGSSLMODE", "require")
	_, err := session.Check("user=u dbname=prod", false)
	require.ErrorContains(t, err, "db.example.com is not verified: sslmode=require")
	t.Setenv("PGSSLMODE", "verify-full")
	facts, err := session.Check("user=u dbname=prod", false)
	require.NoError(t, err)
	require.Equal(t, "verify-full", facts.TLS)
	t.Setenv("PGSERVICEFILE", write(t, "services", services, 0o600))
	t.Setenv("PGSERVICE", "careless")
	_, err = session.Check("user=u", false)
	require.NoError(t, err, "the service names no sslmode, the environment does")
	t.Setenv("PGSSLMODE", "")
	_, err = session.Check("user=u", false)
	require.ErrorContains(t, err, "sslmode=prefer")
}
