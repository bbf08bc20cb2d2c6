package main

import (
	"fmt"
	"io"

	"ferry/engine"
	"ferry/tui/sanitize"
	"ferry/tui/widget"
)

// writePlain prints a snapshot for people.
func writePlain(w io.Writer, s *engine.Snapshot) {
	fmt.Fprintln(w, headline(s))
	if run := s.Run; run != nil {
		if run.Question != "" {
			fmt.Fprintln(w, sanitize.Text("question: "+run.Question))
			fmt.Fprintf(w, "  `ferry answer %d accept` lets the run go on, `ferry answer %[1]d stop` ends it\n", run.ID)
		}
		if run.WhyFull != "" {
			fmt.Fprintln(w, sanitize.Text("every row is read: "+run.WhyFull))
		}
	}
	for _, e := range s.Entities {
		fmt.Fprintln(w, entityLine(e))
	}
	writeReasons(w, s.Reasons)
	if s.TakenAt.IsZero() {
		return
	}
	for _, line := range []string{freshnessLine(s), floorLine(s), scheduleLine(s)} {
		if line != "" {
			fmt.Fprintln(w, sanitize.Text(line))
		}
	}
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
