// Package activity is the screen of the journal: who did what, from where, and when, newest first.
package activity

import (
	tea "github.com/charmbracelet/bubbletea"

	"ferry/themes"
	"ferry/tui/canvas"
	"ferry/tui/keymap"
	"ferry/tui/screen"
	"ferry/tui/widget"
)

// Activity is the screen.
type Activity struct {
	sight  screen.Sight
	width  int
	height int
	scroll screen.Scroll
}

// New makes the screen.
func New() *Activity { return &Activity{} }

// Tab names the screen.
func (a *Activity) Tab() screen.Tab {
	return screen.Tab{Action: keymap.Activity, Short: "Log", Long: "Activity"}
}

// SetSize says how much room there is.
func (a *Activity) SetSize(width, height int) { a.width, a.height = width, height }

// See takes what there is to see.
func (a *Activity) See(sight screen.Sight) { a.sight = sight }

// Do moves within the journal.
func (a *Activity) Do(action keymap.Action) (tea.Cmd, bool) { return nil, a.scroll.Do(action) }

// Lines draws the journal; a line that is too long is continued below.
func (a *Activity) Lines() []canvas.Line {
	if a.sight.Snapshot == nil {
		return nil
	}
	var lines []canvas.Line
	for _, entry := range a.sight.Snapshot.Activity {
		head := canvas.Of(themes.Muted, " "+widget.When(entry.At, a.sight.Now)+"  ")
		if entry.By != "" {
			head.Put(themes.Info, entry.By+"  ")
		}
		indent := head.Width()
		for i, text := range canvas.Wrap(themes.Text, entry.What, max(20, a.width-indent-1)) {
			if i > 0 {
				head = canvas.Line{}
				head.To(indent)
			}
			lines = append(lines, *head.Add(text))
		}
	}
	if len(lines) == 0 {
		lines = []canvas.Line{canvas.Of(themes.Muted, " nothing has been done yet")}
	}
	return a.scroll.Window(lines, a.height)
}
