package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"ferry/engine"
	"ferry/tui/widget"
)

func (f *ferry) runsCommand() *cobra.Command {
	limit := 0
	list := &cobra.Command{
		Use:   "list",
		Short: "All runs, newest first",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := knownLimit(limit); err != nil {
				return err
			}
			return f.once(cmd.Context(), func(ctx context.Context, c *crossing) error { return f.listRuns(ctx, c, limit) })
		},
	}
	list.Flags().IntVar(&limit, "limit", 50, "at most so many runs; 0 for all")
	show := &cobra.Command{
		Use:   "show RUN",
		Short: "One run: its steps, and its batches with their attempts and errors",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage("say one run's number; `ferry runs list` lists them")
			}
			id, err := runNumber(args[0])
			if err != nil {
				return err
			}
			return f.once(cmd.Context(), func(ctx context.Context, c *crossing) error { return f.showRun(ctx, c, id) })
		},
	}
	return group("runs", "The history of runs", list, show)
}

func (f *ferry) listRuns(ctx context.Context, c *crossing, limit int) error {
	if err := c.target.Ready(ctx); err != nil {
		return err
	}
	shown, before := 0, engine.RunID(0)
	for {
		runs, err := c.Runs(ctx, before, page)
		if err != nil {
			return err
		}
		for _, r := range runs {
			if limit > 0 && shown == limit {
				return f.listed(shown)
			}
			if err := f.runLine(r); err != nil {
				return err
			}
			shown++
			before = r.ID
		}
		if len(runs) < page {
			break
		}
	}
	if shown == 0 && !f.settings.JSON {
		fmt.Fprintln(f.out, "there has been no run yet")
	}
	return f.listed(shown)
}

// runReport is a run in JSON.
type runReport struct {
	V          int                  `json:"v"`
	Type       string               `json:"type"`
	Run        engine.RunID         `json:"run"`
	Kind       engine.RunKind       `json:"kind"`
	State      engine.RunState      `json:"state"`
	By         string               `json:"by"`
	StateBy    string               `json:"state_by"`
	Reason     string               `json:"reason"`
	CreatedAt  engine.Maybe[string] `json:"created_at"`
	StartedAt  engine.Maybe[string] `json:"started_at"`
	FinishedAt engine.Maybe[string] `json:"finished_at"`
	Read       int64                `json:"read"`
	Inserted   int64                `json:"inserted"`
	Updated    int64                `json:"updated"`
	Unchanged  int64                `json:"unchanged"`
	Rejected   int64                `json:"rejected"`
	Errors     int64                `json:"errors"`
	Deleted    int64                `json:"deleted"`
	Extra      int64                `json:"extra"`
	Released   int64                `json:"released"`
	Missing    int64                `json:"missing"`
	Batches    int64                `json:"batches_done"`
	Scheduled  bool                 `json:"scheduled"` // a tick that nobody asked for
	Ticks      int                  `json:"ticks"`     // that this line stands for
	FirstAt    engine.Maybe[string] `json:"first_at"`  // when the first of them was created
	WhyFull    engine.Maybe[string] `json:"why_full"`
	Question   engine.Maybe[string] `json:"question"`
	Error      string               `json:"error,omitempty"`
}

func (f *ferry) runLine(r engine.RunSummary) error {
	c := r.Counts
	if f.settings.JSON {
		return f.line(runReport{
			V: 1, Type: "run", Run: r.ID, Kind: r.Kind, State: r.State, By: r.By, StateBy: r.StateBy, Reason: r.Reason,
			CreatedAt: instant(r.CreatedAt), StartedAt: instant(r.StartedAt), FinishedAt: instant(r.FinishedAt),
			Read: c.Read, Inserted: c.Inserted, Updated: c.Updated, Unchanged: c.Unchanged, Rejected: c.Rejected,
			Deleted: c.Deleted, Extra: c.Extra, Released: c.Released, Missing: c.Missing, Errors: r.Errors, Batches: r.Batches,
			Scheduled: r.Scheduled, Ticks: r.Ticks, FirstAt: instant(r.FirstAt), WhyFull: known(r.WhyFull), Question: known(r.Question),
			Error: r.Error,
		})
	}
	line := fmt.Sprintf("#%-5d %-12s %-11s %s  %8s  read %s  new %s  changed %s  rejected %s%s  errors %s  by %s", r.ID, r.Kind, r.State.Word(),
		r.CreatedAt.UTC().Format(time.RFC3339), widget.Span(elapsed(&r.RunView, time.Now())), widget.Count(c.Read),
		widget.Count(c.Inserted), widget.Count(c.Updated), widget.Count(c.Rejected), gone(c), widget.Count(r.Errors), r.By)
	if r.Ticks > 1 {
		line += fmt.Sprintf("  × %d since %s", r.Ticks, r.FirstAt.UTC().Format(time.RFC3339))
	}
	return f.say(line + labelled("  every row: ", r.WhyFull) + labelled("  needs an answer: ", r.Question) + labelled("  ", r.Error))
}

// gone counts, where there are any, the rows that are gone from the source, and those that it has and the engine lacks.
func gone(c engine.Counts) string {
	some := func(name string, rows int64) string {
		if rows == 0 {
			return ""
		}
		return "  " + name + " " + widget.Count(rows)
	}
	return some("extra", c.Extra) + some("deleted", c.Deleted) + some("missing", c.Missing)
}

// labelled is a text behind its label, if there is one.
func labelled(label, text string) string {
	if text == "" {
		return ""
	}
	return label + text
}

// batchReport is a batch in JSON.
type batchReport struct {
	V          int                  `json:"v"`
	Type       string               `json:"type"`
	Batch      engine.BatchID       `json:"batch"`
	Verb       engine.StepVerb      `json:"verb"`
	Entity     string               `json:"entity"`
	Low        int64                `json:"above_id"`
	High       int64                `json:"to_id"`
	State      engine.BatchState    `json:"state"`
	Attempt    int                  `json:"attempt"`
	Tries      int                  `json:"failures"`
	Worker     string               `json:"worker"`
	Read       int64                `json:"read"`
	Inserted   int64                `json:"inserted"`
	Updated    int64                `json:"updated"`
	Unchanged  int64                `json:"unchanged"`
	Rejected   int64                `json:"rejected"`
	Error      string               `json:"error,omitempty"`
	SQLState   string               `json:"sqlstate,omitempty"`
	StartedAt  engine.Maybe[string] `json:"started_at"`
	FinishedAt engine.Maybe[string] `json:"finished_at"`
}

func (f *ferry) showRun(ctx context.Context, c *crossing, id engine.RunID) error {
	if err := c.target.Ready(ctx); err != nil {
		return err
	}
	d, err := c.RunDetail(ctx, id)
	if err != nil {
		return err
	}
	if err := f.runLine(d.RunSummary); err != nil {
		return err
	}
	if !f.settings.JSON {
		for _, s := range d.Steps {
			fmt.Fprintf(f.out, "  %-7s %-22s %-8s batches %s  read %s%s  errors %s\n", s.Verb, s.Entity, s.State,
				widget.Count(s.BatchesDone), widget.Count(s.Counts.Read), gone(s.Counts), widget.Count(s.Errors))
		}
	}
	for _, b := range d.Batches {
		if err := f.batchLine(b); err != nil {
			return err
		}
	}
	if more := d.BatchesTotal - int64(len(d.Batches)); more > 0 && !f.settings.JSON {
		fmt.Fprintf(f.out, "  … and %s older batches, all done\n", widget.Count(more))
	}
	return f.listed(len(d.Batches))
}

func (f *ferry) batchLine(b engine.BatchView) error {
	if f.settings.JSON {
		return f.line(batchReport{
			V: 1, Type: "batch", Batch: b.ID, Verb: b.Verb, Entity: b.Entity, Low: b.Low, High: b.High, State: b.State,
			Attempt: b.Attempt, Tries: b.Tries, Worker: b.Worker, Read: b.Counts.Read, Inserted: b.Counts.Inserted,
			Updated: b.Counts.Updated, Unchanged: b.Counts.Unchanged, Rejected: b.Counts.Rejected, Error: b.Error,
			SQLState: b.SQLState, StartedAt: instant(b.StartedAt), FinishedAt: instant(b.FinishedAt),
		})
	}
	took := ""
	if !b.FinishedAt.IsZero() {
		took = b.FinishedAt.Sub(b.StartedAt).Round(time.Millisecond).String()
	}
	line := fmt.Sprintf("  batch %-6d %-6s %-22s ids %d–%d  %-7s attempt %d, %d failed  %s  read %s", b.ID, b.Verb, b.Entity, b.Low+1, b.High,
		b.State, b.Attempt, b.Tries, took, widget.Count(b.Counts.Read))
	if b.Error != "" {
		line += "  last error: " + b.Error
	}
	return f.say(line)
}
