package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/muesli/termenv"

	"ferry/engine"
	"ferry/themes"
	"ferry/tui/app"
	"ferry/tui/feed"
	"ferry/tui/shot"
	"ferry/tui/termprobe"
)

// The size of the README's picture.
const (
	shotColumns = 100
	shotRows    = 30
)

// screenshot runs a full sync on the demo and writes what the console shows in the middle of it. It is the console's own
// model, drawn without a terminal.
func (f *ferry) screenshot(ctx context.Context, file string) error {
	c, err := f.open(ctx, f.settings.Workers, logTo(io.Discard, slog.LevelError))
	if err != nil {
		return err
	}
	defer c.close()
	c.Run(ctx)
	id, err := c.StartFull(ctx, engine.StartOptions{})
	if err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	theme, err := themes.BuiltIn().Get("default-dark")
	if err != nil {
		return fmt.Errorf("choosing a theme: %w", err)
	}
	frame, err := halfway(limited, c, id, theme)
	if err != nil {
		return err
	}
	picture, err := shot.SVG(frame, shotColumns, shotRows, theme, "ferry")
	if err != nil {
		return fmt.Errorf("drawing the picture: %w", err)
	}
	if err := os.WriteFile(file, []byte(picture), 0o644); err != nil { //nolint:gosec // a picture for everybody
		return fmt.Errorf("writing the picture: %w", err)
	}
	return c.Stop(limited)
}

// halfway shows the console every snapshot until the last entity is half loaded, so that every part of the screen has
// something to show, and gives the frame of that moment.
func halfway(ctx context.Context, c *crossing, id engine.RunID, theme themes.Theme) (string, error) {
	renderer := termprobe.NewRenderer(io.Discard, termprobe.On(termprobe.Dark), termprobe.InColours(termenv.TrueColor))
	var model tea.Model = app.New(ctx, app.Config{
		Operator: c, Themes: []themes.Theme{theme}, Renderer: renderer,
		Actor: engine.Actor{User: "operator", Host: "db1"},
	})
	model, _ = model.Update(tea.WindowSizeMsg{Width: shotColumns, Height: shotRows})
	tick := time.NewTicker(time.Second / 8)
	defer tick.Stop()
	for {
		s := c.Snapshot()
		model, _ = model.Update(feed.Beat{At: time.Now(), Snapshot: s})
		if s.Run != nil && s.Run.ID == id {
			if s.Run.State.Ended() {
				return "", fmt.Errorf("run #%d was %s before a picture could be taken; take more cards", id, s.Run.State)
			}
			last := s.Entities[len(s.Entities)-1]
			if last.Done > 0.4 && last.ETA.State == engine.ETAReady {
				return model.View(), nil
			}
		}
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-tick.C:
		}
	}
}
