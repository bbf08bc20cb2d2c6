package crossing_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ferry/engine"
	"ferry/store/session"
)

// forgotten is a firewall that forgets the sessions it let through, and says so to nobody.
var forgotten = trouble{name: "sessions forgotten", up: true, down: true, old: true}

// TestForgottenSessionsAreNoticed leaves ferry with sessions that nobody ends and nobody answers, while new ones work.
func TestForgottenSessionsAreNoticed(t *testing.T) {
	t.Parallel()
	eachSide(t, []trouble{forgotten}, func(t *testing.T, work passage, side engine.Side, x trouble) {
		t.Helper()
		sufferAll(t, work, side, x, tempo{}, drawn(t, work, 1), func() time.Duration { return 0 })
	})
}

// TestATransactionDoesNotOutliveItsReader has a reader vanish in the middle of a COPY: nothing but the bound that the
// session brings along ends its transaction, for neither a statement's timeout nor an idle transaction's ends a server
// that waits to send. On the source no dead row could be cleared away until then.
func TestATransactionDoesNotOutliveItsReader(t *testing.T) {
	t.Parallel()
	c := &crossing{t: t, target: newEngine(t)} // sessions on either database are the same in this
	way := c.way(c.target.DSN, nil)
	pool, err := session.Open(t.Context(), way.dsn, "vanishing", 1, nil)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	conn, err := pool.Acquire(t.Context())
	require.NoError(t, err)
	defer conn.Release()

	here, gone := &reader{begun: make(chan struct{})}, make(chan error, 1)
	go func() {
		// Far more than what is on its way at any moment.
		_, err := conn.Conn().PgConn().CopyTo(t.Context(), here, `COPY (SELECT repeat('x', 1000) FROM generate_series(1, 1000000)) TO STDOUT`)
		gone <- err
	}()
	<-here.begun
	way.strike(forgotten)
	vanished := time.Now()
	until(t, c.target.pool, `SELECT EXISTS (SELECT FROM pg_stat_activity
		WHERE application_name = 'vanishing' AND state = 'active' AND wait_event = 'ClientWrite')`)
	until(t, c.target.pool, `SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'vanishing')`)
	server := time.Since(vanished)
	require.Error(t, <-gone)
	t.Logf("the server noticed after %.1f s, the reader after %.1f s", server.Seconds(), time.Since(vanished).Seconds())
	require.Less(t, time.Since(vanished), resumeLimit)
}

// reader tells when the first bytes come.
type reader struct {
	once  sync.Once
	begun chan struct{}
}

func (r *reader) Write(p []byte) (int, error) {
	r.once.Do(func() { close(r.begun) })
	return len(p), nil
}
