package control

import (
	"context"
	"errors"
	"sync"
	"time"

	"ferry/engine"
	"ferry/engine/monitor"
	"ferry/engine/redact"
)

// errNoAlerts says that a ledger keeps no alerts.
var errNoAlerts = errors.New("this engine database keeps no alerts")

// How often it is looked whether levels are due or messages wait, and how often channels are made known.
const (
	watchEvery    = time.Second
	channelsEvery = 5 * time.Minute
	bookLimit     = 10 * time.Second
	graceToRecord = 5 * time.Second
)

// Alerts lists alerts, newest first.
func (k *Control) Alerts(ctx context.Context, before int64, limit int) ([]engine.AlertView, error) {
	book, ok := k.c.Ledger.(monitor.Book)
	if !ok {
		return nil, errNoAlerts
	}
	return book.Alerts(ctx, before, limit)
}

// TestAlerts sends a message through every channel of this process, at once and once.
func (k *Control) TestAlerts(ctx context.Context, act engine.Act) ([]engine.DeliveryView, error) {
	out := make([]engine.DeliveryView, len(k.c.Channels))
	err := k.act(ctx, "test alerts", act, func() error {
		// People are to know who woke them up, and a role that may not act wakes up nobody.
		if err := k.Note(ctx, 0, "test alerts", "a message through every channel"); errors.Is(err, engine.ErrForbidden) {
			return err
		}
		var sending sync.WaitGroup
		for i, channel := range k.c.Channels {
			sending.Go(func() {
				out[i] = engine.DeliveryView{Channel: channel.Name(), Message: string(monitor.Test), Tries: 1}
				err := k.send(ctx, channel, monitor.Message{
					Kind: monitor.Test, Key: monitor.Key{Rule: "test"}, Severity: engine.SeverityInfo, FiredAt: time.Now(), At: time.Now(),
					Text: "This is a test that " + k.c.Actor.String() + " asked for: alerts of this ferry arrive here. Nothing is left to do.",
				})
				if err != nil {
					out[i].Error = err.Error()
					return
				}
				out[i].SentAt = time.Now()
			})
		}
		sending.Wait()
		return ctx.Err()
	})
	return out, err
}

// send sends a message, and gives an error that is fit to be shown.
func (k *Control) send(ctx context.Context, channel monitor.Channel, m monitor.Message) error {
	ctx, cancel := context.WithTimeout(ctx, monitor.SendLimit)
	defer cancel()
	s := k.Snapshot()
	m.Where = s.Source.Address + " → " + s.Target.Address
	if k.c.Profile != "" {
		m.Where = k.c.Profile + ", " + m.Where
	}
	m.Instance = s.Target.Address
	if identity := k.identity.Load(); identity != nil {
		m.Instance = *identity
	}
	return redact.Error(channel.Send(ctx, m))
}

// watch judges levels whenever that is due and nobody else was faster, and sends the messages that this process has channels
// for, until ctx ends. A process that only looks does neither.
func (k *Control) watch(ctx context.Context) {
	book, ok := k.c.Ledger.(monitor.Book)
	if !ok || k.c.Process.ReadOnly {
		return
	}
	var sending sync.WaitGroup
	for _, channel := range k.c.Channels {
		sending.Go(func() { k.deliver(ctx, book, channel) })
	}
	defer sending.Wait()
	w := watcher{k: k, book: book, memory: memory{k: k, thresholds: monitor.Default()}}
	every(ctx, k.c.WatchEvery, func() { w.once(ctx) })
}

// every does something again and again until ctx ends.
func every(ctx context.Context, pause time.Duration, do func()) {
	ticker := time.NewTicker(pause)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			do()
		}
	}
}

// watcher keeps what lasts from one look to the next.
type watcher struct {
	k           *Control
	book        monitor.Book
	memory      memory
	knownUntil  time.Time // the channels are made known again then
	lastTrouble string
}

func (w *watcher) once(ctx context.Context) {
	s := w.k.Snapshot()
	if s.Target.Down() {
		if w.k.works() { // a console that looks in from afar would take its own network for the database's
			w.memory.look(ctx, s, time.Now())
		}
		return
	}
	if s.Setup != engine.SetupReady || s.TakenAt.IsZero() || s.Viewer != "" {
		return
	}
	limited, cancel := context.WithTimeout(ctx, bookLimit)
	defer cancel()
	err := w.look(limited, s)
	switch {
	case err == nil:
		w.lastTrouble = ""
	case ctx.Err() == nil && err.Error() != w.lastTrouble:
		w.lastTrouble = err.Error()
		w.k.c.Logger.WarnContext(ctx, "service levels were not judged, trying again", "error", err)
	}
}

// look judges if that is due. Channels come first, so that no alert is without them.
func (w *watcher) look(ctx context.Context, s *engine.Snapshot) error {
	if names := w.k.channelNames(); len(names) > 0 && time.Now().After(w.knownUntil) {
		if err := w.book.Channels(ctx, names); err != nil {
			return err
		}
		identity, err := w.k.c.Ledger.Identity(ctx)
		if err != nil {
			identity = s.Target.Address // the server does not say; all processes with this address agree
		}
		w.k.identity.Store(&identity)
		w.knownUntil = time.Now().Add(channelsEvery)
	}
	if err := w.memory.handOver(ctx, w.book); err != nil {
		return err
	}
	due, err := w.book.JudgeDue(ctx, monitor.SeenBy(s))
	if err != nil || !due {
		return err
	}
	judged, err := w.book.Judge(ctx, monitor.SeenBy(s), w.k.c.Process.ID, w.judge(s))
	if judged {
		w.k.refresh()
	}
	return err
}

func (w *watcher) judge(s *engine.Snapshot) monitor.Judging {
	return func(open []monitor.Open, told map[monitor.Key]time.Time, t monitor.Thresholds, now time.Time) ([]engine.LevelView, []monitor.Change) {
		w.memory.thresholds = t
		judged := monitor.Judge(s, t, time.Now())
		return judged.Levels, monitor.Decide(open, told, judged.Findings, t, now)
	}
}

func (k *Control) channelNames() []string {
	names := make([]string, len(k.c.Channels))
	for i, channel := range k.c.Channels {
		names[i] = channel.Name()
	}
	return names
}

// deliver sends the messages of one channel, so that a receiver which hangs holds up nobody else.
func (k *Control) deliver(ctx context.Context, book monitor.Book, channel monitor.Channel) {
	every(ctx, k.c.WatchEvery, func() {
		// Until the channels are known here so is not which database this is, and no message says.
		for ctx.Err() == nil && k.identity.Load() != nil && !k.Snapshot().Target.Down() && k.Snapshot().Setup == engine.SetupReady {
			more, err := k.deliverNext(ctx, book, channel)
			if err != nil && ctx.Err() == nil {
				k.c.Logger.WarnContext(ctx, "messages wait", "channel", channel.Name(), "error", err)
			}
			if err != nil || !more {
				return
			}
		}
	})
}

// deliverNext sends one message. What becomes of it is kept behind the sending: whoever dies in between leaves it to be sent
// once more, and never to be lost.
func (k *Control) deliverNext(ctx context.Context, book monitor.Book, channel monitor.Channel) (bool, error) {
	look, cancel := context.WithTimeout(ctx, bookLimit)
	defer cancel()
	claim, err := book.NextDelivery(look, channel.Name(), k.c.Process.ID)
	if err != nil || claim == nil {
		return false, err
	}
	failure := k.send(ctx, channel, claim.Message)
	if failure != nil && ctx.Err() != nil {
		return false, ctx.Err() // it was this process's end that cut it off
	}
	if failure != nil {
		k.c.Logger.WarnContext(ctx, "a message did not get through, trying again", "channel", channel.Name(), "alert", claim.Alert,
			"tries", claim.Tries, "error", failure)
	}
	// What was sent is kept although this process is told to end meanwhile.
	keep, done := context.WithTimeout(context.WithoutCancel(ctx), graceToRecord)
	defer done()
	return true, book.Delivered(keep, *claim, failure)
}

// transactionGauge knows how long ferry's own transactions have been open. The source is one.
type transactionGauge interface {
	OldestTransaction(ctx context.Context) (time.Duration, error)
}

// oldest is how long ferry's longest transaction at the source has been open.
func (p *poller) oldest(ctx context.Context) engine.Maybe[time.Duration] {
	gauge, ok := p.k.c.Source.(transactionGauge)
	if !ok {
		return engine.Maybe[time.Duration]{}
	}
	age, err := gauge.OldestTransaction(ctx)
	if err != nil {
		p.k.c.Logger.InfoContext(ctx, "ferry's own transactions were not seen", "error", err)
		return engine.Maybe[time.Duration]{}
	}
	return engine.Known(age)
}
