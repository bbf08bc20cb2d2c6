package monitor

import (
	"context"
	"time"

	"ferry/engine"
)

// Book keeps alerts and deliveries. The engine database is one.
type Book interface {
	// Alerts lists alerts, newest first; before 0 begins with the newest.
	Alerts(ctx context.Context, before int64, limit int) ([]engine.AlertView, error)
	// Channels makes known which channels this process has: messages are kept for them from now on.
	Channels(ctx context.Context, names []string) error
	// JudgeDue reports whether levels are due to be judged, by a snapshot of the given age.
	JudgeDue(ctx context.Context, seen Seen) (bool, error)
	// Judge takes that and keeps what comes of it, in one transaction. It gives false if another process was faster.
	Judge(ctx context.Context, seen Seen, by string, judge Judging) (bool, error)
	// NextDelivery gives the next message that is due on a channel and takes it for a Lease; nil: there is none.
	NextDelivery(ctx context.Context, channel, by string) (*Claim, error)
	// Delivered keeps how an attempt ended; a failure of nil is a success.
	Delivered(ctx context.Context, c Claim, failure error) error
	// KeepOutage keeps an alert that fired while it could not be kept, with what became of its messages.
	KeepOutage(ctx context.Context, o Outage) error
}

// Seen is how new a snapshot is.
type Seen struct {
	Taken   time.Time
	Counted time.Time // when the last completed cycle that it shows had counted; zero: it shows none
}

// SeenBy is how new a snapshot is.
func SeenBy(s *engine.Snapshot) Seen { return Seen{Taken: s.TakenAt, Counted: s.Freshness.CountedAt} }

// Judging gives the levels, and what becomes of alerts, from what is kept.
type Judging func(open []Open, told map[Key]time.Time, t Thresholds, now time.Time) ([]engine.LevelView, []Change)

// Claim is a message that is this process's to send.
type Claim struct {
	Message

	Channel string
	Tries   int // with this one
}

// Outage is an alert that is kept in memory: the engine database does not answer.
type Outage struct {
	Key

	Severity engine.Severity
	Text     string
	FiredAt  time.Time
	ToldAt   time.Time
	Messages []Attempted
}

// Attempted is what became of a message that was kept in memory.
type Attempted struct {
	Channel string
	Kind    Kind
	Text    string
	Tries   int
	At      time.Time // when it was decided to say this
	SentAt  time.Time // zero: it is not through
	Error   string
}
