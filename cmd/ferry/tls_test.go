package main

import (
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ferry/store/embedded/pgtest"
)

// overTLS sets up databases that are reached as those of other machines are, through connection strings with these
// parameters; {ca} stands for the file of the right authority, {stranger} for that of a wrong one.
func overTLS(t *testing.T, parameters string) *bench {
	t.Helper()
	b, there := setup(t), pgtest.OverTLS(t)
	parameters = strings.NewReplacer("{ca}", there.CA, "{stranger}", there.Stranger).Replace(parameters)
	for _, name := range []string{"FERRY_SOURCE", "FERRY_TARGET"} {
		b.env[name] = there.DSN(t, b.env[name], parameters)
	}
	return b
}

// found gives the lines of preflight by their names.
func (b *bench) found(t *testing.T, code int, args ...string) map[string]map[string]any {
	t.Helper()
	a := b.ferry(t, append([]string{"preflight", "--forecast=false", "--json"}, args...)...)
	require.Equal(t, code, a.code, a.out+a.err)
	out := map[string]map[string]any{}
	for _, line := range lines(t, a.out) {
		if name, ok := line["name"].(string); ok {
			out[name] = line
		}
	}
	return out
}

func TestDatabasesElsewhereAreVerified(t *testing.T) {
	t.Parallel()
	b := overTLS(t, "sslmode=verify-full&sslrootcert={ca}")
	for name, line := range b.found(t, exitClean) {
		if strings.HasSuffix(name, ": connection") {
			require.Equal(t, "pass", line["verdict"])
			require.Contains(t, line["found"], "TLS 1.3, certificate and host name verified")
		}
	}
	require.Equal(t, exitClean, b.ferry(t, "init").code)
	require.Equal(t, exitDiscrepancy, b.ferry(t, "sync", "full").code, "every row goes that way; many are rejected")

	p := launch(t, b.env, true)
	require.NoError(t, resize(p, 200, 24))
	p.shows("#1", "s start")
	require.NotContains(t, p.text(), "unverified")
	p.press("q")
	require.Equal(t, exitClean, p.exits())
}

// A certificate that is not right stops everything, and is said in one sentence.
func TestADatabaseThatDoesNotProveWhoItIs(t *testing.T) {
	t.Parallel()
	b := overTLS(t, "sslmode=verify-full&sslrootcert={stranger}")
	right := overTLS(t, "sslmode=verify-full&sslrootcert={ca}")
	_, port, err := net.SplitHostPort(pgtest.Server(t).Addr())
	require.NoError(t, err)
	misnamed := pgtest.Elsewhere{Address: "localhost:" + port}
	_, parameters, _ := strings.Cut(right.env["FERRY_SOURCE"], "?")
	right.env["FERRY_SOURCE"] = misnamed.DSN(t, right.env["FERRY_SOURCE"], parameters)
	for name, c := range map[string]struct {
		*bench

		says string
	}{
		"another authority": {b, "certificate signed by unknown authority"},
		"another host":      {right, "wanted to match localhost"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			line := c.found(t, exitError)["source: connection"]
			require.Equal(t, "fail", line["verdict"])
			require.Contains(t, line["found"], c.says)
			require.Contains(t, line["advice"], "sslrootcert")
			a := c.ferry(t, "sync", "full")
			require.Equal(t, exitError, a.code)
			require.Contains(t, a.err, "certificate")
			require.Contains(t, a.err, "sslrootcert")
			require.Equal(t, 1, strings.Count(a.err, "\n"), a.err)
		})
	}
}

func TestADatabaseElsewhereMayBeAllowedUnverified(t *testing.T) {
	t.Parallel()
	b := overTLS(t, "sslmode=require")
	for _, command := range [][]string{{"preflight"}, {"init"}, {"status"}, {"sync", "full"}, {"--plain"}} {
		a := b.ferry(t, command...)
		require.Equal(t, exitUsage, a.code, command)
		require.Contains(t, a.err, "sslmode=require encrypts for anyone who answers")
		require.Contains(t, a.err, "--allow-unverified-tls=source")
	}
	a := b.ferry(t, "preflight", "--allow-unverified-tls=source")
	require.Equal(t, exitUsage, a.code)
	require.Contains(t, a.err, "--allow-unverified-tls=target", "each side by itself")

	all := b.found(t, exitClean, "--allow-unverified-tls")
	for _, name := range []string{"source: connection", "engine: connection"} {
		require.Equal(t, "could not check", all[name]["verdict"])
		require.Contains(t, all[name]["found"], "TLS 1.3, but who answers is not verified")
	}
	require.Contains(t, b.ferry(t, "config", "check", "--allow-unverified-tls").out, "NOT VERIFIED: sslmode=require, allowed by --allow-unverified-tls")

	p := launch(t, b.env, true, "--allow-unverified-tls")
	require.NoError(t, resize(p, 200, 24)) // room for the long names that databases of tests have
	p.shows("unverified")
	p.press("q")
	require.Equal(t, exitClean, p.exits())
}
