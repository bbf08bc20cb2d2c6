package session_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ferry/store/session"
)

const canary = "s3cr3t-c4n4ry"

func TestFactsHoldNoSecret(t *testing.T) {
	t.Parallel()
	passfile := write(t, "pass", "*:*:*:*:"+canary+"\n", 0o600)
	servicefile := write(t, "service", "[s]\nhost=/run/postgresql\nuser=u\ndbname=d\npassword="+canary+
		"\n[plain]\nhost=/run/postgresql\npassfile="+passfile, 0o600)
	for dsn, from := range map[string]string{
		"host=/run/postgresql user=u dbname=d passfile=/nowhere":                     "nowhere",
		"postgres://u:" + canary + "@127.0.0.1/d":                                    "the connection string",
		"host=/run/postgresql user=u dbname=d password=" + canary:                    "the connection string",
		"host=/run/postgresql user=u dbname=d passfile=" + passfile:                  "the password file " + passfile,
		"postgres://u@localhost/d?passfile=" + passfile:                              "the password file " + passfile,
		"service=s servicefile=" + servicefile:                                       "the service file " + servicefile,
		"service=s password='' passfile=" + passfile + " servicefile=" + servicefile: "the password file " + passfile,
		"service=plain user=u dbname=d servicefile=" + servicefile:                   "the password file " + passfile,
	} {
		facts, err := session.Check(dsn, false)
		require.NoError(t, err, dsn)
		require.Equal(t, from, facts.Password, dsn)
		require.Equal(t, "local", facts.TLS)
		require.False(t, facts.Insecure)
		require.Contains(t, facts.Address, "u@")
		require.NotContains(t, fmt.Sprint(facts), canary)
	}
}

func TestWhatIsAllowedIsStillSaid(t *testing.T) {
	t.Parallel()
	_, err := session.Check("host=db.example.com sslmode=require", false)
	require.ErrorContains(t, err, "sslmode=require encrypts for anyone who answers")
	facts, err := session.Check("host=db.example.com sslmode=require", true)
	require.NoError(t, err)
	require.True(t, facts.Insecure)
	require.Equal(t, "require", facts.TLS)
	facts, err = session.Check("host=db.example.com sslmode=verify-full", true)
	require.NoError(t, err)
	require.False(t, facts.Insecure, "allowed, and not made use of")
	_, err = session.Check("host=db.example.com sslmode=none", true)
	require.ErrorContains(t, err, "sslmode is invalid")
}

func TestAFileWithAPasswordIsItsOwnersAlone(t *testing.T) {
	t.Parallel()
	for _, mode := range []os.FileMode{0o640, 0o604, 0o644, 0o660, 0o601} {
		file := write(t, "pass file", "*:*:*:*:"+canary+"\n", 0o600)
		require.NoError(t, os.Chmod(file, mode))
		_, err := session.Check("host=localhost passfile='"+file+"'", false)
		require.ErrorContains(t, err, "run `chmod 600 '"+file+"'`")
		require.ErrorContains(t, session.CheckPassfile(file), "chmod 600")
		require.NotContains(t, err.Error(), canary)

		_, err = session.Check("host=localhost password=other passfile='"+file+"'", false)
		require.NoError(t, err, "a file that is not needed is left alone")

		service := write(t, "service", "[s]\nhost=localhost\npassword="+canary, 0o600)
		require.NoError(t, os.Chmod(service, mode))
		_, err = session.Check("service=s servicefile="+service, false)
		require.ErrorContains(t, err, "the service file "+service+" is open to others")
	}
	open := write(t, "open", "[s]\nhost=localhost\n", 0o644)
	_, err := session.Check("service=s servicefile="+open, false)
	require.NoError(t, err, "a service file without a password may be everybody's")
}

func TestANamedPasswordFileMustBeThere(t *testing.T) {
	t.Parallel()
	require.NoError(t, session.CheckPassfile(write(t, "pass", "", 0o600)))
	require.NoError(t, session.CheckPassfile(os.DevNull), "the usual way to say that there is none")
	require.ErrorContains(t, session.CheckPassfile(filepath.Join(t.TempDir(), "none")), "no such file")
	require.ErrorContains(t, session.CheckPassfile(t.TempDir()), "is a folder")
}

func TestThePasswordsOfTheEnvironment(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	t.Setenv("PGPASSFILE", write(t, "pass", "*:*:*:*:"+canary+"\n", 0o600))
	facts, err := session.Check("host=localhost", false)
	require.NoError(t, err)
	require.Equal(t, "the password file "+os.Getenv("PGPASSFILE"), facts.Password)

	t.Setenv("PGPASSFILE", "")
	home := filepath.Join(os.Getenv("HOME"), ".pgpass")
	require.NoError(t, os.WriteFile(home, []byte("*:*:*:*:"+canary), 0o644))
	_, err = session.Check("host=localhost", false)
	require.ErrorContains(t, err, "chmod 600 "+home)

	t.Setenv("PGPASSWORD", canary)
	facts, err = session.Check("host=localhost", false)
	require.NoError(t, err)
	require.Equal(t, "the environment (PGPASSWORD)", facts.Password)
}

func TestParametersReadWhatTheDriverReads(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		password := rapid.StringMatching(`[a-zA-Z0-9 '\\=+%@:/?&#é]{1,12}`).Draw(t, "password")
		if strings.TrimSpace(password) == "" {
			return
		}
		keywords := "host=localhost passfile=/nowhere user = u password='" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(password) + "' dbname=d"
		config, err := pgx.ParseConfig(keywords)
		if err != nil {
			t.Fatal(err)
		}
		if got := session.Parameters(keywords)["password"]; got != config.Password {
			t.Fatalf("%q: %q, the driver reads %q", keywords, got, config.Password)
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		raw := rapid.StringMatching(`[a-zA-Z0-9+:?#&=;,.*%]{0,3}(%2[0-9A-F]|%4[0-9a-f]|[a-z0-9?#&+]){1,6}`).Draw(t, "password")
		for _, dsn := range []string{
			"postgres://u:" + raw + "@localhost/d?passfile=/nowhere",
			"postgresql://u@localhost/d?sslmode=disable&password=" + raw + "&passfile=/nowhere",
		} {
			config, err := pgx.ParseConfig(dsn)
			if err != nil {
				continue
			}
			if got := session.Parameters(dsn)["password"]; got != config.Password {
				t.Fatalf("%q: %q, the driver reads %q", dsn, got, config.Password)
			}
		}
	})
}

func TestAPasswordFileIsAdded(t *testing.T) {
	t.Parallel()
	file := write(t, "a file, it's", "*:*:*:*:"+canary+"\n", 0o600)
	for _, dsn := range []string{
		"host=localhost user=u",
		"postgres://u@localhost",
		"postgres://u@localhost/d",
		"postgres://u@localhost/d?sslmode=disable",
		"postgres://u?x@localhost/d",
	} {
		config, err := pgx.ParseConfig(session.WithPassfile(dsn, file))
		require.NoError(t, err, dsn)
		require.Equal(t, canary, config.Password, dsn)
	}
	for _, dsn := range []string{"", "host=localhost passfile=/other", "postgres://u@h/d?passfile=%2Fother"} {
		require.Equal(t, dsn, session.WithPassfile(dsn, file))
	}
	require.Equal(t, "host=localhost", session.WithPassfile("host=localhost", ""))
}
