package engine

import (
	"context"
	"time"
)

// Severity is how urgent an alert is.
type Severity string

// The severities.
const (
	SeverityInfo     Severity = "info"
	SeverityWarning  Severity = "warning"
	SeverityCritical Severity = "critical"
)

// LevelState is how a service level is kept.
type LevelState string

// The states of a service level. Unknown is not kept.
const (
	LevelKept    LevelState = "kept"
	LevelMissed  LevelState = "missed" // off target
	LevelAlert   LevelState = "alert"  // beyond the line at which somebody is told
	LevelUnknown LevelState = "unknown"
)

// LevelView is one service level with its figure.
type LevelView struct {
	Name   string     `json:"name"`   // "agreement"
	Entity string     `json:"entity"` // empty: of all
	State  LevelState `json:"state"`
	Figure string     `json:"figure"` // "99.98 %", "14 s"
	Target string     `json:"target"` // "≥ 99.9 %"
	Why    string     `json:"why"`    // what to do, where it is not kept
}

// AlertView is one alert in its history.
type AlertView struct {
	ID         int64     `json:"id"`
	Rule       string    `json:"rule"`
	Entity     string    `json:"entity"`
	Severity   Severity  `json:"severity"`
	Text       string    `json:"text"` // what, why, what to do now
	FiredAt    time.Time `json:"fired_at"`
	SeenAt     time.Time `json:"seen_at"`
	ResolvedAt time.Time `json:"resolved_at,omitzero"` // zero: it fires
	Quiet      bool      `json:"quiet"`                // nobody was told: it came within the quiet period
	Sent       int64     `json:"sent"`
	Pending    int64     `json:"pending"` // deliveries that failed and will be tried again, or are under way
	LastError  string    `json:"last_error"`
}

// DeliveryView is what became of a message on one channel.
type DeliveryView struct {
	Alert   int64     `json:"alert"`
	Channel string    `json:"channel"` // without its secrets
	Message string    `json:"message"` // firing, resolved, test
	Tries   int       `json:"tries"`
	SentAt  time.Time `json:"sent_at,omitzero"`
	NextAt  time.Time `json:"next_at,omitzero"`
	Error   string    `json:"error"`
}

// MonitorView is what the monitor says now.
type MonitorView struct {
	At      time.Time // when the levels were last judged; zero: never
	Levels  []LevelView
	Firing  []AlertView // most urgent first
	Pending int64       // deliveries that are not through
	Failed  string      // the last error of a delivery that is not through
}

// AlertDesk shows alerts and tests the channels.
type AlertDesk interface {
	// Alerts lists alerts, newest first; before 0 begins with the newest.
	Alerts(ctx context.Context, before int64, limit int) ([]AlertView, error)
	// TestAlerts sends a message through every channel of this process, at once and once, and says what became of it.
	TestAlerts(ctx context.Context, act Act) ([]DeliveryView, error)
}
