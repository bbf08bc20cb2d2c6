package rehearsal

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"ferry/engine"
	"ferry/engine/entity"
	"ferry/engine/monitor"
)

// Source says where the source stands. A database of Odoo's is one.
type Source interface {
	// Mark takes a mark. With another one it sums up what was written since the floor of that, so that the two can be compared;
	// without, since its own.
	Mark(ctx context.Context, since *Mark) (Mark, error)
}

// Mark is one state of the source, such that two marks are equal exactly if nothing was committed between them.
//
// Whatever is committed behind a mark carries a transaction id not below the mark's floor, for all below had ended. So of each
// table it is enough to count all rows, and to sum up ids and transaction ids of those that were written from the floor on:
// an insert or an update puts another pair there, a delete changes the count. That costs one pass over each table.
type Mark struct {
	Floor    string               `json:"floor"`
	Timeline int64                `json:"timeline"`
	Source   string               `json:"source"` // cluster and database
	At       time.Time            `json:"at"`     // by the clock of whoever took it
	Tables   map[string]MarkTable `json:"tables"`
	Follows  *Follows             `json:"follows,omitempty"` // nil: it is of a primary, which knows what was committed
}

// Follows says how far a standby, which a mark is of, is known to show what its primary has committed.
type Follows struct {
	Until time.Time `json:"until"`         // so far it surely does, by the clock of whoever took the mark; zero: that cannot be told
	Why   string    `json:"why,omitempty"` // what keeps it from showing more, and what cures that
}

// MaxBehind is how long ago a standby may have heard of its primary. One that is idle is asked for a sign of life after half of
// wal_receiver_timeout, and given up for dead after the whole: half a minute and a minute, by default.
const MaxBehind = time.Minute

// ShownUntil is the moment up to which a mark surely shows what was committed; zero where that cannot be told.
func (m *Mark) ShownUntil() time.Time {
	if m.Follows == nil {
		return m.At
	}
	return m.Follows.Until
}

// Behind says why a mark does not show what was committed lately; empty if it does.
func (m *Mark) Behind() string {
	switch {
	case m.Follows == nil:
		return ""
	case m.Follows.Until.IsZero():
		return "whether the standby shows what its primary has committed cannot be told: " + m.Follows.Why
	case m.At.Sub(m.Follows.Until) > MaxBehind:
		return fmt.Sprintf("the standby shows its primary as it was %s ago%s", monitor.Span(m.At.Sub(m.Follows.Until)), colon(m.Follows.Why))
	}
	return ""
}

// MarkTable is what a mark says of a table.
type MarkTable struct {
	Rows  int64  `json:"rows"`
	Young int64  `json:"young"` // of Rows: written from the floor on
	Sum   string `json:"sum"`   // of what names those
}

// Stillness is what two marks say of the time between them.
type Stillness struct {
	Known bool
	Moved bool
	What  string // what moved, or why it is not known
	// Behind says why the later mark, a standby's, does not show what was committed lately; empty if it does. What it shows to have
	// moved has moved all the same.
	Behind string
}

// Still compares a mark with one that was taken since it.
func (m *Mark) Still(now *Mark) Stillness {
	switch {
	case m == nil || len(m.Tables) == 0:
		return Stillness{What: "no state of the source was kept"}
	case now == nil || len(now.Tables) == 0:
		return Stillness{What: "the source was not looked at again"}
	case m.Source != now.Source:
		return Stillness{What: fmt.Sprintf("the source is another one: %s, and was %s", now.Source, m.Source)}
	case m.Timeline != now.Timeline:
		return Stillness{What: "the source was restored or failed over since"}
	case m.Floor != now.Floor:
		return Stillness{What: "the two looks at the source cannot be compared"}
	}
	var parts []string
	for _, e := range entity.All() {
		before, had := m.Tables[e.Name]
		after, has := now.Tables[e.Name]
		if !had || !has {
			return Stillness{What: e.Name + " was not looked at"}
		}
		if before != after {
			parts = append(parts, moved(e.Name, before, after))
		}
	}
	behind := now.Behind()
	if len(parts) == 0 && behind != "" {
		return Stillness{What: behind, Behind: behind}
	}
	slices.Sort(parts)
	return Stillness{Known: true, Moved: len(parts) > 0, What: strings.Join(parts, ", "), Behind: behind}
}

// moved says what is known of how a table moved. Of rows that were written twice only the last is seen.
func moved(name string, before, after MarkTable) string {
	written, rows := after.Young-before.Young, after.Rows-before.Rows
	switch {
	case rows < 0 && written <= 0:
		return fmt.Sprintf("%s: %d rows fewer", name, -rows)
	case written > 0:
		return fmt.Sprintf("%s: at least %d rows written", name, written)
	}
	return name + ": rows written"
}

// Standing is how a GO stands, by the mark under which it was said.
func Standing(v engine.Verdict, s Stillness) engine.Standing {
	switch {
	case v != engine.Pass:
		return engine.StandingNone
	case !s.Known:
		return engine.StandingUnknown
	case s.Moved:
		return engine.StandingExpired
	}
	return engine.StandingHolds
}

// SinceFreeze says whether the source was written since a rehearsal's freeze, or without one since before the last tick read. A freeze
// that could not be seen is none: nothing is known since.
func SinceFreeze(k *Kept, now *Mark) Stillness {
	s := k.Base.Still(now)
	if step := k.Step(engine.RehearseFreeze); step != nil && k.Freeze != engine.FreezeNone && k.FrozenAt.IsZero() && step.State.Ended() {
		return Stillness{What: step.Found, Behind: s.Behind}
	}
	return s
}
