package crossing_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"ferry/engine"
	"ferry/store/crossing/oracle"
)

// TestASourceThatWasSetBackIsReadAsAWhole puts a copy of the source's files, taken before the last changes, back in place
// under the same address, as the restore of a backup does.
func TestASourceThatWasSetBackIsReadAsAWhole(t *testing.T) {
	t.Parallel()
	rng := randomness(t)
	source, target := newCluster(t, 1000), newEngine(t)
	f := here(t, source.reader, target.DSN, "ferry", 2, nil)
	f.full()
	source.change(rng)
	f.tick()
	before := source.nextXID()
	restore := source.backUp()

	for range 3 {
		source.change(rng)
		f.tick()
	}
	source.exec(`INSERT INTO loyalty_card (code, partner_id, program_id, points)
		SELECT 'lost-' || i, 7, (SELECT min(id) FROM loyalty_program), i FROM generate_series(1, 140) i`)
	f.tick()
	inStep(t, source.pool, target.pool)
	after := source.nextXID()
	target.Exec(t, `UPDATE ferry.floor SET read_from = read_from - interval '11 minutes'`) // so long it takes
	restore()
	source.change(rng) // what the people do who find the old state

	s := f.await(f.beginTick())
	t.Logf("from transaction id %d back to %d: why all: %q; asks: %q", after, before, s.Run.WhyFull, s.Run.Question)
	require.Equal(t, engine.RunAsking, s.Run.State)
	require.Contains(t, s.Run.WhyFull, "the source's transaction ids went back from")
	require.Contains(t, s.Run.WhyFull, "an older state was restored")
	require.Contains(t, s.Run.Question, "are gone from the source")
	require.NoError(t, f.Answer(t.Context(), engine.Act{Run: s.Run.ID, Seen: engine.RunAsking, Reason: "we restored it"}, true))
	require.Equal(t, engine.RunDone, f.await(s.Run.ID).Run.State)
	inStep(t, source.pool, target.pool)
	require.Equal(t, "140", oracle.One(t, target.pool, `SELECT count(*)::text FROM ferry.extra x JOIN loyalty_cards c ON c.id = x.id
		WHERE x.entity = 'loyalty_card' AND c.code LIKE 'LOST-%'`), "they stay, and are listed")

	// The floors of the time that was undone are not for going back to.
	last := floorOf(t, target, s)
	source.stop()
	source.start()
	source.change(rng)
	again := source.stepped(f, target)
	t.Logf("full from floor %s; after a restart %d rows are read from %s on", last, read(again), sinceOf(t, target, again))
	require.LessOrEqual(t, number(t, sinceOf(t, target, again)), number(t, last))
}

// TestAServerThatWasRestartedIsReadFromAnEarlierFloor: it may have lost its last transactions, for Odoo may have been told
// to do without waiting for the disk.
func TestAServerThatWasRestartedIsReadFromAnEarlierFloor(t *testing.T) {
	t.Parallel()
	rng := randomness(t)
	source, target := newCluster(t, 300), newEngine(t)
	f := here(t, source.reader, target.DSN, "ferry", 2, nil)
	floors := []string{floorOf(t, target, f.full())}
	for range 4 {
		source.change(rng)
		floors = append(floors, floorOf(t, target, source.stepped(f, target)))
	}
	source.stop()
	source.start()
	source.change(rng)
	s := source.stepped(f, target)
	t.Logf("floors %v, then a restart, read from %s on: %d rows", floors, sinceOf(t, target, s), read(s))
	require.Equal(t, floors[0], sinceOf(t, target, s), "the oldest, for none is ten minutes old")
	last := floorOf(t, target, s)
	require.Equal(t, last, sinceOf(t, target, source.stepped(f, target)), "the same server again: its newest floor holds")

	// Of floors that are old enough the youngest will do.
	for i, minutes := range []string{"50", "30", "11", "9"} {
		target.Exec(t, `UPDATE ferry.floor SET read_from = clock_timestamp() - interval '`+minutes+` minutes' WHERE floor = '`+floors[i]+`'`)
	}
	source.stop()
	source.start()
	source.change(rng)
	s = source.stepped(f, target)
	t.Logf("read from %s on: %d rows", sinceOf(t, target, s), read(s))
	require.Equal(t, floors[2], sinceOf(t, target, s))
}

func floorOf(t *testing.T, target *engineBase, s *engine.Snapshot) string {
	t.Helper()
	return oracle.One(t, target.pool, `SELECT DISTINCT floor::text FROM ferry.floor WHERE run_id = $1`, s.Run.ID)
}

func sinceOf(t *testing.T, target *engineBase, s *engine.Snapshot) string {
	t.Helper()
	return oracle.One(t, target.pool, `SELECT DISTINCT since::text FROM ferry.step WHERE run_id = $1 AND verb = 'load'`, s.Run.ID)
}

// backUp copies the source's files as they are now; what it gives puts the copy back in their place.
func (c *cluster) backUp() (restore func()) {
	c.t.Helper()
	kept := filepath.Join(filepath.Dir(c.data), "backup")
	c.stop()
	copyTree(c.t, c.data, kept)
	c.start()
	return func() {
		c.t.Helper()
		c.stop()
		require.NoError(c.t, os.RemoveAll(c.data))
		require.NoError(c.t, os.Rename(kept, c.data))
		c.start()
	}
}
