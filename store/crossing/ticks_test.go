package crossing_test

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/stretchr/testify/require"

	"ferry/store/crossing/oracle"
)

// keepInStep carries everything over, then lets ferry tick while rows change at the source.
func (c *crossing) keepInStep() {
	c.t.Helper()
	c.run = c.ferry.begin()
	until(c.t, c.target.pool, isDone, c.run)
	_, err := c.target.pool.Exec(c.t.Context(), `INSERT INTO ferry.policy VALUES ('vanish-share', '1')`) // rows go all the time here
	require.NoError(c.t, err)
	c.change()
	require.NoError(c.t, c.ferry.KeepInStep(c.t.Context(), 100*time.Millisecond))
}

// change lets rows come, go and change at the source until it is told to be quiet.
func (c *crossing) change() {
	ctx, cancel := context.WithCancel(context.WithoutCancel(c.t.Context()))
	var changing sync.WaitGroup
	var failed error
	changing.Go(func() {
		tick := time.NewTicker(30 * time.Millisecond)
		defer tick.Stop()
		for n := 1; ; n++ {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			for _, sql := range changes(n) {
				if _, err := c.source.pool.Exec(context.WithoutCancel(ctx), sql); err != nil {
					failed = fmt.Errorf("%s: %w", sql, err)
					return
				}
			}
		}
	})
	c.quiet = sync.OnceValue(func() error {
		cancel()
		changing.Wait()
		return failed
	})
	c.t.Cleanup(func() { _ = c.quiet() })
}

// changes are the statements of one moment: a card's points and its ledger follow each other, a new card comes with a move,
// and now and then a line goes.
func changes(n int) []string {
	out := []string{
		fmt.Sprintf(`UPDATE loyalty_card SET points = points + 1 WHERE id = (SELECT id FROM loyalty_card WHERE id > %d ORDER BY id LIMIT 1)`, n*37%cards),
		fmt.Sprintf(`INSERT INTO loyalty_point_history (loyalty_card_id, points_amount, points_balance, transaction_time)
			SELECT id, 1, %d, now() FROM loyalty_card WHERE id > %d ORDER BY id LIMIT 1`, n, n*53%cards),
	}
	if n%5 == 0 {
		out = append(out, `WITH c AS (INSERT INTO loyalty_card (code, partner_id, program_id, points)
				SELECT md5(random()::text), (SELECT min(id) FROM res_partner), min(id), 0 FROM loyalty_program RETURNING id)
			INSERT INTO loyalty_point_move (loyalty_card_id, gain_date, initial_point, remaining_point, state) SELECT id, now(), 1, 1, 'active' FROM c`)
	}
	if n%7 == 0 {
		out = append(out, fmt.Sprintf(`
			DELETE FROM loyalty_point_history WHERE id = (SELECT id FROM loyalty_point_history WHERE id > %d ORDER BY id LIMIT 1)`, n))
	}
	return out
}

// catchUp lets the last changes arrive, and requires that everything is in the engine as it is at the source.
func (c *crossing) catchUp() {
	c.t.Helper()
	require.NoError(c.t, c.quiet())
	last := oracle.One(c.t, c.target.pool, `SELECT clock_timestamp()::text`)
	// The second tick reads what the first one's sweep has woken.
	until(c.t, c.target.pool, `SELECT count(*) >= 2 FROM ferry.tick WHERE visible_at > $1::text::timestamptz AND run_id IN (
		SELECT id FROM ferry.run WHERE state = 'done' AND read_from > $1::text::timestamptz)`, last)
	require.NoError(c.t, c.ferry.KeepInStep(c.t.Context(), 0))
	until(c.t, c.target.pool, `SELECT NOT EXISTS (SELECT FROM ferry.run WHERE state NOT IN ('done', 'failed'))`)
	oracle.Faithful(c.t, c.source.pool, c.target.pool)
	oracle.Balanced(c.t, c.source.pool, c.target.pool)
	require.Equal(c.t, "0", oracle.One(c.t, c.target.pool, `SELECT coalesce(sum(missing), 0)::text FROM ferry.step`))
}
