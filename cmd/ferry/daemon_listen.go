package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"ferry/engine"
	"ferry/engine/redact"
	"ferry/tui/cure"
	"ferry/tui/sanitize"
)

// Limits of what is asked of an unattended process: it answers from memory.
const (
	requestLimit  = 5 * time.Second
	answerLimit   = 15 * time.Second
	idleLimit     = 2 * time.Minute
	headerBytes   = 16 << 10
	hangUpLimit   = time.Second
	stateIsStuck  = 30 * time.Second // databases that swallow everything delay a look by less
	contentIsText = "text/plain; charset=utf-8"
)

// listen has metrics and health told at an address; nowhere if it is empty.
func (d *daemon) listen(ctx context.Context, address string) error {
	if address == "" {
		return nil
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("listening at %s: %w; is another ferry there? choose another with --listen", address, err)
	}
	d.at = listener.Addr().String()
	d.server = &http.Server{
		Handler: d.routes(), ErrorLog: slog.NewLogLogger(d.logger.Handler(), slog.LevelWarn),
		ReadHeaderTimeout: requestLimit, ReadTimeout: requestLimit, WriteTimeout: answerLimit, IdleTimeout: idleLimit, MaxHeaderBytes: headerBytes,
	}
	go func() {
		if err := d.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			d.lost <- fmt.Errorf("listening at %s: %w", address, err)
		}
	}()
	return nil
}

// hangUp listens no more.
func (d *daemon) hangUp(ctx context.Context) {
	if d.server == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), hangUpLimit)
	defer cancel()
	if err := d.server.Shutdown(ctx); err != nil {
		_ = d.server.Close() // whoever is still asking is cut off
	}
}

func (d *daemon) routes() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", d.metrics.Handler(d.logger))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, "alive", unwell(d.c.Snapshot(), time.Now()))
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, "ready", d.unready(d.c.Snapshot(), time.Now()))
	})
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentIsText)
		_, _ = io.WriteString(w, "ferry "+d.as.verb+": /metrics /healthz /readyz\n") // whoever asked may be gone
	})
	return mux
}

// reply says that all is well, or with status 503 what is not, a line each, without secrets.
func reply(w http.ResponseWriter, well string, not []string) {
	w.Header().Set("Content-Type", contentIsText)
	w.Header().Set("Cache-Control", "no-store")
	if len(not) > 0 {
		w.WriteHeader(http.StatusServiceUnavailable)
		well = strings.Join(not, "\n")
	}
	_, _ = io.WriteString(w, well+"\n") // whoever asked may be gone
}

// unwell says why this process does not live: its own feed of snapshots stands still, whatever the databases do.
func unwell(s *engine.Snapshot, now time.Time) []string {
	if age := now.Sub(s.At); !s.At.IsZero() && age > stateIsStuck {
		return []string{"this process has not looked at its databases since " + s.At.UTC().Format(time.TimeOnly) + "; it hangs: restart it"}
	}
	return nil
}

// unready says why this process does not do its part, a line each, without secrets.
func (d *daemon) unready(s *engine.Snapshot, now time.Time) []string {
	if d.draining.Load() {
		return []string{"draining: batches in flight end, none is begun here"}
	}
	if s.At.IsZero() {
		return []string{"starting: the databases have not been looked at yet"}
	}
	not := unwell(s, now)
	if s.Target.Down() {
		not = append(not, silentDatabase("the engine database", &s.Target))
	} else {
		not = append(not, d.unprepared(s)...)
	}
	switch {
	case s.Source.Down():
		not = append(not, silentDatabase("the source", &s.Source))
	case s.Source.Version == "":
		not = append(not, "the source has not been looked at yet")
	}
	if why := d.trouble.Load(); why != nil {
		not = append(not, "no ticks begin here: "+*why)
	}
	for i, line := range not {
		not[i] = sanitize.Text(redact.Text(line))
	}
	return not
}

// unprepared says what an engine database that answers lacks.
func (d *daemon) unprepared(s *engine.Snapshot) []string {
	switch s.Setup {
	case engine.SetupMissing:
		return []string{engine.ErrNotInitialised.Error() + ": run `ferry init`"}
	case engine.SetupOlder:
		return []string{engine.ErrSchemaOlder.Error() + ": run `ferry init` to migrate it"}
	case engine.SetupNewer:
		return []string{engine.ErrSchemaNewer.Error() + ": use that version or a later one"}
	case engine.SetupUnknown:
		return []string{"the engine database has not been looked at yet"}
	case engine.SetupReady:
	}
	if d.f.settings.Workers == 0 {
		return nil
	}
	for i := range s.Workers {
		if w := &s.Workers[i]; w.Here && w.Works() {
			return nil
		}
	}
	if s.Viewer != "" {
		return []string{"the workers of this process cannot sign on: the engine database lets role " + s.Viewer +
			" look and change nothing (`ferry grants` has an operator's role, and --read-only only tells)"}
	}
	return []string{"the workers of this process have not signed on"}
}

// silentDatabase says in a line which database does not answer, why, and what to do.
func silentDatabase(which string, e *engine.Endpoint) string {
	line := fmt.Sprintf("%s %s does not answer since %s: %s", which, e.Address, e.DownSince.UTC().Format(time.TimeOnly), cure.Cause(e.Err))
	if advice := cure.For(e.Err); advice != "" {
		line += "; " + advice
	}
	return line
}
