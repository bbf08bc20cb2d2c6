package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/muesli/termenv"

	"ferry/engine"
	"ferry/engine/recording"
	"ferry/themes"
	"ferry/tui/app"
	"ferry/tui/feed"
	"ferry/tui/keymap"
	"ferry/tui/pump"
	"ferry/tui/shot"
	"ferry/tui/termprobe"
)

// drawing says which pictures are wanted, in the words of flags.
type drawing struct {
	dir     string
	sizes   []string
	screens []string
	keys    string
}

// picture is one picture that is wanted.
type picture struct {
	name          string // of its file, without theme and ending
	keys          []string
	text          string // typed behind the first key
	width, height int
}

// shots reads what is wanted.
func (d drawing) shots() ([]picture, error) {
	var out []picture
	for _, size := range d.sizes {
		var width, height int
		if n, err := fmt.Sscanf(size+" ", "%dx%d ", &width, &height); err != nil || n != 2 || width < 20 || height < 5 || width > 500 || height > 200 {
			return nil, usage("--size %s: say columns and rows, such as 80x24", size)
		}
		for _, screen := range d.screens {
			p := picture{name: screen + "." + size, width: width, height: height}
			name, card, isCard := strings.Cut(screen, ":")
			key := keymap.Default().Key(keymap.Action(name))
			if key == "" || isCard != (name == string(keymap.Card)) {
				return nil, usage("--screen %s: say overview, runs, discrepancies, quarantine, ledger, rehearsal, activity, preflight, or card:1234", screen)
			}
			p.keys = []string{key}
			if isCard {
				p.name, p.text = name+"."+size, card
			}
			p.keys = append(p.keys, strings.Fields(d.keys)...)
			out = append(out, p)
		}
	}
	return out, nil
}

// before is how long before the moment of a picture its screen is opened: what it asks then must have been answered.
const before = 4 * time.Second

// asItWas shows a recording without saying that it is one.
type asItWas struct{ *recording.Player }

// Snapshot is the recorded one.
func (a asItWas) Snapshot() *engine.Snapshot {
	s := *a.Player.Snapshot()
	s.Tape = nil
	return &s
}

// draw makes pictures of a recording at a moment.
func (f *ferry) draw(ctx context.Context, tape *recording.Recording, at time.Duration, dir string, pictures []picture) error {
	list, _, err := f.themes("default-dark")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // pictures for everybody
		return fmt.Errorf("making a place for the pictures: %w", err)
	}
	for _, p := range pictures {
		frame := p.frame(ctx, tape, at, list[0])
		text, err := shot.SVG(frame, p.width, p.height, list[0], "ferry: "+p.name)
		if err != nil {
			return fmt.Errorf("drawing %s: %w", p.name, err)
		}
		name := p.name
		if f.settings.Theme != "" {
			name += "." + list[0].Name
		}
		name = filepath.Join(dir, name+".svg")
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil { //nolint:gosec // likewise
			return fmt.Errorf("writing the picture: %w", err)
		}
		fmt.Fprintln(f.out, name)
	}
	return nil
}

// frame opens a screen some time before the moment, so that it has read what it shows, and goes there.
func (p picture) frame(ctx context.Context, tape *recording.Recording, at time.Duration, theme themes.Theme) string {
	player := recording.Play(tape, "", 1, time.Now)
	player.Hold()
	player.Seek(at)
	moment := player.Now()
	player.Skip(-before)
	var model tea.Model = app.New(ctx, app.Config{
		Operator: asItWas{player}, Actor: engine.Actor{User: "operator", Host: "db1"}, Themes: []themes.Theme{theme}, Clock: player.Now,
		Renderer: termprobe.NewRenderer(io.Discard, termprobe.On(termprobe.Dark), termprobe.InColours(termenv.TrueColor)),
	})
	beats := feed.New(asItWas{player}, player.Now, false)
	pump.Send(model, tea.WindowSizeMsg{Width: p.width, Height: p.height})
	pump.Send(model, beats.Now())
	pump.Press(model, p.keys[0])
	if p.text != "" {
		pump.Press(model, p.text, "enter")
	}
	pass := func(d time.Duration) {
		for until := player.Now().Add(d); player.Now().Before(until) && player.Now().Before(moment); {
			player.Skip(time.Second / 4)
			pump.Send(model, beats.Now())
		}
	}
	pass(before / 2)
	for _, key := range p.keys[1:] {
		pump.Press(model, key)
		pass(time.Second / 4)
	}
	pass(before)
	return model.View()
}
