package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	systemd "github.com/coreos/go-systemd/v22/daemon"

	"ferry/engine"
	"ferry/engine/redact"
	"ferry/tui/sanitize"
)

// tellEvery is how often it is looked whether there is something to tell.
const tellEvery = time.Second

// tell has the log and the service manager know how this process stands, until ctx ends.
func (d *daemon) tell(ctx context.Context) {
	log := chronicle{d: d, firing: map[int64]bool{}}
	look := time.NewTicker(tellEvery)
	defer look.Stop()
	for {
		s := d.c.Snapshot()
		not := d.unready(s, time.Now())
		d.manager.tell(s, not)
		if !s.At.IsZero() { // else it has only just begun
			log.readiness(ctx, not)
		}
		if !s.TakenAt.IsZero() && !s.Target.Down() {
			log.runs(ctx, s)
			log.alerts(ctx, s)
		}
		select {
		case <-ctx.Done():
			return
		case <-look.C:
		}
	}
}

// chronicle tells the log what has become of runs and alerts.
type chronicle struct {
	d      *daemon
	before string         // what was said of readiness
	seen   string         // of the run that was looked at last
	past   *watcher       // knows which runs were told of; nil: not begun
	active engine.RunID   // the one that was not at its end when it was looked at last; 0: none
	firing map[int64]bool // alerts that were told of
}

// readiness says when this process is ready, and why not, whenever that changes.
func (l *chronicle) readiness(ctx context.Context, not []string) {
	now := "ready"
	if len(not) > 0 {
		now = strings.Join(not, "; ")
	}
	if now == l.before {
		return
	}
	l.before = now
	if len(not) == 0 {
		l.d.logger.InfoContext(ctx, "ready")
		return
	}
	l.d.logger.WarnContext(ctx, "not ready", "why", now)
}

// runs tells of the runs that have ended since, and of one that waits for an operator.
func (l *chronicle) runs(ctx context.Context, s *engine.Snapshot) {
	if l.past == nil {
		l.past = &watcher{c: l.d.c}
		if s.Run != nil {
			l.past.last = s.Run.ID
		}
	}
	if s.Run == nil {
		return
	}
	seen := fmt.Sprint(s.Run.ID, s.Run.State)
	if seen == l.seen {
		return
	}
	ended, err := l.since(ctx, s.Run)
	if err != nil {
		return // the poller says that the database does not answer, and it is looked again
	}
	for i := range ended {
		l.ended(ctx, &ended[i])
		l.past.last = max(l.past.last, ended[i].ID)
	}
	l.active = 0
	if s.Run.State.Active() {
		l.active = s.Run.ID
	}
	switch s.Run.State { //nolint:exhaustive // the others wait for nobody
	case engine.RunAsking:
		l.d.logger.WarnContext(ctx, "a run needs an answer", "run", s.Run.ID, "question", s.Run.Question)
	case engine.RunPaused:
		l.d.logger.WarnContext(ctx, "a run is paused", "run", s.Run.ID, "by", s.Run.StateBy, "why", s.Run.Reason)
	}
	l.seen = seen
}

// since lists the runs that have ended since it was last looked, oldest first: an older one too, that somebody went on with.
func (l *chronicle) since(ctx context.Context, now *engine.RunView) ([]engine.RunSummary, error) {
	ended, err := l.past.since(ctx)
	again := l.active
	if now.State.Ended() && l.seen != "" {
		again = now.ID
	}
	if err != nil || again == 0 || again > l.past.last || again == now.ID && now.State.Active() {
		return ended, err
	}
	older, err := l.d.c.RunDetail(ctx, again)
	if errors.Is(err, engine.ErrNoSuchRun) { // it has been folded into another
		return ended, nil
	}
	if err != nil {
		return nil, err
	}
	return append([]engine.RunSummary{older.RunSummary}, ended...), nil
}

// ended tells of a run. An idle tick is not worth a line.
func (l *chronicle) ended(ctx context.Context, r *engine.RunSummary) {
	level := slog.LevelInfo
	switch {
	case r.State != engine.RunDone:
		level = slog.LevelWarn
	case r.Scheduled && r.WhyFull == "" && r.Errors == 0 && r.Counts.Idle():
		level = slog.LevelDebug
	}
	l.d.logger.Log(ctx, level, "run ended", "run", int64(r.ID), "kind", string(r.Kind), "state", string(r.State), "took", r.FinishedAt.Sub(r.StartedAt),
		"read", r.Counts.Read, "inserted", r.Counts.Inserted, "updated", r.Counts.Updated, "unchanged", r.Counts.Unchanged,
		"deleted", r.Counts.Deleted, "quarantined", r.Counts.Rejected, "errors", r.Errors, "error", r.Error)
}

// alerts tells of alerts that fire and of those that do no longer.
func (l *chronicle) alerts(ctx context.Context, s *engine.Snapshot) {
	firing := map[int64]bool{}
	for _, a := range s.Monitor.Firing {
		firing[a.ID] = true
		if !l.firing[a.ID] {
			l.d.logger.WarnContext(ctx, "an alert fires", "alert", a.ID, "rule", a.Rule, "entity", a.Entity, "severity", string(a.Severity), "text", a.Text)
		}
	}
	for id := range l.firing {
		if !firing[id] {
			l.d.logger.InfoContext(ctx, "an alert is over", "alert", id)
		}
	}
	l.firing = firing
}

// notifySystemd tells the service manager; where there is none it does nothing.
func notifySystemd(state string) error {
	if _, err := systemd.SdNotify(false, state); err != nil {
		return fmt.Errorf("telling the service manager: %w", err)
	}
	return nil
}

// manager tells the service manager how this process stands.
type manager struct {
	notify func(state string) error
	logger *slog.Logger
	up     bool
	status string
	pinged time.Time
	failed bool // it was said that the manager is not reached
}

// tell says that the process is up once it has looked at its databases, whether or not these answer; how it stands, whenever that
// changes; and that it lives, if the manager wants to hear it.
func (m *manager) tell(s *engine.Snapshot, not []string) {
	if s.At.IsZero() {
		return
	}
	status := headline(s)
	if len(not) > 0 {
		status = "not ready: " + not[0]
	}
	status = sanitize.Text(redact.Text(status))
	var states []string
	if !m.up {
		states = append(states, systemd.SdNotifyReady)
	}
	if status != m.status {
		states = append(states, "STATUS="+status)
	}
	if every, err := systemd.SdWatchdogEnabled(false); err == nil && every > 0 && time.Since(m.pinged) >= every/3 && len(unwell(s, time.Now())) == 0 {
		states = append(states, systemd.SdNotifyWatchdog)
		m.pinged = time.Now()
	}
	if len(states) > 0 && m.send(states) {
		m.up, m.status = true, status
	}
}

// stopping says that the process drains, and that it may take as long as the limit and a little more.
func (m *manager) stopping(limit time.Duration) {
	m.send([]string{
		systemd.SdNotifyStopping, "STATUS=draining to a batch boundary", fmt.Sprintf("EXTEND_TIMEOUT_USEC=%d", (limit + afterDrain).Microseconds()),
	})
}

func (m *manager) send(states []string) bool {
	err := m.notify(strings.Join(states, "\n"))
	if err != nil && !m.failed {
		m.logger.Warn("the service manager was not reached", "error", err)
	}
	m.failed = err != nil
	return err == nil
}
