// Package cure knows what to do about an error, in one sentence for an operator at night.
//
// It reads the text of the error, because that is all that a snapshot carries; the first entry that matches speaks. An
// error without an entry gets no advice, rather than a guess.
package cure

import (
	"context"
	"errors"
	"strings"

	"ferry/engine"
)

var cures = []struct{ sign, advice string }{
	{"connection refused", "nothing listens there: is PostgreSQL running, and are host and port right?"},
	{"no such file or directory", "no server has its socket there: is PostgreSQL running, and are directory and port right?"},
	{"no such host", "the host name is unknown: check the address, or the resolver"},
	{"password authentication failed", "check user and password of this connection"},
	{"SQLSTATE 28", "the server refuses this login: check user, password and pg_hba.conf"},
	{"no pg_hba.conf entry", "the server does not let this host in: add a line to its pg_hba.conf"},
	{"SQLSTATE 25006", "the server takes no writes, as a standby or by a setting: `ferry preflight` says which"},
	{"SQLSTATE 3D000", "that database does not exist: check its name"},
	{"SQLSTATE 42501", "the role lacks a grant: `ferry preflight` names it, `ferry grants` prints all"},
	{"SQLSTATE 42P01", "a table is missing: `ferry preflight` names it"},
	{"SQLSTATE 42703", "a column is missing: `ferry preflight` names it"},
	{"SQLSTATE 53100", "the disk is full: free space there; ferry goes on by itself"},
	{"SQLSTATE 53200", "the server is out of memory: ferry tries again by itself"},
	{"SQLSTATE 53300", "the server has no connections left: ferry tries again by itself"},
	{"too many clients", "the server has no connections left: ferry tries again by itself"},
	{"SQLSTATE 55P03", "another session holds a lock: ferry tries again by itself"},
	{"SQLSTATE 40", "two transactions met: ferry tries again by itself"},
	{"SQLSTATE 57P03", "the server is starting or stopping: ferry tries again by itself"},
	{"failed to verify certificate", "the server does not prove who it is: give its authority's certificate as sslrootcert=FILE, and the host as the " +
		"certificate names it"},
	{"server refused TLS connection", "the server speaks no TLS: turn it on there (ssl = on)"},
	{"i/o timeout", "no answer: a firewall between, or the host is down?"},
	{"context deadline exceeded", "no answer in time: a firewall between, or the host is overloaded?"},
	{"network is unreachable", "there is no route to that host: check network or VPN"},
	{"no route to host", "there is no route to that host: check network or VPN"},
}

// For gives the advice for an error's text, or nothing.
func For(text string) string {
	for _, c := range cures {
		if strings.Contains(text, c.sign) {
			return c.advice
		}
	}
	return ""
}

// stages are the words that stand before what went wrong when a connection fails; before them stand addresses, which
// are shown anyway.
var stages = []string{
	"dial error: ", "server error: ", "failed SASL auth: ", "tls error: ", "failed to write startup message: write failed: ",
	"hostname resolving error: ", "failed to receive message: ",
}

// Cause is the part of a connection's error that says what went wrong.
func Cause(text string) string {
	for _, stage := range stages {
		if _, cause, found := strings.Cut(text, stage); found && cause != "" {
			return cause
		}
	}
	return text
}

// ForLine gives the advice of a line of preflight. About a connection that failed, what is known of the error says more than
// where its address stands.
func ForLine(l engine.PreflightLine) string {
	if known := For(l.Found); known != "" && (l.Advice == "" || strings.HasSuffix(l.Name, ": connection")) {
		return known
	}
	return l.Advice
}

// sentinels are ferry's own refusals.
var sentinels = []struct {
	err    error
	advice string
}{
	{engine.ErrRunActive, "one writing run at a time: p resumes a paused one, x cancels it"},
	{engine.ErrNotInitialised, "i initialises it"},
	{engine.ErrSchemaOlder, "i migrates it"},
	{engine.ErrSchemaNewer, "use the newer ferry"},
	{engine.ErrReadOnly, "start ferry without --read-only to act"},
	{engine.ErrSealed, "`ferry unseal`, or S, opens it again"},
	{engine.ErrForbidden, "an operator's role may; `ferry grants` prints what it needs"},
	{engine.ErrStateChanged, "look at its state now, and decide again"},
	{engine.ErrShape, "`ferry preflight` names what is missing"},
	{engine.ErrUnsafeSource, "check which database is source and which is engine, and the source role's grants"},
	{engine.ErrNeedsAnswer, "A answers it"},
	{engine.ErrNoSuchRow, "it was released, or is gone from the source, meanwhile: look again"},
	{engine.ErrNoSuchRun, "another console may have begun a newer run: look again"},
	{context.Canceled, "this console was closing"},
}

// ForError gives the advice for an error, or nothing.
func ForError(err error) string {
	for _, s := range sentinels {
		if errors.Is(err, s.err) {
			return s.advice
		}
	}
	if advice := For(err.Error()); advice != "" {
		return advice
	}
	if errors.Is(err, engine.ErrUnreachable) {
		return "ferry keeps trying by itself; repeat this when it is back"
	}
	return ""
}
