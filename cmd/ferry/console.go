package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"syscall"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"ferry/engine"
	"ferry/themes"
	"ferry/tui/app"
	"ferry/tui/feed"
	"ferry/tui/termprobe"
)

// console opens the console on the configured databases; without a terminal, or with --plain or --json, it prints
// status lines and starts no workers. Where nothing is configured it asks for the databases first.
func (f *ferry) console(ctx context.Context) error {
	out, drawable := f.screen()
	if !drawable {
		if err := f.settings.databases(); err != nil {
			return err
		}
		return f.statusLines(ctx)
	}
	log, err := f.logFile()
	if err != nil {
		return err
	}
	defer log.Close() //nolint:errcheck // nothing can be done about it
	if f.settings.Source == "" && f.settings.Target == "" {
		if accepted, err := f.connect(ctx, out, "no databases are configured"); err != nil || !accepted {
			return err
		}
	}
	for {
		if err := f.settings.databases(); err != nil {
			return err
		}
		choice, err := f.openConsole(ctx, out, log)
		if err != nil || choice != app.ExitConnect {
			return err
		}
		if accepted, err := f.connect(ctx, out, ""); err != nil || !accepted {
			return err
		}
	}
}

// screen gives the terminal that a console can be drawn on, if there is one and it is wanted.
func (f *ferry) screen() (*os.File, bool) {
	out, isFile := f.out.(*os.File)
	lines := f.settings.Plain || f.settings.JSON || f.getenv("TERM") == "dumb"
	return out, isFile && !lines && isTerminal(f.in) && isTerminal(out)
}

// openConsole shows the console on the configured databases, and gives how the operator left it.
func (f *ferry) openConsole(ctx context.Context, out, log *os.File) (app.Exit, error) {
	logger := logTo(log, slog.LevelInfo)
	c, err := f.open(ctx, f.settings.Workers, logger)
	if err != nil {
		return app.ExitNone, err
	}
	defer c.close()
	tape, err := f.record(c)
	if err != nil {
		return app.ExitNone, err
	}
	defer tape.end(ctx, func(format string, args ...any) { fmt.Fprintf(lossy(f.err, restoreLimit), format+"\n", args...) })
	return f.runConsole(ctx, out, &afterlife{c: c, logger: logger, logName: log.Name()}, tape)
}

// runConsole shows a crossing until the console ends: the operator leaves, somebody interrupts the process, the terminal
// goes away, or the console crashes. Only the first two end the work; else the run goes on here without a console, and
// the process ends with it.
//
// What follows the console writes to a terminal that may take nothing any more, so no message may wait for it.
func (f *ferry) runConsole(ctx context.Context, out *os.File, a *afterlife, shown engine.Operator) (app.Exit, error) {
	losses := make(chan error, 1)
	lose := func(why error) {
		select {
		case losses <- why:
		default: // it is lost already
		}
	}
	soft, hard, caught, release := listen(ctx, func() { lose(errHangup) })
	defer release()
	lines := lossy(f.err, restoreLimit)
	a.say = func(format string, args ...any) { fmt.Fprintf(lines, format+"\n", args...) }
	screen, err := openTerminal(f.in, out, lose)
	if err != nil {
		return app.ExitNone, err
	}
	defer screen.close()
	config, err := f.look(shown, clipboard(screen, f.getenv, f.keep))
	if err != nil {
		return app.ExitNone, err
	}
	config.Report = func(ctx context.Context, id engine.RunID) (string, error) { return f.reportHere(ctx, a.c, id) }
	model := app.New(hard, config)
	a.c.Run(hard)
	choice, why := f.show(soft, screen, &guard{model: between(model), lose: lose}, losses)
	switch {
	case soft.Err() != nil:
	case why != nil:
		err = a.lost(soft, why)
	case choice == app.ExitHeadless:
		err = a.left(soft)
	}
	if stopErr := a.stop(hard); stopErr != nil {
		a.say("%s", explain(stopErr))
		err = exitWith(exitError, nil)
	}
	if code := caught(); code != 0 {
		return choice, exitWith(code, nil)
	}
	if err == nil && why != nil && !isAway(why) {
		return choice, exitWith(exitError, nil) // said when it happened
	}
	return choice, err
}

// isAway reports whether a console was lost because nobody is there, which is no error.
func isAway(why error) bool { return errors.Is(why, errHangup) || errors.Is(why, errStalled) }

// between is where tests put something between Bubble Tea and the console.
var between = func(model tea.Model) tea.Model { return model }

// patienceWithTea is how long Bubble Tea may take for each step of its end.
const patienceWithTea = 300 * time.Millisecond

// show runs the console on a terminal, and leaves the terminal as it was. It gives what the operator chose, and why the
// console was lost if it was.
//
// Bubble Tea is asked to end, then killed, then left behind: it may wait for the terminal, and nothing waits for it.
func (f *ferry) show(soft context.Context, screen *terminal, model *guard, losses <-chan error) (app.Exit, error) {
	var program *tea.Program
	program = tea.NewProgram(model, tea.WithAltScreen(), tea.WithInput(keyboard{f.in, model.lose}), tea.WithOutput(screen),
		tea.WithoutSignalHandler(), tea.WithFPS(f.framesPerSecond()),
		tea.WithFilter(screen.suspending(func() *tea.Program { return program })))
	ended := make(chan struct{})
	var err error
	go func() {
		defer close(ended)
		_, err = program.Run()
	}()
	defer screen.restore() //nolint:contextcheck // it must work although soft has ended
	select {
	case <-ended:
		select {
		case why := <-losses: // it may be why
			return app.ExitNone, why
		default:
		}
		switch {
		case errors.Is(err, syscall.EIO): // it asked for the window's size
			return app.ExitNone, errHangup
		case err != nil:
			return app.ExitNone, fmt.Errorf("the console ended: %w", err)
		}
		return app.ExitOf(model.model), nil
	case why := <-losses:
		leave(program, screen, ended)
		return app.ExitNone, why
	case <-soft.Done():
		leave(program, screen, ended)
		return app.ExitNone, nil
	}
}

func leave(program *tea.Program, screen *terminal, ended <-chan struct{}) {
	go program.Quit() // it waits for the event loop
	select {
	case <-ended:
		return
	case <-time.After(patienceWithTea):
	}
	program.Kill()
	screen.shut()
	select {
	case <-ended:
	case <-time.After(patienceWithTea):
	}
}

// look is how the console looks, and how it is used, on whatever it shows.
func (f *ferry) look(shown engine.Operator, clipboard func(string) (string, error)) (app.Config, error) {
	background, err := termprobe.Resolve(f.settings.Background, f.getenv)
	if err != nil {
		return app.Config{}, usage("--background: %w", err)
	}
	renderer := termprobe.NewRenderer(f.out, termprobe.On(background))
	list, faults, err := f.themes(themes.DefaultFor(renderer))
	if err != nil {
		return app.Config{}, err
	}
	keys, err := f.settings.keymap()
	if err != nil {
		return app.Config{}, usage("[keys] of the config: %w", err)
	}
	return app.Config{
		Keys: &keys, Operator: shown, Actor: thisActor(shown.Snapshot().Process.Host, f.getenv),
		Themes: list, Faults: faults, Renderer: renderer, LowBandwidth: f.settings.LowBandwidth, ASCII: onlyASCII(f.getenv),
		Rejected: f.settings.RejectedShare, Clipboard: clipboard, Create: app.NewFile, Save: f.keep, Mouse: f.settings.Mouse,
	}, nil
}

// framesPerSecond is how often what was drawn may reach the terminal.
// Figures move with the console's beats, eight times a second or twice; more frames than that come of keys alone, and who has pressed
// one does not wait for the next beat. An unchanged frame costs no byte. On a narrow line a key that is held down is drawn less often.
func (f *ferry) framesPerSecond() int {
	if f.settings.LowBandwidth {
		return 10
	}
	return 60
}

// statusLines prints a line whenever something changed, until interrupted or until nobody reads them.
func (f *ferry) statusLines(ctx context.Context) error {
	soft, hard, caught, release := untilSignal(ctx)
	defer release()
	stopped := exitSignal + int(syscall.SIGPIPE)
	soft, stop := context.WithCancel(soft)
	defer stop()
	lines := patient(soft, f.out)
	lines.onGone = stop
	f.out, f.err = lines, lossy(f.err, stallLimit)
	c, err := f.open(hard, 0, logTo(f.err, slog.LevelWarn))
	if err != nil {
		return err
	}
	defer c.close()
	tape, err := f.record(c)
	if err != nil {
		return err
	}
	defer tape.end(ctx, func(format string, args ...any) { fmt.Fprintf(f.err, format+"\n", args...) })
	c.Run(hard)
	err = f.printStatus(soft, tape)
	limited, cancel := context.WithTimeout(hard, drainLimit)
	defer cancel()
	if stopErr := c.Stop(limited); stopErr != nil && err == nil {
		err = stopErr
	}
	if code := caught(); code != 0 {
		return exitWith(code, nil)
	}
	if lines.gone.Load() {
		return exitWith(stopped, nil)
	}
	return err
}

func (f *ferry) printStatus(ctx context.Context, c feed.Source) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	last := ""
	for {
		select {
		case <-ctx.Done():
			return nil
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
