package control

import (
	"context"
	"time"

	"ferry/engine"
	"ferry/engine/monitor"
)

// memory keeps the one alert that cannot be stored: the engine database does not answer. Its messages are sent from here, and
// handed over once there is a place to keep them.
type memory struct {
	k          *Control
	thresholds monitor.Thresholds // as last read
	outage     *monitor.Outage    // nil: there is none
	nextAt     []time.Time        // when each of the outage's messages may be tried again
}

// look tells of an outage once it has lasted, reminds of it, and tries again what did not get through.
func (m *memory) look(ctx context.Context, s *engine.Snapshot, now time.Time) {
	for _, f := range monitor.Judge(s, m.thresholds, now).Findings {
		if f.Rule == monitor.RuleTargetDown && f.State == engine.LevelAlert {
			m.note(ctx, f, now)
		}
	}
	if m.outage != nil {
		m.send(ctx, now)
	}
}

// note begins the outage, or reminds of it.
func (m *memory) note(ctx context.Context, f monitor.Finding, now time.Time) {
	key := monitor.Key{Rule: f.Rule, Entity: f.Entity}
	var open []monitor.Open
	told := map[monitor.Key]time.Time{}
	if m.outage != nil {
		open = []monitor.Open{{ID: 1, Key: key, Severity: f.Severity, Text: m.outage.Text, FiredAt: m.outage.FiredAt, Told: true}}
		told[key] = m.outage.ToldAt
	}
	for _, c := range monitor.Decide(open, told, []monitor.Finding{f}, m.thresholds, now) {
		if m.outage == nil {
			m.outage = &monitor.Outage{Key: key, Severity: c.Severity, Text: c.Text, FiredAt: now}
		}
		if c.Say == "" {
			continue
		}
		m.outage.ToldAt = now
		for _, name := range m.k.channelNames() {
			m.outage.Messages = append(m.outage.Messages, monitor.Attempted{Channel: name, Kind: c.Say, Text: c.Message, At: now})
			m.nextAt = append(m.nextAt, now)
		}
		m.k.c.Logger.ErrorContext(ctx, "alert that cannot be kept", "text", c.Message)
	}
}

// send tries each message that is due.
func (m *memory) send(ctx context.Context, now time.Time) {
	for i := range m.outage.Messages {
		a := &m.outage.Messages[i]
		if !a.SentAt.IsZero() || now.Before(m.nextAt[i]) || now.Sub(a.At) > monitor.GiveUpAfter {
			continue
		}
		a.Tries++
		err := m.k.send(ctx, m.channel(a.Channel), monitor.Message{
			Kind: a.Kind, Key: m.outage.Key, Severity: m.outage.Severity, Text: a.Text, FiredAt: m.outage.FiredAt, At: a.At,
		})
		if err != nil {
			a.Error = err.Error()
			m.nextAt[i] = time.Now().Add(monitor.Backoff(a.Tries))
			continue
		}
		a.SentAt, a.Error = time.Now(), ""
	}
}

func (m *memory) channel(name string) monitor.Channel {
	for _, channel := range m.k.c.Channels {
		if channel.Name() == name {
			return channel
		}
	}
	return nil // the names are the channels'
}

// handOver leaves an outage that is over to the engine database, which ends the alert as any other.
func (m *memory) handOver(ctx context.Context, book monitor.Book) error {
	if m.outage == nil {
		return nil
	}
	if err := book.KeepOutage(ctx, *m.outage); err != nil {
		return err
	}
	m.outage, m.nextAt = nil, nil
	return nil
}
