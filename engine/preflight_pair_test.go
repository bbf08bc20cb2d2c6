package engine

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSameDatabase(t *testing.T) {
	t.Parallel()
	tests := []struct {
		source, target string
		verdict        Verdict
		unsafe         bool
	}{
		{"7/odoo", "7/odoo", Fail, true},
		{"7/odoo", "7/engine", Pass, false},
		{"7/odoo", "8/odoo", Pass, false},
		{"7/odoo", "", CouldNotCheck, false},
		{"", "", CouldNotCheck, false},
	}
	for _, test := range tests {
		line := SameDatabase(test.source, test.target)
		require.Equal(t, test.verdict, line.Verdict, test)
		require.Equal(t, test.unsafe, Preflight{line}.Unsafe(), test)
	}
}

func TestConnectionLine(t *testing.T) {
	t.Parallel()
	tests := []struct {
		transport Transport
		verdict   Verdict
		found     string
	}{
		{Transport{Local: true}, Pass, "on this machine"},
		{Transport{Local: true, TLS: "TLS 1.3"}, Pass, "on this machine"},
		{Transport{TLS: "TLS 1.3", Verified: true}, Pass, "TLS 1.3, certificate and host name verified"},
		{Transport{TLS: "TLS 1.3"}, CouldNotCheck, "TLS 1.3, but who answers is not verified"},
		{Transport{}, CouldNotCheck, "not encrypted"},
	}
	for _, test := range tests {
		line := ConnectionLine(SideSource, "odoo@db/prod", test.transport)
		require.Equal(t, test.verdict, line.Verdict, test)
		require.Contains(t, line.Found, test.found)
		require.Contains(t, line.Found, "odoo@db/prod")
		require.Equal(t, test.verdict != Pass, line.Advice != "")
	}
}

func TestTransportOf(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	for _, verified := range []bool{true, false} {
		conn, err := (&tls.Dialer{Config: &tls.Config{
			RootCAs: roots, ServerName: "example.com", InsecureSkipVerify: !verified,
		}}).DialContext(t.Context(), "tcp", server.Listener.Addr().String())
		require.NoError(t, err)
		require.Equal(t, Transport{Local: true, TLS: "TLS 1.3", Verified: verified}, TransportOf(conn))
		require.NoError(t, conn.Close())
	}
	plain, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", server.Listener.Addr().String())
	require.NoError(t, err)
	defer plain.Close()
	require.Equal(t, Transport{Local: true}, TransportOf(plain))
}

func TestLinesOfAServer(t *testing.T) {
	t.Parallel()
	require.Equal(t, Fail, VersionLine(SideSource, "12.22", 120022, false).Verdict)
	require.Equal(t, PreflightLine{Name: "source: version", Verdict: Pass, Found: "PostgreSQL 13.1, a standby"},
		VersionLine(SideSource, "13.1", 130001, true))
	require.Equal(t, Pass, EncodingLine(SideTarget, "UTF8").Verdict)
	require.Equal(t, Fail, EncodingLine(SideTarget, "SQL_ASCII").Verdict)
	require.Equal(t, Pass, ClockLine(SideSource, -5*time.Second, 0).Verdict)
	require.Equal(t, Fail, ClockLine(SideSource, -5001*time.Millisecond, 0).Verdict)
	require.Equal(t, Pass, ClockLine(SideSource, 6*time.Second, 4*time.Second).Verdict, "the round trip may explain it")
}
