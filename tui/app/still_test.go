package app_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ferry/engine"
	"ferry/tui/tuitest"
)

func TestWhatIsHeldSaysSoAndShowsNoFiguresAsOfNow(t *testing.T) {
	t.Parallel()
	for _, s := range []*engine.Snapshot{tuitest.Held(), tuitest.TicksPaused()} {
		b := setup(t, s, 80, 24)
		require.Contains(t, b.frame(), "‖ paused by budi@db1: Odoo rewrites it tonight")
		require.Contains(t, b.frame(), "   before that: s")
		require.NotRegexp(t, `point_move +queued|point_history +✓`, b.frame())
		b = setup(t, s, 140, 45)
		require.Contains(t, b.frame(), "‖ paused: figures from before")
		require.Regexp(t, `paused +loyalty_point_\w+ by budi@db1: Odoo rewrites it tonight`, b.frame())
		require.NotContains(t, strings.Split(b.frame(), "\n")[1], "accounted for")
	}
}

func TestTheCureOfAPinnedFloorIsNeverCut(t *testing.T) {
	t.Parallel()
	for _, width := range []int{60, 80, 140} {
		require.Contains(t, setup(t, tuitest.Pinned(), width, 24).frame(), "→ GRANT pg_read_all_stats TO ferry_reader ")
	}
}

func TestRowsThatWaitForAParentStandBehindTheRejectedOnes(t *testing.T) {
	t.Parallel()
	s := tuitest.InStep()
	waiting := engine.ReasonView{Entity: "loyalty_point_history", Reason: "waiting_parent", Rows: 660}
	s.Reasons = append([]engine.ReasonView{waiting}, s.Reasons...)
	for _, size := range [][2]int{{80, 24}, {140, 45}} {
		frame := setup(t, s, size[0], size[1]).frame()
		require.Contains(t, frame, "wait for a parent: 872")
		require.NotContains(t, frame, "waiting_parent")
		require.Less(t, strings.Index(frame, "card.points_negative"), strings.Index(frame, "wait for a parent"))
	}
}

func TestHostsWorkersAndTheirRatesStandWhereThereIsRoom(t *testing.T) {
	t.Parallel()
	s := tuitest.Running()
	s.Workers = []engine.WorkerView{
		{Host: "vm", PID: 7, Workers: 2, Busy: 2, Here: true, RowsPerSecond: engine.Known(12_345.0)},
		{Host: "db2", PID: 4711, Workers: 4, Busy: 3, RowsPerSecond: engine.Known(40_000.0)},
		{Host: "db2", PID: 9, Workers: 1}, // it has read nothing lately
		{Host: "db3", PID: 8, Workers: 2, Silent: 12 * time.Second, RowsPerSecond: engine.Known(99_000.0)}, // it is dead: others take over
	}
	wide := setup(t, s, 200, 45).frame()
	require.Regexp(t, `│ 7 on 2 hosts +52.3k/s │`, wide)
	require.Regexp(t, `│ vm:7 \(here\) 2/2 busy +12.3k/s │`, wide)
	require.Regexp(t, `│ db2:4711 3/4 busy +40.0k/s │`, wide)
	require.Regexp(t, `│ db2:9 0/1 busy +│`, wide)
	require.NotContains(t, wide, "99k/s")
	require.Regexp(t, `│ vm:7 \(here\) 2/2 +12.3k/s │`, setup(t, s, 120, 45).frame())
	narrow := setup(t, s, 80, 24).frame()
	require.Contains(t, narrow, "vm:7 (here) 2/2 busy · db2:4711 3/4 busy")
	require.NotContains(t, narrow, "12.3k/s")
}

func TestProcessesAreToldApartAndThoseThatAreGoneAreCounted(t *testing.T) {
	t.Parallel()
	s := tuitest.InStep()
	s.Workers = []engine.WorkerView{{Host: "vm", PID: 7, Workers: 2, Here: true}, {Host: "vm", PID: 8, Workers: 2, Silent: 12 * time.Second}}
	for i := range 3 {
		s.Workers = append(s.Workers, engine.WorkerView{Host: "vm", PID: 100 + i, Workers: 2, Silent: 168 * time.Second})
	}
	require.Contains(t, setup(t, s, 80, 24).frame(), "vm:7 (here) 0/2 busy · vm:8 0/2 busy, silent 12s ")
	require.Contains(t, setup(t, s, 80, 24).frame(), "           3 processes are gone ")
	require.Contains(t, setup(t, s, 140, 45).frame(), "│ 3 processes are gone ")
	for i := range 9 {
		s.Workers = append(s.Workers, engine.WorkerView{Host: fmt.Sprintf("db%d", i), PID: 4711, Workers: 2})
	}
	require.Regexp(t, `· \d+ more `, setup(t, s, 80, 24).frame())
}
