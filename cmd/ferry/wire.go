package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/user"
	"path/filepath"
	"reflect"
	"strings"
	"time"

	"ferry/engine"
	"ferry/engine/control"
	"ferry/engine/redact"
	"ferry/store/enginedb"
	"ferry/store/migrations"
	"ferry/store/notify"
	"ferry/store/odoo"
	"ferry/store/queue"
	"ferry/store/sqlstate"
	"ferry/tui/cure"
)

// crossing is a ferry between two databases, wired and not yet running.
type crossing struct {
	*control.Control

	source *odoo.DB
	target *enginedb.DB
}

// open wires both databases. It does not connect.
func (f *ferry) open(ctx context.Context, workers int, logger *slog.Logger) (*crossing, error) {
	return f.openAs(ctx, workers, logger, false)
}

// openAs is open; a process that only works starts nothing, and tells nobody.
func (f *ferry) openAs(ctx context.Context, workers int, logger *slog.Logger, onlyWorks bool) (*crossing, error) {
	if err := f.settings.databases(); err != nil {
		return nil, err
	}
	channels, err := notify.Open(notify.Split(f.settings.Alerts))
	if err != nil {
		return nil, usage("%s: %w", f.settings.where("alerts"), err)
	}
	process := thisProcess(workers, f.settings.ReadOnly)
	application := fmt.Sprintf("ferry %s:%d", process.Host, process.PID)
	source, err := odoo.Open(ctx, f.settings.Source, application)
	if err != nil {
		return nil, usage("--source: %w", err)
	}
	target, err := enginedb.Open(ctx, f.settings.Target, application, 2*workers+6, f.settings.ReadOnly)
	if err != nil {
		source.Close()
		return nil, usage("--target: %w", err)
	}
	jobs, err := queue.New(target, slog.New(quiet{logger.Handler()}))
	if err != nil {
		source.Close()
		target.Close()
		return nil, err
	}
	k := control.New(control.Config{
		Ledger: target, Source: source, Workers: jobs,
		Migrate: func(ctx context.Context) error {
			if err := target.NotOdoo(ctx); err != nil {
				return err
			}
			seeds := migrations.Seeds{Rules: f.settings.Rules(), Policies: f.settings.Policies()}
			return sqlstate.Wrap(engine.SideTarget, "initialising", migrations.InitWith(ctx, target.Pool(), seeds, logger))
		},
		Process: process, Actor: thisActor(process.Host, f.getenv),
		Profile: f.settings.Profile, Version: version(), Logger: logger, Channels: channels, OnlyWorks: onlyWorks,
		InsecureSource: f.settings.Insecure(engine.SideSource), InsecureTarget: f.settings.Insecure(engine.SideTarget),
	})
	return &crossing{Control: k, source: source, target: target}, nil
}

// restLimit is how long the engine database may take to hear that this process starts no more ticks.
const restLimit = 2 * time.Second

// rest starts no more ticks here, so that none begins while the workers drain. That the engine database does not hear of it
// is well: the process signs off in a moment, or is missed.
func (c *crossing) rest(ctx context.Context) {
	if !c.Snapshot().Process.Keeps {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, restLimit)
	defer cancel()
	_ = c.KeepInStep(ctx, 0) // it logs what went wrong
}

// leave signs a command off that ends without having been at work: it signed on before it knew that there is none for it.
func (c *crossing) leave(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), restLimit)
	defer cancel()
	_ = c.Stop(ctx) // without workers nothing can go wrong but the signing off, which is noticed by the silence
}

// close ends all sessions.
func (c *crossing) close() {
	c.source.Close()
	c.target.Close()
}

// reach checks that both databases answer, within the limit of a one-shot command.
func (c *crossing) reach(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	if _, _, err := c.target.Ping(ctx); err != nil {
		return unreached("the engine database", c.target.Address(), "--target", err)
	}
	if _, err := c.source.Ping(ctx); err != nil {
		return unreached("the source", c.source.Address(), "--source", err)
	}
	return nil
}

// unreached says in one sentence which database a command could not begin with, why, and what to do.
func unreached(which, address, setting string, err error) error {
	advice := cmp.Or(cure.For(err.Error()), "is it up, and is "+setting+" right?")
	return exitWith(exitError, fmt.Errorf("%s %s (%s): %s; %s", which, address, setting, cure.Cause(err.Error()), advice))
}

func thisProcess(workers int, readOnly bool) engine.Process {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown-host"
	}
	id := make([]byte, 6)
	_, _ = rand.Read(id) // never fails
	return engine.Process{
		ID:   fmt.Sprintf("%s:%d:%s", host, os.Getpid(), hex.EncodeToString(id)),
		Host: host, PID: os.Getpid(), Workers: workers, ReadOnly: readOnly, StartedAt: time.Now(),
	}
}

// thisActor is who runs this process: the journal and other consoles name them.
func thisActor(host string, getenv func(string) string) engine.Actor {
	a := engine.Actor{Host: host, User: getenv("USER")}
	if u, err := user.Current(); err == nil {
		a.User = u.Username
	}
	if client := strings.Fields(getenv("SSH_CLIENT")); len(client) > 0 {
		a.SSH = client[0]
	}
	return a
}

// stateDir is where ferry keeps its log and the demo's data.
func (f *ferry) stateDir() (string, error) {
	if dir := f.getenv("XDG_STATE_HOME"); dir != "" {
		return filepath.Join(dir, "ferry"), nil
	}
	home := f.getenv("HOME")
	if home == "" {
		return "", errors.New("neither XDG_STATE_HOME nor HOME is set: there is no place for ferry's state")
	}
	return filepath.Join(home, ".local", "state", "ferry"), nil
}

// logTo writes a log without secrets.
func logTo(w io.Writer, level slog.Leveler) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: level, ReplaceAttr: withoutSecrets}))
}

// quiet keeps a log from what is no trouble: the queue says every few seconds how many jobs it has done.
type quiet struct{ slog.Handler }

// Enabled reports whether a line is worth it.
func (q quiet) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && q.Handler.Enabled(ctx, level)
}

// WithAttrs is as quiet.
func (q quiet) WithAttrs(attrs []slog.Attr) slog.Handler { return quiet{q.Handler.WithAttrs(attrs)} }

// WithGroup is as quiet.
func (q quiet) WithGroup(name string) slog.Handler { return quiet{q.Handler.WithGroup(name)} }

// logJSON is logTo with an object a line.
func logJSON(w io.Writer, level slog.Leveler) *slog.Logger {
	return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level, ReplaceAttr: withoutSecrets}))
}

// withoutSecrets takes the secrets out of whatever is text, or becomes one.
func withoutSecrets(_ []string, a slog.Attr) slog.Attr {
	switch a.Value.Kind() {
	case slog.KindString:
		a.Value = slog.StringValue(redact.Text(a.Value.String()))
	case slog.KindAny:
		value := a.Value.Any()
		if number := reflect.ValueOf(value); number.CanInt() && a.Key != slog.LevelKey { // a run, a batch
			a.Value = slog.Int64Value(number.Int())
			break
		}
		a.Value = slog.StringValue(redact.Text(asText(value)))
	case slog.KindDuration: // JSON would have its nanoseconds
		a.Value = slog.StringValue(a.Value.Duration().String())
	case slog.KindBool, slog.KindFloat64, slog.KindInt64, slog.KindTime, slog.KindUint64, slog.KindGroup, slog.KindLogValuer:
	}
	return a
}

// asText is a value as a log has it.
func asText(value any) string {
	if err, ok := value.(error); ok {
		return err.Error()
	}
	return fmt.Sprint(value)
}

// logFile opens the log of processes that own their terminal.
func (f *ferry) logFile() (*os.File, error) {
	dir, err := f.stateDir()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making a place for the log: %w", err)
	}
	file, err := os.OpenFile(filepath.Join(dir, "ferry.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the log: %w", err)
	}
	return file, nil
}
