package benchmark

import (
	"slices"
	"strings"

	"ferry/store/independent"
)

// Report is all that a benchmark found.
type Report struct {
	V        int               `json:"v"`
	Type     string            `json:"type"`
	Ferry    string            `json:"ferry"` // its version
	Machine  Machine           `json:"machine"`
	Postgres string            `json:"postgres"`
	Settings map[string]string `json:"settings"` // the server's
	Seed     int64             `json:"seed"`
	Rounds   int               `json:"rounds"`
	Rows     map[string]int64  `json:"rows"` // of the whole size, by source table
	Figures  []*Figure         `json:"figures"`
	Ratios   []Ratio           `json:"ratios"`
	Compared []Compared        `json:"compared"`
	LeftOut  []string          `json:"left_out,omitempty"` // contestants and stages, with the reason
}

// Machine is where a benchmark ran.
type Machine struct {
	System string `json:"system"`
	CPU    string `json:"cpu"`
	CPUs   int    `json:"cpus"`
	Memory int64  `json:"memory_bytes"` // 0: not known
}

// Figure is what one contestant took, round by round.
type Figure struct {
	Name    string    `json:"name"`
	What    string    `json:"what"`
	Rows    int64     `json:"rows"`    // that it was about
	Seconds []float64 `json:"seconds"` // wall clock, a round each
	CPU     []float64 `json:"cpu_seconds,omitempty"`
	Median  float64   `json:"median_seconds"`
	Peak    int64     `json:"peak_bytes,omitempty"` // resident memory of its process, the most of all rounds

	calls map[string][]float64 // other figures of the same rounds
}

// PerRow is a round's usual time by row, in microseconds.
func (f *Figure) PerRow() float64 { return f.Median / float64(max(f.Rows, 1)) * 1e6 }

// Ratio holds two figures of the same run against each other.
type Ratio struct {
	What    string  `json:"what"`
	Value   float64 `json:"value"`
	Reach   float64 `json:"reach"`
	AtMost  bool    `json:"at_most"` // else at least
	Reached bool    `json:"reached"`
}

// Compared is an independent comparison of both databases, and when it was made.
type Compared struct {
	independent.Outcome

	After string `json:"after"`
}

// figure is the one of a name, made where it is new.
func (r *Report) figure(name, what string, rows int64) *Figure {
	if f := r.Figure(name); f != nil {
		return f
	}
	f := &Figure{Name: name, What: what, Rows: rows, calls: map[string][]float64{}}
	r.Figures = append(r.Figures, f)
	return f
}

// Figure is the one of a name; nil: there is none.
func (r *Report) Figure(name string) *Figure {
	if at := slices.IndexFunc(r.Figures, func(f *Figure) bool { return f.Name == name }); at >= 0 {
		return r.Figures[at]
	}
	return nil
}

// add takes down a round.
func (f *Figure) add(c cost) {
	f.Seconds = append(f.Seconds, c.wall.Seconds())
	if c.cpu > 0 {
		f.CPU = append(f.CPU, c.cpu.Seconds())
	}
	f.Median, f.Peak = median(f.Seconds), max(f.Peak, c.peak)
}

// median of an even number of values is the mean of the two in the middle.
func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	if n == 0 {
		return 0
	}
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// ratio is one line of the table of what is to be reached: so many times a figure goes into another one.
type ratio struct {
	what     string
	of, into string // names of figures
	reach    float64
	atMost   bool
	perRow   bool
}

// reach is what a benchmark is about.
var reach = []ratio{
	{what: "first load, 1 worker, against one pipe of COPY | COPY, same indexes", of: loadOne, into: loadCeiling, reach: 0.9},
	{what: "first load, 2 workers, against one pipe of COPY | COPY, same indexes", of: loadTwo, into: loadCeiling, reach: 1.15},
	{what: "first load against pgloader", of: loadTwo, into: loadPgloader, reach: 4},
	{what: "first load against pgcopydb", of: loadTwo, into: loadPgcopydb, reach: 1.4},
	{what: "first load against an upsert per row", of: loadTwo, into: loadUpsert, reach: 25, perRow: true},
	{what: "full re-sync, nothing changed, against the first load", of: resyncNone, into: loadTwo, reach: 4},
	{what: "full re-sync, 1 % changed, against the first load", of: resyncSome, into: loadTwo, reach: 2},
	{what: "increment of 10,000 changes, in bare age(xmin) scans", of: tickScans, into: tickFerry, reach: 2, atMost: true},
	{what: "the same, from its start to its end in the process", of: tickScans, into: tickInside, reach: 2, atMost: true},
	{what: "check without differences, against ordered streaming", of: checkClean, into: streamClean, reach: 1.5},
	{what: "check with 100 differences, against ordered streaming", of: checkFaults, into: streamFaults, reach: 1.4},
	{what: "first load with the console open, in loads without", of: loadPlain, into: loadConsole, reach: 1.03, atMost: true},
	{what: "first load: time per row, whole size in tenths", of: growth(loadTwo, 10), into: loadTwo, reach: 1.15, atMost: true, perRow: true},
	{what: "re-sync: time per row, whole size in tenths", of: growth(resyncNone, 10), into: resyncNone, reach: 1.15, atMost: true, perRow: true},
	{what: "check: time per row, whole size in tenths", of: growth(checkClean, 10), into: checkClean, reach: 1.15, atMost: true, perRow: true},
}

// mostMemory is what a process of ferry may take, in bytes.
const mostMemory = 128 << 20

// conclude holds the figures against each other.
func (r *Report) conclude() {
	for _, line := range reach {
		of, into := r.Figure(line.of), r.Figure(line.into)
		if of == nil || into == nil || of.Median == 0 {
			continue
		}
		value := into.Median / of.Median
		if line.perRow {
			value = into.PerRow() / of.PerRow()
		}
		r.Ratios = append(r.Ratios, Ratio{
			What: line.what, Value: value, Reach: line.reach, AtMost: line.atMost,
			Reached: line.atMost && value <= line.reach || !line.atMost && value >= line.reach,
		})
	}
	var peak int64
	for _, f := range r.Figures {
		if strings.Contains(f.Name, "ferry") {
			peak = max(peak, f.Peak)
		}
	}
	if peak > 0 {
		r.Ratios = append(r.Ratios, Ratio{
			What: "peak memory of a process of ferry, in MiB", Value: float64(peak) / (1 << 20), Reach: mostMemory >> 20, AtMost: true,
			Reached: peak <= mostMemory,
		})
	}
}

// Faithful reports whether every comparison found both databases equal, and that there was one.
func (r *Report) Faithful() bool {
	return len(r.Compared) > 0 && !slices.ContainsFunc(r.Compared, func(c Compared) bool { return c.Wrong > 0 })
}
