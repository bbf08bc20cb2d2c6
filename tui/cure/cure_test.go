package cure_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"ferry/engine"
	"ferry/tui/cure"
)

func TestTheCauseIsWhatWentWrong(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"source: connecting: failed to connect to `user=odoo database=prod`: 10.0.4.7:5432 (db1): dial error: " +
			"dial tcp 10.0.4.7:5432: connect: connection refused": "dial tcp 10.0.4.7:5432: connect: connection refused",
		"failed to connect to `user=odoo`: server error: FATAL: no such role (SQLSTATE 28000)": "FATAL: no such role (SQLSTATE 28000)",
		"source: connecting: failed to connect to `user=odoo`: 10.0.4.7:5432 (db1): failed SASL auth: FATAL: password authentication failed": "FATAL: " +
			"password authentication failed",
		"10.0.4.7:5432 (db1): failed to write startup message: write failed: tls: failed to verify certificate: x509: …": "" +
			"tls: failed to verify certificate: x509: …",
		"deadlock detected": "deadlock detected",
		"":                  "",
	} {
		require.Equal(t, want, cure.Cause(text))
	}
}

func TestKnownErrorsHaveACure(t *testing.T) {
	t.Parallel()
	require.Contains(t, cure.For("connect: no such file or directory"), "no server has its socket there")
	require.Contains(t, cure.ForError(fmt.Errorf("%w: run #12 is paused", engine.ErrStateChanged)), "look at its state now")
	require.Contains(t, cure.ForError(fmt.Errorf("%w: it is gone", engine.ErrUnreachable)), "ferry keeps trying")
	require.Contains(t, cure.ForLine(engine.FailLine("source: connection", "tls: failed to verify certificate: x509: …", "check --source")), "sslrootcert=FILE")
	require.Equal(t, "check --source", cure.ForLine(engine.FailLine("source: connection", "never heard of", "check --source")))
	require.Equal(t, "GRANT …", cure.ForLine(engine.FailLine("source: loyalty_card", "SQLSTATE 42501", "GRANT …")), "its own says more")
	require.Empty(t, cure.For("never heard of"))
	require.Empty(t, cure.ForError(errors.New("never heard of")), "rather nothing than a guess")
}
