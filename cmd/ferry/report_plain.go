package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"ferry/engine"
	"ferry/engine/rehearsal"
	"ferry/tui/cure"
	"ferry/tui/sanitize"
	"ferry/tui/widget"
)

// writePlain prints a snapshot for people.
func writePlain(w io.Writer, s *engine.Snapshot) {
	if s.Sealed != nil {
		fmt.Fprintln(w, sanitize.Text("the engine is "+s.Sealed.String()))
	}
	if line := rehearsalLine(s.Rehearsal); line != "" {
		fmt.Fprintln(w, sanitize.Text(line))
	}
	fmt.Fprintln(w, headline(s))
	writeLines(w, sanitize.Text(paceLine(s.Pace)), trouble(s))
	if run := s.Run; run != nil {
		if run.State == engine.RunPaused {
			fmt.Fprintln(w, "  "+letGoOn(run))
		}
		if run.Question != "" {
			fmt.Fprintln(w, sanitize.Text("question: "+run.Question))
			fmt.Fprintf(w, "  `ferry answer %d accept` lets the run go on, `ferry answer %[1]d stop` ends it\n", run.ID)
		}
		if run.WhyFull != "" {
			fmt.Fprintln(w, sanitize.Text("every row is read: "+run.WhyFull))
		}
	}
	if s.Unkeyed != 0 && (s.Run == nil || !s.Run.State.Active()) {
		fmt.Fprintf(w, "first load #%d has not come to its end: the engine's tables have no keys, and nothing else may write; "+
			"`ferry sync full` goes on with it\n", s.Unkeyed)
	}
	for _, e := range s.Entities {
		fmt.Fprintln(w, entityLine(e))
	}
	writeReasons(w, s.Reasons)
	if s.TakenAt.IsZero() {
		return
	}
	for _, line := range []string{freshnessLine(s), floorLine(s), scheduleLine(s), proofLine(s)} {
		if line != "" {
			fmt.Fprintln(w, sanitize.Text(line))
		}
	}
}

// writeLines prints the lines that say anything.
func writeLines(w io.Writer, lines ...string) {
	for _, line := range lines {
		if line != "" {
			fmt.Fprintln(w, line)
		}
	}
}

// paceLine says how fast runs may go, by whose decision and why; empty: as fast as they can.
func paceLine(p engine.PaceView) string {
	var parts []string
	if p.RowsPerSecond > 0 {
		line := "at most " + widget.Count(p.RowsPerSecond) + " rows a second" + prefixed(", set by ", p.By)
		parts = append(parts, line+prefixed(": ", p.Reason))
	}
	if p.BatchRows > 0 {
		parts = append(parts, "at most "+widget.Count(p.BatchRows)+" rows a batch")
	}
	if len(parts) == 0 {
		return ""
	}
	return "pace: " + strings.Join(parts, "; ")
}

// rehearsalLine says in words where a rehearsal stands that is under way, and whether Odoo is frozen for it; empty: none is.
func rehearsalLine(v *engine.RehearsalView) string {
	if v == nil || !v.State.Active() {
		return ""
	}
	how := " " + rehearsal.Outcome(v)
	if v.Waits() {
		how = ": " + rehearsal.Sentence(v)
	}
	return fmt.Sprintf("rehearsal #%d%s%s", v.ID, strings.TrimSuffix(how, "."), prefixed("; ", rehearsal.Unfreeze(v)))
}

// troubleAge is how long an error that a run goes on with is news.
const troubleAge = 30 * time.Second

// trouble is what a run that goes on met lately, with its cure; or nothing.
func trouble(s *engine.Snapshot) string {
	run := s.Run
	if run == nil || !run.State.Active() || run.LastError == "" || s.TakenAt.Sub(run.LastErrorAt) > troubleAge {
		return ""
	}
	line := "! " + widget.Ago(run.LastErrorAt, s.TakenAt) + ": " + sanitize.Text(run.LastError)
	if advice := cure.For(run.LastError); advice != "" {
		line += "; " + advice
	}
	return line
}

func writeReasons(w io.Writer, reasons []engine.ReasonView) {
	for i, r := range reasons {
		if i == 0 {
			fmt.Fprintln(w, "in quarantine:")
		}
		more := ""
		if r.Waived > 0 {
			more += fmt.Sprintf(" (%s of them waived)", widget.Count(r.Waived))
		}
		if r.Hangs > 0 {
			more += fmt.Sprintf(" (+%s rows wait for them)", widget.Count(r.Hangs))
		}
		fmt.Fprintf(w, "  %-24s %-28s %s%s\n", r.Entity, sanitize.Text(r.Reason), widget.Count(r.Rows), more)
	}
}
