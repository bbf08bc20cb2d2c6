package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"ferry/cmd/ferry/internal/config"
	"ferry/engine"
	"ferry/store/session"
	"ferry/themes"
	"ferry/tui/connect"
	"ferry/tui/termprobe"
)

// connect asks for the two databases, and puts what was accepted into the settings. It asks again while what was
// accepted is not safe to use.
func (f *ferry) connect(ctx context.Context, out *os.File, why string) (accepted bool, err error) {
	for {
		result, err := f.askDatabases(ctx, out, why)
		if err != nil || !result.Accepted {
			return false, err
		}
		f.settings.Source, f.settings.Target, f.settings.Profile = result.Source, result.Target, result.Profile
		unsafe := f.settings.databases()
		if unsafe == nil {
			return true, nil
		}
		why = unsafe.Error()
	}
}

func (f *ferry) askDatabases(ctx context.Context, out *os.File, why string) (connect.Result, error) {
	losses := make(chan error, 1)
	lose := func(err error) {
		select {
		case losses <- err:
		default: // it is lost already
		}
	}
	soft, hard, caught, release := listen(ctx, func() { lose(errHangup) })
	defer release()
	background, err := termprobe.Resolve(f.settings.Background, f.getenv)
	if err != nil {
		return connect.Result{}, usage("--background: %w", err)
	}
	renderer := termprobe.NewRenderer(f.out, termprobe.On(background))
	list, _, err := f.themes(themes.DefaultFor(renderer))
	if err != nil {
		return connect.Result{}, err
	}
	screen, err := openTerminal(f.in, out, lose)
	if err != nil {
		return connect.Result{}, err
	}
	defer screen.close()
	model := &guard{lose: lose, model: connect.New(hard, connect.Config{
		Source: f.settings.Source, Target: f.settings.Target, Profile: f.settings.Profile,
		Test: f.tryDatabases, Save: f.saveProfile, Theme: list[0], Renderer: renderer, Why: why, ASCII: onlyASCII(f.getenv),
	})}
	_, lost := f.show(soft, screen, model, losses)
	if code := caught(); code != 0 {
		return connect.Result{}, exitWith(code, nil)
	}
	if lost != nil && !isAway(lost) {
		return connect.Result{}, fmt.Errorf("asking for the databases: %w", lost)
	}
	return connect.ResultOf(model.model), nil
}

// saveProfile keeps two addresses as a profile of the config file, and says where and how it is opened. What the operator
// has allowed for this process and the pair cannot do without is kept with it, and said.
func (f *ferry) saveProfile(_ context.Context, pair connect.Result, replace bool) (string, error) {
	path, opens := f.settings.Config, "ferry --profile "+pair.Profile
	switch f.settings.said["config"].from {
	case fromFlag:
		opens = "ferry --config " + path + " --profile " + pair.Profile
	case fromDefault:
		path = usualConfig(f.getenv)
	}
	if path == "" {
		return "", errors.New("neither XDG_CONFIG_HOME nor HOME is set, so there is no place for a config file; name one with --config")
	}
	entries := []config.Entry{{Name: "source", Text: pair.Source}, {Name: "target", Text: pair.Target}}
	var waived config.Sides
	for dsn, side := range map[string]*bool{pair.Source: &waived.Source, pair.Target: &waived.Target} {
		facts, err := session.Check(dsn, true)
		if err != nil {
			return "", err
		}
		*side = facts.Insecure
	}
	said := ""
	if waived != (config.Sides{}) {
		entries = append(entries, config.Entry{Name: "allow-unverified-tls", Text: waived.String()})
		said = ", with allow_unverified_tls = " + waived.String() + ", for they are not verified"
	}
	err := config.SaveProfile(path, pair.Profile, entries, replace, described())
	if errors.Is(err, config.ErrProfileTaken) {
		return "", connect.ErrTaken
	}
	if err != nil {
		return "", err
	}
	return "saved: `" + opens + "` opens this pair; it stands in " + path + said, nil
}

// tryDatabases says whether a crossing between two databases could begin.
func (f *ferry) tryDatabases(ctx context.Context, source, target string) engine.Preflight {
	for _, side := range []struct {
		name, dsn string
		allowed   bool
	}{
		{"source", source, f.settings.AllowUnverifiedTLS.Source},
		{"target", target, f.settings.AllowUnverifiedTLS.Target},
	} {
		if _, err := session.Check(side.dsn, side.allowed); err != nil {
			return engine.Preflight{engine.FailLine(side.name+": address", err.Error(), "edit it")}
		}
	}
	other := &ferry{streams: f.streams, getenv: f.getenv, settings: f.settings}
	other.settings.Source, other.settings.Target = source, target
	c, err := other.open(ctx, 0, logTo(io.Discard, slog.LevelError))
	if err != nil {
		return engine.Preflight{engine.FailLine("addresses", err.Error(), "edit them")}
	}
	defer c.close()
	lines, err := c.Preflight(ctx, false)
	if err != nil {
		lines = append(lines, engine.UnknownLine("preflight", err.Error(), ""))
	}
	return lines
}
