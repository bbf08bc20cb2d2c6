package enginedb_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ferry/engine"
	"ferry/engine/monitor"
	"ferry/store/embedded/pgtest"
	"ferry/store/enginedb"
)

// alertBench is an engine database, and a second process on it.
type alertBench struct {
	*pgtest.DB

	a, b *enginedb.DB
}

func newAlertBench(t *testing.T) *alertBench {
	t.Helper()
	bench := &alertBench{DB: pgtest.New(t, initialised())}
	for _, db := range []**enginedb.DB{&bench.a, &bench.b} {
		var err error
		*db, err = enginedb.Open(t.Context(), bench.DSN, "ferry test", 4, false)
		require.NoError(t, err)
		t.Cleanup((*db).Close)
	}
	return bench
}

// clock is the engine's.
func (b *alertBench) clock(t *testing.T) time.Time {
	t.Helper()
	var at time.Time
	require.NoError(t, b.a.Pool().QueryRow(t.Context(), `SELECT clock_timestamp()`).Scan(&at))
	return at
}

// seen is how new a snapshot would be that is taken now.
func (b *alertBench) seen(t *testing.T) monitor.Seen {
	t.Helper()
	s, err := b.a.Read(t.Context())
	require.NoError(t, err)
	return monitor.SeenBy(s)
}

// judge judges once what some rules say, whether it is due or not.
func (b *alertBench) judge(t *testing.T, findings ...monitor.Finding) {
	t.Helper()
	b.Exec(t, `UPDATE ferry.monitor SET next_at = '-infinity'`)
	judged, err := b.a.Judge(t.Context(), b.seen(t), "test", judging(findings...))
	require.NoError(t, err)
	require.True(t, judged)
}

func judging(findings ...monitor.Finding) monitor.Judging {
	return noting(func(monitor.Thresholds) {}, findings...)
}

// noting is judging, of which a test hears.
func noting(hear func(monitor.Thresholds), findings ...monitor.Finding) monitor.Judging {
	return func(open []monitor.Open, told map[monitor.Key]time.Time, th monitor.Thresholds, now time.Time) ([]engine.LevelView, []monitor.Change) {
		hear(th)
		return []engine.LevelView{{Name: "freshness", State: engine.LevelAlert, Figure: "≤ 9 min"}}, monitor.Decide(open, told, findings, th, now)
	}
}

func fires(rule, entity string) monitor.Finding {
	return monitor.Finding{Rule: rule, Entity: entity, Severity: engine.SeverityCritical, State: engine.LevelAlert, Text: "it is late"}
}

func ends(rule string) monitor.Finding {
	return monitor.Finding{Rule: rule, Severity: engine.SeverityCritical, State: engine.LevelKept}
}

func (b *alertBench) next(t *testing.T, db *enginedb.DB, channel string) *monitor.Claim {
	t.Helper()
	claim, err := db.NextDelivery(t.Context(), channel, "test")
	require.NoError(t, err)
	return claim
}

func TestOneProcessJudgesAtATime(t *testing.T) {
	t.Parallel()
	b := newAlertBench(t)
	taken := b.seen(t)
	var judged, called atomic.Int64
	race := func() {
		var all sync.WaitGroup
		for i := range 8 {
			db := b.a
			if i%2 == 1 {
				db = b.b
			}
			all.Go(func() {
				won, err := db.Judge(t.Context(), taken, "test", noting(func(monitor.Thresholds) { called.Add(1) }, fires("freshness", "")))
				if err != nil {
					t.Error(err)
				}
				if won {
					judged.Add(1)
				}
			})
		}
		all.Wait()
	}
	race()
	require.EqualValues(t, 1, judged.Load())
	require.EqualValues(t, 1, called.Load())
	due, err := b.b.JudgeDue(t.Context(), b.seen(t))
	require.NoError(t, err)
	require.False(t, due, "not before its time")

	// A completed cycle makes it due, for whoever has seen it.
	b.Exec(t, `INSERT INTO ferry.run (id, kind, state, writes, requested_by, source_identity, rules, rules_hash, epoch) OVERRIDING SYSTEM VALUE
			VALUES (1, 'full', 'done', true, '', '', '{}', '', 1)`,
		`INSERT INTO ferry.entity_state (entity, run_id, counted_at, source_rows, target_rows, quarantined, waiting, stale, extra)
			VALUES ('loyalty_card', 1, clock_timestamp(), 0, 0, 0, 0, 0, 0)`)
	due, err = b.b.JudgeDue(t.Context(), taken)
	require.NoError(t, err)
	require.False(t, due, "that snapshot shows the state before")
	taken = b.seen(t)
	race()
	require.EqualValues(t, 2, judged.Load())
	b.Exec(t, `UPDATE ferry.monitor SET next_at = '-infinity'`)
	taken = b.seen(t)
	race()
	require.EqualValues(t, 3, judged.Load())
	alerts, err := b.a.Alerts(t.Context(), 0, 10)
	require.NoError(t, err)
	require.Len(t, alerts, 1, "one open alert of a rule")
}

func TestAJudgementThatFailsKeepsNothingAndIsDueStill(t *testing.T) {
	t.Parallel()
	b := newAlertBench(t)
	b.Exec(t, `ALTER TABLE ferry.alert ADD CONSTRAINT broken CHECK (entity <> 'loyalty_card')`)
	_, err := b.a.Judge(t.Context(), b.seen(t), "test", judging(fires("freshness", ""), fires("agreement", "loyalty_card")))
	require.Error(t, err)
	due, err := b.a.JudgeDue(t.Context(), b.seen(t))
	require.NoError(t, err)
	require.True(t, due)
	alerts, err := b.a.Alerts(t.Context(), 0, 10)
	require.NoError(t, err)
	require.Empty(t, alerts)
}

func TestEachChannelGetsEachMessageInItsOrder(t *testing.T) {
	t.Parallel()
	b := newAlertBench(t)
	require.NoError(t, b.a.Channels(t.Context(), []string{"slack", "smtp://mail"}))
	b.judge(t, fires("freshness", ""))
	b.judge(t, fires("freshness", ""))
	b.judge(t, ends("freshness"))
	b.Exec(t, `UPDATE ferry.alert SET clear_since = clear_since - interval '1 hour'`)
	b.judge(t, ends("freshness"))

	first := b.next(t, b.a, "slack")
	require.Equal(t, monitor.Firing, first.Kind)
	require.Equal(t, "it is late", first.Text)
	require.Nil(t, b.next(t, b.b, "slack"), "it is the first one's, and the end of the alert does not overtake it")
	require.NoError(t, b.a.Delivered(t.Context(), *first, errors.New("refused at postgres://u:hunter2@h")))
	require.Nil(t, b.next(t, b.b, "slack"), "not before its time")
	alerts, err := b.a.Alerts(t.Context(), 0, 10)
	require.NoError(t, err)
	require.Equal(t, "refused at postgres://u:***@h", alerts[0].LastError)
	b.Exec(t, `UPDATE ferry.delivery SET next_at = clock_timestamp() WHERE state = 'pending'`)
	again := b.next(t, b.b, "slack")
	require.Equal(t, first.Delivery, again.Delivery)
	require.Equal(t, 2, again.Tries)
	require.NoError(t, b.b.Delivered(t.Context(), *again, nil))
	last := b.next(t, b.a, "slack")
	require.Equal(t, monitor.Resolved, last.Kind)
	require.Contains(t, last.Text, "it is late")
	require.NoError(t, b.a.Delivered(t.Context(), *last, nil))
	require.Nil(t, b.next(t, b.a, "slack"))

	s, err := b.a.Read(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 2, s.Monitor.Pending, "the other channel's")
	require.Empty(t, s.Monitor.Firing)
	require.Equal(t, "≤ 9 min", s.Monitor.Levels[0].Figure)
	alerts, err = b.a.Alerts(t.Context(), 0, 10)
	require.NoError(t, err)
	require.Len(t, alerts, 1)
	require.EqualValues(t, 2, alerts[0].Sent)
	require.False(t, alerts[0].ResolvedAt.IsZero())
}

func TestWhoeverDiesBetweenSendingAndKeepingLeavesTheMessage(t *testing.T) {
	t.Parallel()
	b := newAlertBench(t)
	require.NoError(t, b.a.Channels(t.Context(), []string{"slack"}))
	b.judge(t, fires("freshness", ""))
	lost := b.next(t, b.a, "slack") // and is never heard of again
	require.Nil(t, b.next(t, b.b, "slack"), "it may be at it still")
	b.Exec(t, `UPDATE ferry.delivery SET next_at = next_at - interval '1 minute'`)
	again := b.next(t, b.b, "slack")
	require.NotNil(t, again)
	require.Equal(t, lost.Delivery, again.Delivery, "the receiver can tell that it is the same")
	require.NoError(t, b.a.Delivered(t.Context(), *lost, errors.New("late news")))
	require.NoError(t, b.b.Delivered(t.Context(), *again, nil))
	require.NoError(t, b.a.Delivered(t.Context(), *lost, errors.New("later news")), "changes nothing of what is through")
	require.Nil(t, b.next(t, b.a, "slack"))
	alerts, err := b.a.Alerts(t.Context(), 0, 1)
	require.NoError(t, err)
	require.EqualValues(t, 1, alerts[0].Sent)
	require.Empty(t, alerts[0].LastError)
}

func TestAMessageIsGivenUpAfterADayAndAnAlertForgottenAfterNinety(t *testing.T) {
	t.Parallel()
	b := newAlertBench(t)
	require.NoError(t, b.a.Channels(t.Context(), []string{"slack", "gone"}))
	b.Exec(t, `UPDATE ferry.channel SET seen_at = seen_at - interval '25 hours' WHERE name = 'gone'`)
	b.judge(t, fires("freshness", ""))
	require.Nil(t, b.next(t, b.a, "gone"), "no message for who has not been there for a day")
	b.Exec(t, `UPDATE ferry.delivery SET created_at = created_at - interval '25 hours', next_at = clock_timestamp()`)
	require.Nil(t, b.next(t, b.a, "slack"))
	b.judge(t, fires("freshness", ""))
	alerts, err := b.a.Alerts(t.Context(), 0, 1)
	require.NoError(t, err)
	require.Zero(t, alerts[0].Pending)
	require.Contains(t, alerts[0].LastError, "no ferry that has this channel", "and it is shown")

	b.Exec(t, `UPDATE ferry.alert SET resolved_at = clock_timestamp() - interval '89 days'`)
	b.judge(t)
	alerts, err = b.a.Alerts(t.Context(), 0, 1)
	require.NoError(t, err)
	require.Len(t, alerts, 1)
	b.Exec(t, `UPDATE ferry.alert SET resolved_at = clock_timestamp() - interval '91 days'`)
	b.judge(t)
	alerts, err = b.a.Alerts(t.Context(), 0, 1)
	require.NoError(t, err)
	require.Empty(t, alerts)
}

func TestAnOutageIsKeptOnceHoweverManySawIt(t *testing.T) {
	t.Parallel()
	b := newAlertBench(t)
	at := b.clock(t).Add(-10 * time.Minute)
	outage := monitor.Outage{
		Key: monitor.Key{Rule: monitor.RuleTargetDown}, Severity: engine.SeverityCritical, Text: "it was away", FiredAt: at, ToldAt: at,
		Messages: []monitor.Attempted{
			{Channel: "slack", Kind: monitor.Firing, Text: "it is away", Tries: 1, At: at, SentAt: at},
			{Channel: "mail", Kind: monitor.Firing, Text: "it is away", Tries: 3, At: at, Error: "refused"},
		},
	}
	require.NoError(t, b.a.KeepOutage(t.Context(), outage))
	require.NoError(t, b.b.KeepOutage(t.Context(), outage))
	alerts, err := b.a.Alerts(t.Context(), 0, 10)
	require.NoError(t, err)
	require.Len(t, alerts, 1)
	require.EqualValues(t, 2, alerts[0].Sent)
	require.Nil(t, b.next(t, b.a, "slack"))
	waits := b.next(t, b.a, "mail")
	require.Equal(t, "it is away", waits.Text)
	require.Equal(t, 4, waits.Tries)

	require.NoError(t, b.a.Channels(t.Context(), []string{"slack"}))
	b.judge(t, ends(monitor.RuleTargetDown))
	b.Exec(t, `UPDATE ferry.alert SET clear_since = clear_since - interval '1 hour'`)
	b.judge(t, ends(monitor.RuleTargetDown))
	require.Equal(t, monitor.Resolved, b.next(t, b.a, "slack").Kind, "its end is told as any other's")
}

func TestThresholdsArePoliciesThatTheJournalKeeps(t *testing.T) {
	t.Parallel()
	b := newAlertBench(t)
	by := engine.Actor{User: "sari", Host: "db2"}
	require.NoError(t, b.a.SetPolicy(t.Context(), "agreement-alert-loyalty-card", "0.5", engine.Act{Reason: "a coupon campaign"}, by))
	require.NoError(t, b.a.SetPolicy(t.Context(), "rejected-share", "0.02", engine.Act{}, by))
	var seen monitor.Thresholds
	_, err := b.b.Judge(t.Context(), b.seen(t), "test", noting(func(th monitor.Thresholds) { seen = th }))
	require.NoError(t, err)
	require.InDelta(t, 0.5, seen.AgreementAlert.For("loyalty_card"), 1e-9)
	require.InDelta(t, 0.99, seen.AgreementAlert.For("loyalty_point_move"), 1e-9)
	s, err := b.a.Read(t.Context())
	require.NoError(t, err)
	require.InDelta(t, 0.02, s.Entities[0].RejectedLimit.Value, 1e-9)
	entries, err := b.a.Journal(t.Context(), 0, 10)
	require.NoError(t, err)
	require.Equal(t, "policy agreement-alert-loyalty-card", entries[1].Action)
	require.Equal(t, "a coupon campaign", entries[1].Reason)
}

func TestFailedTicksAreCountedThoughHistoryFoldsThem(t *testing.T) {
	t.Parallel()
	b := newAlertBench(t)
	insert := `INSERT INTO ferry.run
			(kind, state, writes, scheduled, ticks, error, first_at, finished_at, requested_by, source_identity, rules, rules_hash, epoch)
		VALUES ('incremental', $1, 'on', true, $2, $3, clock_timestamp() - $4::interval, clock_timestamp(), '', '', '{}', '', 1)`
	run := func(state string, ticks int, why string, since time.Duration) {
		_, err := b.a.Pool().Exec(t.Context(), insert, state, ticks, why, since)
		require.NoError(t, err)
	}
	read := func() engine.Schedule {
		s, err := b.a.Read(t.Context())
		require.NoError(t, err)
		return s.Schedule
	}
	run("failed", 7, "old", time.Minute)
	run("done", 1, "", time.Minute)
	require.Zero(t, read().FailedInRow)
	require.EqualValues(t, 7, read().FailedHour)
	run("failed", 3, "first", time.Minute)
	run("failed", 360, "then", 2*time.Hour)
	s := read()
	require.Equal(t, 363, s.FailedInRow)
	require.Equal(t, "then", s.LastFailure)
	require.InDelta(t, 7+3+180, s.FailedHour, 1, "of those that began before the last hour, their part")
}

// TestLevelsThatNobodyJudgesAnyMoreAreUnknown also holds for what was kept.
func TestLevelsThatNobodyJudgesAnyMoreAreUnknown(t *testing.T) {
	t.Parallel()
	b := newAlertBench(t)
	b.judge(t)
	b.Exec(t, `UPDATE ferry.monitor SET judged_at = judged_at - interval '16 minutes'`)
	s, err := b.a.Read(context.WithoutCancel(t.Context()))
	require.NoError(t, err)
	require.Equal(t, engine.LevelUnknown, s.Monitor.Levels[0].State)
	require.Contains(t, s.Monitor.Levels[0].Why, "nobody has judged it for 16 min")
}
