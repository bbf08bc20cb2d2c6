package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"ferry/engine"
	"ferry/tui/sanitize"
	"ferry/tui/widget"
)

// line writes one JSON object on a line of its own.
func (f *ferry) line(object any) error {
	text, err := json.Marshal(object)
	if err != nil {
		return fmt.Errorf("writing JSON: %w", err)
	}
	if _, err := fmt.Fprintln(f.out, string(text)); err != nil {
		return fmt.Errorf("writing JSON: %w", err)
	}
	return nil
}

// say writes one line for people; what a database put into it is made visible.
func (f *ferry) say(line string) error {
	if _, err := fmt.Fprintln(f.out, sanitize.Text(line)); err != nil {
		return fmt.Errorf("writing: %w", err)
	}
	return nil
}

// report is a snapshot in the form that scripts rely on: unknown is null, and fields are only ever added.
type report struct {
	V          int                     `json:"v"`
	Type       string                  `json:"type"`
	Run        engine.Maybe[int64]     `json:"run"`
	Kind       engine.Maybe[string]    `json:"kind"`
	State      string                  `json:"state"`
	StartedAt  engine.Maybe[string]    `json:"started_at"`
	FinishedAt engine.Maybe[string]    `json:"finished_at"`
	Duration   engine.Maybe[int64]     `json:"duration_ms"`
	Error      string                  `json:"error,omitempty"`
	LastError  string                  `json:"last_error,omitempty"` // of a batch, although the run goes on
	Question   engine.Maybe[string]    `json:"question"`             // what an operator must answer
	WhyFull    engine.Maybe[string]    `json:"why_full"`             // why an incremental run reads every row
	Ticks      engine.Maybe[int]       `json:"ticks"`                // that this line of history stands for
	Unkeyed    engine.Maybe[int64]     `json:"unkeyed"`              // the first load that must come to its end before anything else may write
	Entities   map[string]entityReport `json:"entities"`
	Check      checkReport             `json:"check"`
	Freshness  freshnessReport         `json:"freshness"`
	Floor      floorReport             `json:"floor"`
	Schedule   *scheduleReport         `json:"schedule"` // null: not read
	Ledger     ledgerReport            `json:"ledger"`
	Sealed     *sealedReport           `json:"sealed"` // null: it is not
	Pace       *paceReport             `json:"pace"`   // null: nothing bounds it
}

// paceReport is what bounds how fast runs go.
type paceReport struct {
	RowsPerSecond engine.Maybe[int64]  `json:"rows_per_second"` // source rows at most, of all workers together
	BatchRows     engine.Maybe[int64]  `json:"batch_rows"`      // rows of a batch at most
	By            engine.Maybe[string] `json:"by"`
	Reason        engine.Maybe[string] `json:"reason"`
	At            engine.Maybe[string] `json:"at"`
}

func newPace(p engine.PaceView) *paceReport {
	if p.RowsPerSecond == 0 && p.BatchRows == 0 {
		return nil
	}
	return &paceReport{
		RowsPerSecond: engine.Maybe[int64]{Value: p.RowsPerSecond, Known: p.RowsPerSecond > 0},
		BatchRows:     engine.Maybe[int64]{Value: p.BatchRows, Known: p.BatchRows > 0},
		By:            known(p.By), Reason: known(p.Reason), At: instant(p.At),
	}
}

type entityReport struct {
	SourceRows    engine.Maybe[int64]   `json:"source_rows"`
	TargetRows    engine.Maybe[int64]   `json:"target_rows"`
	Read          int64                 `json:"read"`
	Inserted      int64                 `json:"inserted"`
	Updated       int64                 `json:"updated"`
	Unchanged     int64                 `json:"unchanged"`
	Deleted       int64                 `json:"deleted"`
	Rejected      int64                 `json:"rejected"`
	Settled       int64                 `json:"settled"`
	Precision     int64                 `json:"precision"`
	Warned        int64                 `json:"warned"`
	Quarantined   engine.Maybe[int64]   `json:"quarantined"`
	Waiting       engine.Maybe[int64]   `json:"waiting_parent"`
	Waived        engine.Maybe[int64]   `json:"waived"`
	Stale         engine.Maybe[int64]   `json:"stale"`
	Extra         engine.Maybe[int64]   `json:"extra"`
	Accounted     engine.Maybe[bool]    `json:"accounted"`
	Errors        int64                 `json:"errors"`
	BatchesDone   int64                 `json:"batches_done"`
	BatchesTotal  engine.Maybe[int64]   `json:"batches_total"`
	RowsPerSecond engine.Maybe[float64] `json:"rows_per_second"`
	HeldBy        engine.Maybe[string]  `json:"held_by"` // who holds its batches back, in every run; null: nobody
	HeldReason    engine.Maybe[string]  `json:"held_reason"`
}

// What needs a check or the ledger's comparison is unknown until there is one.
type checkReport struct {
	Verdict         string                `json:"verdict"`
	ConsistencyRate engine.Maybe[float64] `json:"consistency_rate"`
	Compared        engine.Maybe[int64]   `json:"compared"`
	Settled         engine.Maybe[int64]   `json:"settled"`
	InFlight        engine.Maybe[int64]   `json:"in_flight"`
	Explained       engine.Maybe[int64]   `json:"explained"`
	Coverage        engine.Maybe[float64] `json:"coverage"`
	Age             engine.Maybe[int64]   `json:"age_ms"`
	ByCause         causesReport          `json:"by_cause"`
	Why             engine.Maybe[string]  `json:"why"` // why it is unknown, or what failed, in words
}

type causesReport struct {
	Missing         engine.Maybe[int64] `json:"missing"`
	Extra           engine.Maybe[int64] `json:"extra"`
	Field           engine.Maybe[int64] `json:"field"`
	Quarantined     engine.Maybe[int64] `json:"quarantined"`
	WaitingParent   engine.Maybe[int64] `json:"waiting_parent"`
	DeletedAtSource engine.Maybe[int64] `json:"deleted_at_source"`
	WrittenOnTarget engine.Maybe[int64] `json:"written_on_target"`
}

type ledgerReport struct {
	Cards      engine.Maybe[int64] `json:"cards"`
	Drifted    engine.Maybe[int64] `json:"drifted"`
	Incomplete engine.Maybe[int64] `json:"incomplete"`
}

func newReport(kind string, s *engine.Snapshot) report {
	r := report{
		V: 1, Type: kind, State: stateWord(s), Entities: map[string]entityReport{}, Check: newCheck(s),
		Freshness: newFreshness(s), Floor: newFloor(s), Schedule: newSchedule(s),
		Ledger: ledgerReport{Cards: s.Ledger.Cards, Drifted: s.Ledger.Drifted, Incomplete: s.Ledger.Incomplete},
		Sealed: newSealed(s), Pace: newPace(s.Pace),
	}
	if s.Unkeyed != 0 {
		r.Unkeyed = engine.Known(int64(s.Unkeyed))
	}
	if run := s.Run; run != nil {
		r.Run, r.Kind = engine.Maybe[int64]{Value: int64(run.ID), Known: run.ID != 0}, engine.Known(string(run.Kind))
		r.StartedAt, r.FinishedAt = instant(run.StartedAt), instant(run.FinishedAt)
		r.Error, r.Question, r.WhyFull, r.Ticks = run.Error, known(run.Question), known(run.WhyFull), engine.Known(run.Ticks)
		if trouble(s) != "" {
			r.LastError = run.LastError
		}
		if run.State.Ended() {
			r.State = string(run.State) // whatever is reachable by now
		}
		if took := elapsed(run, s.TakenAt); took > 0 {
			r.Duration = engine.Known(took.Milliseconds())
		}
	}
	for _, e := range s.Entities {
		c := e.Counts
		r.Entities[e.Name] = entityReport{
			SourceRows: e.SourceRows, TargetRows: e.TargetRows, Read: c.Read, Inserted: c.Inserted, Updated: c.Updated,
			Unchanged: c.Unchanged, Deleted: c.Deleted, Rejected: c.Rejected, Settled: c.Settled, Precision: c.Precise,
			Warned: c.Warned, Quarantined: e.Quarantined, Waiting: e.Waiting, Waived: e.Waived, Stale: e.Stale, Extra: e.Extra,
			Accounted: e.Accounted, Errors: e.Errors, BatchesDone: e.BatchesDone, BatchesTotal: e.BatchesTotal,
			RowsPerSecond: e.RowsPerSecond, HeldBy: known(e.PausedBy), HeldReason: known(e.PausedReason),
		}
	}
	return r
}

func instant(t time.Time) engine.Maybe[string] {
	if t.IsZero() {
		return engine.Maybe[string]{}
	}
	return engine.Known(t.UTC().Format("2006-01-02T15:04:05.000Z"))
}

func elapsed(run *engine.RunView, now time.Time) time.Duration {
	switch {
	case run.StartedAt.IsZero():
		return 0
	case run.FinishedAt.IsZero():
		return now.Sub(run.StartedAt)
	}
	return run.FinishedAt.Sub(run.StartedAt)
}

// stateWord is the run's state, or what stands in the way of one.
func stateWord(s *engine.Snapshot) string {
	switch {
	case s.Target.Down():
		return "unreachable"
	case s.Setup == engine.SetupMissing:
		return "not initialised"
	case s.Run == nil:
		return "idle"
	}
	return string(s.Run.State)
}

func headline(s *engine.Snapshot) string {
	line := stateWord(s)
	if s.Target.Down() {
		return line + ": " + sanitize.Text(s.Target.Err)
	}
	if run := s.Run; run != nil {
		line = fmt.Sprintf("%s run #%d %s", run.Kind, run.ID, line)
		if took := elapsed(run, s.TakenAt); took > 0 && run.State != engine.RunPaused {
			line += " " + took.Round(10*time.Millisecond).String()
		}
		if run.StateBy != "" && !run.State.Active() || run.State == engine.RunPaused {
			line += " by " + sanitize.Text(run.StateBy)
		}
		switch {
		case run.State == engine.RunPaused:
			line += sanitize.Text(because(run.Reason))
		case run.State.Active() && run.NowDoing != "":
			line += ", " + run.NowDoing
		}
		if run.Error != "" {
			line += ": " + sanitize.Text(run.Error)
		}
	}
	return line
}

func entityLine(e engine.EntityView) string {
	c := e.Counts
	parts := []string{
		fmt.Sprintf("%-22s %3.0f%%", e.Name, 100*e.Done),
		"read " + widget.Count(c.Read), "new " + widget.Count(c.Inserted), "changed " + widget.Count(c.Updated), "same " + widget.Count(c.Unchanged),
		"rejected " + widget.Count(c.Rejected), "errors " + widget.Count(e.Errors),
	}
	if e.RowsPerSecond.Known {
		parts = append(parts, widget.Count(int64(e.RowsPerSecond.Value))+" rows/s")
	}
	switch {
	case e.PausedBy != "":
		parts = append(parts, sanitize.Text("held by "+e.PausedBy+because(e.PausedReason)))
	case e.Accounted.Known:
		sign := "="
		if !e.Accounted.Value {
			sign = "≠"
		}
		parts = append(parts, fmt.Sprintf("source %s %s engine %s − stale %s − extra %s + quarantined %s", widget.Count(e.SourceRows.Value), sign,
			widget.Count(e.TargetRows.Value), widget.Count(e.Stale.Value), widget.Count(e.Extra.Value), widget.Count(e.Quarantined.Value)))
	}
	return strings.Join(parts, "  ")
}
