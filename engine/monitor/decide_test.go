package monitor_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ferry/engine"
	"ferry/engine/monitor"
)

// ledger keeps alerts as an engine database does, on a clock of its own.
type ledger struct {
	open []monitor.Open
	told map[monitor.Key]time.Time
	now  time.Time
	next int64
	said []string // "firing", "resolved", "reminder", in order
	t    monitor.Thresholds
}

func newLedger() *ledger {
	return &ledger{told: map[monitor.Key]time.Time{}, now: now, t: monitor.Default()}
}

// sees lets time pass and judges a state of one rule.
func (l *ledger) sees(after time.Duration, state engine.LevelState, severity engine.Severity) {
	l.now = l.now.Add(after)
	l.apply(monitor.Decide(l.open, l.told, []monitor.Finding{{Rule: "freshness", Severity: severity, State: state, Text: "late"}}, l.t, l.now))
}

func (l *ledger) apply(changes []monitor.Change) {
	for _, c := range changes {
		if c.ID == 0 {
			l.next++
			l.open = append(l.open, monitor.Open{ID: l.next, Key: c.Key, Severity: c.Severity, Text: c.Text, FiredAt: l.now, Told: c.Told})
		}
		for i := range l.open {
			if o := &l.open[i]; o.ID == c.ID {
				o.Severity, o.Text, o.ClearSince, o.Told = c.Severity, c.Text, c.ClearSince, c.Told
			}
		}
		if c.Ends {
			l.open = slices.DeleteFunc(l.open, func(o monitor.Open) bool { return o.ID == c.ID })
		}
		if c.Say != "" {
			l.said = append(l.said, string(c.Say))
			l.told[c.Key] = l.now
		}
	}
}

const (
	alert    = engine.LevelAlert
	kept     = engine.LevelKept
	unknown  = engine.LevelUnknown
	critical = engine.SeverityCritical
	warning  = engine.SeverityWarning
)

func TestAnAlertIsToldOnceAndItsEndToo(t *testing.T) {
	t.Parallel()
	l := newLedger()
	for range 10 {
		l.sees(time.Minute, alert, warning)
	}
	require.Equal(t, []string{"firing"}, l.said, "one open alert of a rule and an entity")
	require.Len(t, l.open, 1)
	l.sees(time.Minute, kept, warning)
	require.Len(t, l.open, 1, "well for a moment is not over")
	l.sees(l.t.ClearAfter-time.Second, kept, warning)
	require.Len(t, l.open, 1)
	l.sees(time.Second, kept, warning)
	require.Empty(t, l.open)
	require.Equal(t, []string{"firing", "resolved"}, l.said)
}

func TestWhatFlapsDoesNotSpam(t *testing.T) {
	t.Parallel()
	l := newLedger()
	for range 60 { // an hour of it, once a minute
		l.sees(30*time.Second, alert, warning)
		l.sees(30*time.Second, kept, warning)
	}
	require.Equal(t, []string{"firing"}, l.said, "it was never well for long enough")

	// Slower than the hysteresis: the quiet period holds back what comes again.
	l = newLedger()
	for range 5 {
		l.sees(time.Minute, alert, warning)
		l.sees(time.Minute, kept, warning)
		l.sees(l.t.ClearAfter, kept, warning)
	}
	require.Equal(t, []string{"firing", "resolved"}, l.said)
	l.sees(time.Minute, alert, warning)
	require.False(t, l.open[0].Told)
	l.sees(l.t.QuietWarning, alert, warning)
	require.Equal(t, []string{"firing", "resolved", "firing"}, l.said, "what stays is told behind the quiet period")
}

func TestWhatWasNeverToldEndsInSilence(t *testing.T) {
	t.Parallel()
	l := newLedger()
	l.told[monitor.Key{Rule: "freshness"}] = now
	l.sees(time.Minute, alert, warning)
	l.sees(time.Minute, kept, warning)
	l.sees(l.t.ClearAfter, kept, warning)
	require.Empty(t, l.open)
	require.Empty(t, l.said)
}

func TestNobodyKnowingIsNoEnd(t *testing.T) {
	t.Parallel()
	l := newLedger()
	l.sees(0, alert, warning)
	l.sees(time.Minute, kept, warning)
	for range 20 {
		l.sees(time.Minute, unknown, warning)
	}
	require.Len(t, l.open, 1)
	l.sees(time.Minute, kept, warning)
	require.Len(t, l.open, 1, "it must be well for a while, as seen")
	l.sees(l.t.ClearAfter, kept, warning)
	require.Equal(t, []string{"firing", "resolved"}, l.said)
	l.sees(time.Hour, unknown, warning)
	require.Empty(t, l.open, "and it raises none")
}

func TestWhatStaysCriticalIsReminded(t *testing.T) {
	t.Parallel()
	l := newLedger()
	l.sees(0, alert, critical)
	l.sees(l.t.Remind-time.Second, alert, critical)
	require.Equal(t, []string{"firing"}, l.said)
	l.sees(time.Second, alert, critical)
	l.sees(time.Minute, alert, critical)
	require.Equal(t, []string{"firing", "reminder"}, l.said)

	l = newLedger()
	l.sees(0, alert, warning)
	l.sees(100*l.t.Remind, alert, warning)
	require.Equal(t, []string{"firing"}, l.said, "a warning is not")
}

func TestWhatGetsWorseIsToldAgain(t *testing.T) {
	t.Parallel()
	l := newLedger()
	l.sees(0, alert, warning)
	l.sees(time.Second, alert, critical)
	l.sees(time.Second, alert, warning)
	require.Equal(t, []string{"firing", "firing"}, l.said)
	require.Len(t, l.open, 1)
}

// TestEveryAlertThatIsToldHasAnEndThatIsTold lets any states follow each other.
func TestEveryAlertThatIsToldHasAnEndThatIsTold(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		l := newLedger()
		for range rapid.IntRange(1, 60).Draw(t, "looks") {
			l.sees(time.Duration(rapid.IntRange(0, 900).Draw(t, "seconds"))*time.Second,
				rapid.SampledFrom([]engine.LevelState{alert, kept, unknown}).Draw(t, "state"),
				rapid.SampledFrom([]engine.Severity{warning, critical}).Draw(t, "severity"))
			if len(l.open) > 1 {
				t.Fatalf("%d alerts of one rule are open", len(l.open))
			}
		}
		l.sees(time.Second, kept, warning)
		l.sees(l.t.ClearAfter, kept, warning)
		l.sees(l.t.ClearAfter, kept, warning)
		if len(l.open) > 0 {
			t.Fatal("an alert stays although all is well")
		}
		fires := false
		for _, said := range l.said {
			if said == "resolved" && !fires {
				t.Fatal("the end of an alert was told that nobody had heard of")
			}
			fires = said != "resolved"
		}
		if fires {
			t.Fatalf("nobody was told that it is over: %v", l.said)
		}
	})
}
