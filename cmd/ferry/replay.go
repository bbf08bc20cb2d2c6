package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"ferry/engine"
	"ferry/engine/recording"
	"ferry/tui/app"
	"ferry/tui/sanitize"
	"ferry/tui/widget"
)

type replayOptions struct {
	speed   string
	from    time.Duration
	picture drawing
}

func (f *ferry) replayCommand() *cobra.Command {
	var o replayOptions
	cmd := &cobra.Command{
		Use:   "replay FILE",
		Short: "Show a recording of the console again, without any database",
		Long: `Open the console on a recording that --record made: the same screens at the recording's time, as far as they had been
opened. Nothing can be acted on. Space holds the replay, [ and ] go snapshot by snapshot, { and } half a minute, < and > change
the speed. A recording that was cut off is shown up to there.

Without a terminal, or with --plain or --json, it prints status lines as they came, and ends with the recording; at --speed max
without waiting.

With --screenshot it draws pictures (SVG) instead: of each --screen at each --size, as it was shown at the end, or at --from,
after --keys were pressed. Screens are those of the row of tabs by name, preflight, and a card by its id: card:1234.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage("name one recording; `ferry --record FILE` makes one")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if !cmd.Flags().Changed("from") && o.picture.dir != "" {
				o.from = -1 // the end
			}
			return f.replay(cmd.Context(), args[0], o)
		},
	}
	cmd.Flags().StringVar(&o.speed, "speed", "1x", "how fast: 4x, 0.5x, or max")
	cmd.Flags().DurationVar(&o.from, "from", 0, "where to begin: a time since its beginning such as 1m, or before its end such as -10s")
	cmd.Flags().StringVar(&o.picture.dir, "screenshot", "", "draw pictures into this folder instead")
	cmd.Flags().StringSliceVar(&o.picture.sizes, "size", []string{"80x24"}, "of a picture: columns x rows")
	cmd.Flags().StringSliceVar(&o.picture.screens, "screen", []string{"overview"}, "of a picture: overview, runs, …, preflight, card:1234")
	cmd.Flags().StringVar(&o.picture.keys, "keys", "", "of a picture: keys to press first, with blanks between them")
	return cmd
}

func (f *ferry) replay(ctx context.Context, name string, o replayOptions) error {
	speed, err := recording.ParseSpeed(o.speed)
	if err != nil {
		return usage("--speed: %w", err)
	}
	shots, err := o.picture.shots()
	if err != nil {
		return err
	}
	tape, err := readRecording(name)
	if err != nil {
		return err
	}
	if o.from > tape.Length || o.from < -tape.Length {
		return usage("--from %s: the recording is %s long", o.from, widget.Duration(tape.Length))
	}
	if o.picture.dir != "" {
		return f.draw(ctx, tape, o.from, o.picture.dir, shots)
	}
	player := recording.Play(tape, filepath.Base(name), speed, nil)
	player.Seek(o.from)
	if out, drawable := f.screen(); drawable {
		return f.rerun(ctx, out, player)
	}
	fmt.Fprintln(f.err, sanitize.Text(fmt.Sprintf("replaying %s: %s of %s → %s, recorded from %s on by ferry %s", filepath.Base(name),
		widget.Duration(tape.Length), tape.Header.Source, tape.Header.Target, tape.Header.StartedAt.UTC().Format(time.RFC3339), tape.Header.Ferry)))
	if tape.Trouble != "" {
		defer fmt.Fprintln(f.err, "the recording ends early: "+sanitize.Text(tape.Trouble))
	}
	return f.replayLines(ctx, player, speed == recording.Fastest)
}

// readRecording reads a recording from a file.
func readRecording(name string) (*recording.Recording, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("the recording: %w", err)
	}
	defer file.Close() //nolint:errcheck // it was read
	tape, err := recording.Read(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return tape, nil
}

// rerun shows the console on a recording until the operator leaves, somebody interrupts the process, or the terminal goes away.
func (f *ferry) rerun(ctx context.Context, out *os.File, player *recording.Player) error {
	losses := make(chan error, 1)
	lose := func(why error) {
		select {
		case losses <- why:
		default: // it is lost already
		}
	}
	soft, hard, caught, release := listen(ctx, func() { lose(errHangup) })
	defer release()
	screen, err := openTerminal(f.in, out, lose)
	if err != nil {
		return err
	}
	defer screen.close()
	config, err := f.look(player, clipboard(screen, f.getenv, f.keep))
	if err != nil {
		return err
	}
	config.Replay, config.Clock, config.Create = player, player.Now, nil
	_, why := f.show(soft, screen, &guard{model: between(app.New(hard, config)), lose: lose}, losses)
	if code := caught(); code != 0 {
		return exitWith(code, nil)
	}
	if errors.Is(why, errHangup) {
		return exitWith(exitSignal+int(syscall.SIGHUP), nil)
	}
	return why
}

// replayLines prints what status lines had said, until the recording ends. Hasty, it waits for nothing.
func (f *ferry) replayLines(ctx context.Context, player *recording.Player, hasty bool) error {
	soft, _, caught, release := untilSignal(ctx)
	defer release()
	stopped := exitSignal + int(syscall.SIGPIPE)
	soft, stop := context.WithCancel(soft)
	defer stop()
	lines := patient(soft, f.out)
	lines.onGone = stop
	f.out = lines
	if hasty {
		player.Hold()
	}
	last := ""
	for soft.Err() == nil {
		s := player.Snapshot()
		next, more := player.Next()
		if err := f.replayLine(s, &last, more); err != nil {
			return err
		}
		switch {
		case !more:
			return nil
		case hasty:
			player.Step(1)
			continue
		}
		select {
		case <-soft.Done():
		case <-time.After(next + time.Millisecond):
		}
	}
	if code := caught(); code != 0 {
		return exitWith(code, nil)
	}
	return exitWith(stopped, nil)
}

// replayLine prints one snapshot; as lines for people only if its headline is news, or it is the last one.
func (f *ferry) replayLine(s *engine.Snapshot, last *string, more bool) error {
	if f.settings.JSON {
		kind := "progress"
		if !more {
			kind = "result"
		}
		return f.line(newReport(kind, s))
	}
	if line := headline(s); line != *last || !more {
		*last = line
		fmt.Fprintln(f.out, s.At.UTC().Format("15:04:05Z"))
		writePlain(f.out, s)
	}
	return nil
}
