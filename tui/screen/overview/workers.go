package overview

import (
	"strconv"
	"time"

	"github.com/charmbracelet/x/ansi"

	"ferry/engine"
	"ferry/themes"
	"ferry/tui/canvas"
	"ferry/tui/widget"
)

const (
	silence     = 6 * time.Second // a worker reports every two seconds; three missed reports are worth a word
	goneAfter   = time.Minute     // so long a silence means that the process is no more
	workerLines = 2               // of a narrow window
)

// worker tells about one process.
func worker(w engine.WorkerView) canvas.Line {
	l := canvas.Of(themes.Text, w.Host+":"+strconv.Itoa(w.PID))
	if w.Here {
		l.Put(themes.Muted, " (here)")
	}
	if w.Workers == 0 {
		l.Put(themes.Muted, " looks on")
	} else {
		l.Put(themes.Text, " "+widget.Count(int64(w.Busy))+"/"+widget.Count(int64(w.Workers))+" busy")
	}
	if w.Silent >= silence {
		l.Put(themes.Warn, ", silent "+widget.Duration(w.Silent))
	}
	return l
}

// rated is worker with what the process has lately read, as much of it as there is room for.
func rated(w engine.WorkerView, width int) canvas.Line {
	l := worker(w)
	if !w.RowsPerSecond.Known || !w.Works() {
		return l
	}
	rate := widget.Rate(w.RowsPerSecond)
	at, busy := w.Host+":"+strconv.Itoa(w.PID), " "+strconv.Itoa(w.Busy)+"/"+strconv.Itoa(w.Workers)
	here, short := canvas.Of(themes.Text, at), canvas.Of(themes.Text, at+busy)
	if w.Here {
		here.Put(themes.Muted, " (here)")
	}
	here.Put(themes.Text, busy)
	for _, wording := range []canvas.Line{l, here, short} {
		if wording.Width()+1+ansi.StringWidth(rate) <= width {
			return *wording.PutRight(width, themes.Accent, rate)
		}
	}
	return l
}

// together sums up the processes that work, where there are several: how many workers on how many hosts, and what all of them read.
func (o *Overview) together(width int) []canvas.Line {
	hosts := map[string]bool{}
	processes, workers := 0, 0
	var rate engine.Maybe[float64]
	for i := range o.sight.Snapshot.Workers {
		w := &o.sight.Snapshot.Workers[i]
		if !w.Works() {
			continue
		}
		hosts[w.Host] = true
		processes, workers = processes+1, workers+w.Workers
		if w.RowsPerSecond.Known {
			rate = engine.Known(rate.Value + w.RowsPerSecond.Value)
		}
	}
	if processes < 2 {
		return nil
	}
	l := canvas.Of(themes.Title, strconv.Itoa(workers)+" on "+widget.Plural(int64(len(hosts)), "host", "hosts"))
	if text := widget.Rate(rate); rate.Known && l.Width()+1+ansi.StringWidth(text) <= width {
		l.PutRight(width, themes.Accent, text)
	}
	return []canvas.Line{l}
}

// workers tells about each process that is alive, and how many are gone.
func (o *Overview) workers(tell func(engine.WorkerView) canvas.Line) []canvas.Line {
	var lines []canvas.Line
	var gone int64
	for _, w := range o.sight.Snapshot.Workers {
		if w.Silent > goneAfter && !w.Here {
			gone++
			continue
		}
		lines = append(lines, tell(w))
	}
	switch {
	case gone > 0:
		lines = append(lines, canvas.Of(themes.Muted, widget.Plural(gone, "process is gone", "processes are gone")))
	case len(lines) == 0:
		lines = append(lines, canvas.Of(themes.Muted, "none"))
	}
	return lines
}

// workersAbreast puts them beside each other; those for which two lines have no room are counted.
func (o *Overview) workersAbreast() []canvas.Line {
	const between = " · "
	all, width := o.workers(worker), o.width-labelColumn-1
	lines := make([]canvas.Line, 1, workerLines)
	for i, w := range all {
		last := &lines[len(lines)-1]
		switch {
		case last.Width() == 0:
		case last.Width()+len(between)+w.Width() <= width:
			last.Put(themes.Muted, between)
		case len(lines) < workerLines:
			lines = append(lines, canvas.Line{})
			last = &lines[len(lines)-1]
		default:
			more := canvas.Of(themes.Muted, between+widget.Count(int64(len(all)-i))+" more")
			*last = last.Fit(min(last.Width(), max(0, width-more.Width())))
			last.Add(more)
			return lines
		}
		last.Add(w)
	}
	return lines
}
