// Package overview is the first screen: is it running, is it right, what holds it back.
//
// It shows every entity with its part in the run and with the sum that must come out,
//
//	source rows = engine rows − stale − extra + quarantined rows
//
// then what the run does now, its last error and what to do about it, the service levels with their figures, the workers,
// what is in quarantine and why, and the latest activity. A run that needs an answer has its question on top. Narrow
// windows stack these, wide ones put them side by side. While there is nothing to show yet it says why: a database that
// does not answer, or one that is not initialised.
package overview

import (
	"math"
	"slices"

	tea "github.com/charmbracelet/bubbletea"

	"ferry/engine"
	"ferry/themes"
	"ferry/tui/canvas"
	"ferry/tui/keymap"
	"ferry/tui/screen"
	"ferry/tui/status"
	"ferry/tui/widget"
)

const (
	samplesKept = 60 // one a second
	roomyHeight = 30 // from here on a narrow window shows everything about an entity
)

// Overview is the screen.
type Overview struct {
	sight      screen.Sight
	width      int
	height     int
	scroll     screen.Scroll
	throughput []float64 // rows per second, one sample a second
}

// New makes the screen.
func New() *Overview { return &Overview{} }

// Tab names the screen.
func (o *Overview) Tab() screen.Tab {
	return screen.Tab{Action: keymap.Overview, Short: "Over", Long: "Overview"}
}

// SetSize says how much room there is.
func (o *Overview) SetSize(width, height int) { o.width, o.height = width, height }

// Do moves within the screen.
func (o *Overview) Do(action keymap.Action) (tea.Cmd, bool) { return nil, o.scroll.Do(action) }

// See takes what there is to see, and notes the throughput once a second.
func (o *Overview) See(sight screen.Sight) {
	if sight.Now.Unix() != o.sight.Now.Unix() {
		o.throughput = append(o.throughput, throughput(sight.Snapshot).Or(math.NaN()))
		o.throughput = o.throughput[max(0, len(o.throughput)-samplesKept):]
	}
	o.sight = sight
}

// throughput is what is taken in per second now, by the entities that are being loaded: a finished one's figure is its
// average. Unknown while nothing is measured.
func throughput(s *engine.Snapshot) engine.Maybe[float64] {
	var sum engine.Maybe[float64]
	for _, e := range s.Entities {
		if e.State == engine.StepRunning && e.RowsPerSecond.Known {
			sum = engine.Known(sum.Value + e.RowsPerSecond.Value)
		}
	}
	return sum
}

// Lines draws the screen.
func (o *Overview) Lines() []canvas.Line {
	if o.sight.Snapshot == nil {
		return nil
	}
	var lines []canvas.Line
	switch o.sight.State { //nolint:exhaustive // every other state has figures to show
	case status.NotInitialised, status.SchemaOlder, status.SchemaNewer, status.Connecting:
		lines = o.welcome()
	case status.Unreachable:
		if o.sight.Snapshot.TakenAt.IsZero() || o.sight.Snapshot.Setup != engine.SetupReady {
			lines = o.outage()
			break
		}
		lines = append(o.outage(), canvas.Line{})
		lines = append(lines, o.figures(o.height-len(lines))...)
	default:
		lines = o.figures(o.height)
	}
	return o.scroll.Window(lines, o.height)
}

// figures draws what is known; while it cannot be renewed it is drawn without colour.
func (o *Overview) figures(height int) []canvas.Line {
	var lines []canvas.Line
	if o.width >= screen.Wide {
		lines = o.wide(height)
	} else {
		lines = o.narrow(height)
	}
	if o.sight.Snapshot.Target.Down() {
		for i := range lines {
			lines[i] = lines[i].In(themes.Muted)
		}
	}
	return lines
}

func (o *Overview) narrow(height int) []canvas.Line {
	lines := o.question()
	for _, e := range o.sight.Snapshot.Entities {
		lines = append(lines, o.entity(e, o.height >= roomyHeight)...)
	}
	lines = append(lines, o.steps()...)
	lines = append(lines, canvas.Line{})
	lines = append(lines, o.story()...)
	lines = append(lines, o.levels()...)
	lines = append(lines, labelled("workers", o.workersAbreast())...)
	return append(lines, o.lists(height-len(lines))...)
}

// story says how the run stands beyond its figures, and what is to be done.
func (o *Overview) story() []canvas.Line {
	return slices.Concat(o.why(), o.full(), o.now(), o.where(), o.lastError(), o.then())
}

// lists shares the lines that are left between the reasons and the latest activity.
func (o *Overview) lists(left int) []canvas.Line {
	reasons, waiting := o.reasons()
	activity := o.activity()
	room := max(left, 4) // what does not fit can be scrolled to
	share := max(2, room-min(len(activity), room/2))
	if waiting.Width() > 0 {
		reasons = append(reasons[:min(len(reasons), share-1)], waiting)
	}
	share = min(len(reasons), share)
	lines := labelled("rejected", reasons[:share])
	return append(lines, labelled("activity", activity[:min(len(activity), max(1, room-share))])...)
}

func (o *Overview) wide(height int) []canvas.Line {
	s := o.sight.Snapshot
	lines := o.question()
	if s.Run != nil {
		lines = append(append(lines, o.progressTable()...), canvas.Line{})
	}
	if s.Run == nil || s.Run.State.Ended() || height >= roomyHeight {
		lines = append(append(lines, o.rowsTable()...), canvas.Line{})
	}
	if steps := o.steps(); len(steps) > 0 {
		lines = append(append(lines, steps...), canvas.Line{})
	}
	lines = append(lines, o.story()...)
	lines = append(append(lines, o.levels()...), canvas.Line{})
	return append(lines, o.panes(height-len(lines))...)
}

// panes puts workers, reasons and activity side by side, no higher than the longest of them.
func (o *Overview) panes(height int) []canvas.Line {
	reasons, waiting := o.reasons()
	if waiting.Width() > 0 {
		reasons = append(reasons, waiting)
	}
	titles := [3]string{"workers", "rejected, by reason", "activity"}
	width := o.width - 2
	widths := [3]int{width * 24 / 100, width * 34 / 100, 0}
	widths[2] = width - widths[0] - widths[1] - 2
	room := widths[0] - 4
	workers := append(o.together(room), o.workers(func(w engine.WorkerView) canvas.Line { return rated(w, room) })...)
	blocks := [3][]canvas.Line{workers, reasons, o.activity()}
	rows := 0
	for _, b := range blocks {
		rows = max(rows, len(b))
	}
	rows = max(1, min(rows, height-2))
	boxes := make([][]canvas.Line, len(blocks))
	for i, b := range blocks {
		boxes[i] = widget.Box(titles[i], canvas.Block(b, widths[i]-4, rows), widths[i])
	}
	var lines []canvas.Line
	for _, row := range canvas.Beside(1, boxes...) {
		l := canvas.Of(themes.Text, " ")
		lines = append(lines, *l.Add(row))
	}
	return lines
}
