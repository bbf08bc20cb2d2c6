package monitor

import (
	"context"
	"time"

	"ferry/engine"
)

// Message is what a channel carries.
type Message struct {
	Key // what it is about

	Delivery int64 // its number; the same one may arrive twice. 0: it was not stored
	Alert    int64 // 0: it is about none that is stored
	Kind     Kind
	Severity engine.Severity
	Text     string
	Where    string // which pair of databases, in words and without secrets
	Instance string // which engine database: the same whichever process sends
	FiredAt  time.Time
	At       time.Time // when it was decided to say this
}

// Channel carries messages to somebody.
type Channel interface {
	// Name is what it is called wherever it is shown or kept, without its secrets. It is the same in every process with the
	// same config.
	Name() string
	// Send gives up after SendLimit. Its error is fit to be shown and kept.
	Send(ctx context.Context, m Message) error
}

// SendLimit is how long one attempt to send may take.
const SendLimit = 20 * time.Second

// Delivery times.
const (
	// Lease is how long a message is one process's to send. It is far above SendLimit: behind it another sends it again.
	Lease = time.Minute
	// GiveUpAfter is how old a message may become before nobody tries any more.
	GiveUpAfter = 24 * time.Hour
	// KeepFor is how long alerts that are over are kept.
	KeepFor = 90 * 24 * time.Hour
	// Every is how often levels are judged at least.
	Every = 5 * time.Minute
)

var waits = []time.Duration{
	5 * time.Second, 15 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute,
}

// Backoff is how long to wait after an attempt that failed; tries counts them.
func Backoff(tries int) time.Duration { return waits[min(max(tries, 1), len(waits))-1] }
