package app

import (
	"context"
	"fmt"
	"strings"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"

	"ferry/engine"
	"ferry/tui/shot"
)

// dump writes the frame as it is now to files: as text, and as a picture.
func (m *Model) dump() tea.Cmd {
	frame, width, height, theme := m.frame, m.width, m.height, m.config.Themes[m.theme]
	name := "screen-" + m.sight.Now.UTC().Format("20060102-150405")
	return m.perform("write the screen to a file", engine.Act{}, func(context.Context) (string, error) {
		text, err := m.config.Save(name+".txt", plain(frame))
		if err != nil {
			return "", err
		}
		if theme.Canvas == "" {
			return "the screen is in " + text, nil
		}
		picture, err := shot.SVG(frame, width, height, theme, m.config.Title)
		if err != nil {
			return "", fmt.Errorf("drawing the picture: %w", err)
		}
		svg, err := m.config.Save(name+".svg", picture)
		if err != nil {
			return "", err
		}
		return "the screen is in " + text + ", and as a picture in " + svg, nil
	})
}

// plain is a frame without colours and without the blanks at the ends of its lines.
func plain(frame string) string {
	lines := strings.Split(ansi.Strip(frame), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n") + "\n"
}
