package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"ferry/themes"
	"ferry/tui/app"
	"ferry/tui/termprobe"
)

// console opens the console on the configured databases; without a terminal, or with --plain or --json, it prints
// status lines and starts no workers.
func (f *ferry) console(ctx context.Context) error {
	if err := f.settings.databases(); err != nil {
		return err
	}
	if f.settings.Plain || f.settings.JSON || !isTerminal(f.in) || !isTerminal(f.out) || f.getenv("TERM") == "dumb" {
		return f.statusLines(ctx)
	}
	log, err := f.logFile()
	if err != nil {
		return err
	}
	defer log.Close() //nolint:errcheck // nothing can be done about it
	c, err := f.open(ctx, f.settings.Workers, logTo(log, slog.LevelInfo))
	if err != nil {
		return err
	}
	defer c.close()
	return f.runConsole(ctx, c)
}

// runConsole shows a crossing until the operator leaves, then ends it as the operator chose.
func (f *ferry) runConsole(ctx context.Context, c *crossing) error {
	soft, hard, caught, release := untilSignal(ctx)
	defer release()
	model, err := f.model(hard, c)
	if err != nil {
		return err
	}
	c.Run(hard)
	program := tea.NewProgram(model, tea.WithAltScreen(), tea.WithInput(f.in), tea.WithOutput(f.out),
		tea.WithoutSignalHandler(), tea.WithContext(soft), tea.WithFPS(f.framesPerSecond()))
	final, runErr := program.Run()
	if errors.Is(runErr, tea.ErrProgramKilled) && soft.Err() != nil {
		runErr = nil
	}
	if app.ExitOf(final) == app.ExitHeadless {
		f.workHeadless(soft, c)
	}
	stop, cancel := context.WithTimeout(hard, drainLimit)
	defer cancel()
	if err := c.Stop(stop); err != nil && runErr == nil {
		runErr = err
	}
	if code := caught(); code != 0 {
		return exitWith(code, nil)
	}
	if runErr != nil {
		return fmt.Errorf("the console: %w", runErr)
	}
	return nil
}

func (f *ferry) model(ctx context.Context, c *crossing) (*app.Model, error) {
	background, err := termprobe.Resolve(f.settings.Background, f.getenv)
	if err != nil {
		return nil, usage("--background: %w", err)
	}
	renderer := termprobe.NewRenderer(f.out, termprobe.On(background))
	list, err := f.themes(themes.DefaultFor(renderer))
	if err != nil {
		return nil, err
	}
	return app.New(ctx, app.Config{
		Operator: c, Actor: thisActor(c.Snapshot().Process.Host, f.getenv),
		Themes: list, Renderer: renderer, LowBandwidth: f.settings.LowBandwidth,
	}), nil
}

// themes gives all themes, the wanted one first.
func (f *ferry) themes(fallback string) ([]themes.Theme, error) {
	set := themes.BuiltIn()
	name := f.settings.Theme
	if name == "" {
		name = fallback
	}
	first, err := set.Get(name)
	if err != nil {
		return nil, usage("--theme: %w", err)
	}
	list := []themes.Theme{first}
	for _, other := range set.Names() {
		if other == name {
			continue
		}
		t, err := set.Get(other)
		if err != nil {
			return nil, fmt.Errorf("theme %s: %w", other, err)
		}
		list = append(list, t)
	}
	return list, nil
}

func (f *ferry) framesPerSecond() int {
	if f.settings.LowBandwidth {
		return 2
	}
	return 8
}

// workHeadless goes on until the run has ended: the operator left it at work here.
func (f *ferry) workHeadless(ctx context.Context, c *crossing) {
	s := c.Snapshot()
	if s.Run == nil {
		return
	}
	fmt.Fprintf(f.err, "run #%d goes on in this process (%d) without a console; a first Ctrl-C drains it\n", s.Run.ID, os.Getpid())
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	for {
		s := c.Snapshot()
		if s.Run == nil || s.Run.State.Ended() {
			fmt.Fprintln(f.err, headline(s))
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// statusLines prints a line whenever something changed, until interrupted.
func (f *ferry) statusLines(ctx context.Context) error {
	soft, hard, caught, release := untilSignal(ctx)
	defer release()
	c, err := f.open(hard, 0, logTo(f.err, slog.LevelWarn))
	if err != nil {
		return err
	}
	defer c.close()
	c.Run(hard)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	last := ""
	for {
		select {
		case <-soft.Done():
			stop, cancel := context.WithTimeout(hard, drainLimit)
			defer cancel()
			if err := c.Stop(stop); err != nil {
				return err
			}
			return exitWith(caught(), nil)
		case <-tick.C:
		}
		s := c.Snapshot()
		if s.Sequence == 0 {
			continue
		}
		if f.settings.JSON {
			if err := f.line(newReport("progress", s)); err != nil {
				return err
			}
			continue
		}
		if line := headline(s); line != last {
			last = line
			writePlain(f.out, s)
		}
	}
}
