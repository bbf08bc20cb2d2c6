package engine

import (
	"crypto/tls"
	"fmt"
	"net"
	"strings"
	"time"
)

// OldestPostgres is the first major version of PostgreSQL that ferry works with, on either side.
const OldestPostgres = 13

// clockTolerance is how far apart the clocks of this machine and a server may be. Ages and freshness compare them.
const clockTolerance = 5 * time.Second

// PassLine is a precondition that holds, with its figure.
func PassLine(name, found string) PreflightLine {
	return PreflightLine{Name: name, Verdict: Pass, Found: found}
}

// FailLine is a precondition that does not hold, with what to do about it.
func FailLine(name, found, advice string) PreflightLine {
	return PreflightLine{Name: name, Verdict: Fail, Found: found, Advice: advice}
}

// UnknownLine is a precondition that could not be checked, with what would make it visible.
func UnknownLine(name, found, advice string) PreflightLine {
	return PreflightLine{Name: name, Verdict: CouldNotCheck, Found: found, Advice: advice}
}

// SameDatabase compares the identities of source and target, each "system identifier/database": a run must never write
// what it reads. A standby has its primary's identity, so a pair of those is found too; two databases of one cluster
// are well.
func SameDatabase(source, target string) PreflightLine {
	const name = "source and target"
	if source == "" || target == "" {
		return UnknownLine(name, "the identity of a database is unknown, so they cannot be told apart", "")
	}
	if source == target {
		line := FailLine(name, "source and target are the same database ("+source+")",
			"give the engine a database of its own in --target: ferry would write into Odoo's")
		line.Unsafe = true
		return line
	}
	sourceSystem, _, _ := strings.Cut(source, "/")
	targetSystem, _, _ := strings.Cut(target, "/")
	if sourceSystem == targetSystem {
		return PassLine(name, "two databases of one cluster: a load competes with Odoo for its disk and memory")
	}
	return PassLine(name, "two clusters")
}

// Transport is how a session reaches its server.
type Transport struct {
	Local    bool   // over a Unix socket or the loopback interface
	TLS      string // "TLS 1.3"; empty: in the clear
	Verified bool   // the server's certificate and host name were checked
}

// TransportOf looks at an open connection.
func TransportOf(conn net.Conn) Transport {
	var t Transport
	switch addr := conn.RemoteAddr().(type) {
	case *net.UnixAddr:
		t.Local = true
	case *net.TCPAddr:
		t.Local = addr.IP.IsLoopback()
	}
	if secure, ok := conn.(*tls.Conn); ok {
		state := secure.ConnectionState()
		t.TLS = tls.VersionName(state.Version)
		// Empty unless the library's own verification ran, which includes the host name: verify-ca leaves that out.
		t.Verified = len(state.VerifiedChains) > 0
	}
	return t
}

// ConnectionLine says where a database was reached and whether the way there can be trusted.
func ConnectionLine(side Side, address string, t Transport) PreflightLine {
	name := string(side) + ": connection"
	const advice = "add sslmode=verify-full and sslrootcert=… to the connection string"
	switch {
	case t.TLS != "" && t.Verified:
		return PassLine(name, address+", "+t.TLS+", certificate and host name verified")
	case t.Local:
		return PassLine(name, address+", on this machine")
	case t.TLS != "":
		return UnknownLine(name, address+", "+t.TLS+", but who answers is not verified", advice)
	}
	return UnknownLine(name, address+", not encrypted, and who answers is not verified", advice)
}

// VersionLine judges a server's version; number is its server_version_num.
func VersionLine(side Side, version string, number int, standby bool) PreflightLine {
	name := string(side) + ": version"
	found := "PostgreSQL " + version
	if standby {
		found += ", a standby"
	}
	if number/10_000 < OldestPostgres {
		return FailLine(name, found, fmt.Sprintf("ferry needs PostgreSQL %d or newer", OldestPostgres))
	}
	return PassLine(name, found)
}

// EncodingLine judges a database's encoding: in any other one, texts are converted or, worse, not even known to be texts.
func EncodingLine(side Side, encoding string) PreflightLine {
	name := string(side) + ": encoding"
	if encoding != "UTF8" {
		return FailLine(name, encoding, "ferry needs a database in UTF8: CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0")
	}
	return PassLine(name, encoding)
}

// ClockLine judges how far a server's clock is ahead of this machine's (behind, if negative), as measured over a round
// trip of the given length.
func ClockLine(side Side, ahead, trip time.Duration) PreflightLine {
	name := string(side) + ": clock"
	off := max(ahead.Abs()-trip/2, 0) // the reading may have been taken anywhere in the round trip
	found := fmt.Sprintf("%s apart from this machine, measured over %s",
		ahead.Abs().Round(time.Millisecond), trip.Round(time.Millisecond))
	if off > clockTolerance {
		return FailLine(name, found, "let both machines keep time (NTP): ages and freshness would be wrong by that much")
	}
	return PassLine(name, found)
}
