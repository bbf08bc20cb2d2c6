package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"ferry/engine"
	"ferry/engine/cycle"
	"ferry/tui/widget"
)

// dryRun says what a sync would change, and writes nothing: its sessions on the engine database cannot.
func (f *ferry) dryRun(ctx context.Context, o syncOptions) error {
	soft, _, caught, release := untilSignal(ctx)
	defer release()
	f.settings.ReadOnly = true
	c, err := f.open(soft, 0, logTo(f.err, slog.LevelWarn))
	if err != nil {
		return err
	}
	defer c.close()
	result, s, err := f.tryRun(soft, c, o)
	if code := caught(); code != 0 {
		fmt.Fprintln(f.err, "ferry: interrupted; nothing was written")
		return exitWith(code, nil)
	}
	if err != nil {
		return err
	}
	if f.settings.JSON {
		return f.line(newDryReport(o.kind, result, s))
	}
	return f.sayDryRun(o.kind, result, s)
}

func (f *ferry) tryRun(ctx context.Context, c *crossing, o syncOptions) (cycle.DryResult, *engine.Snapshot, error) {
	if err := c.reach(ctx); err != nil {
		return cycle.DryResult{}, nil, err
	}
	if err := c.target.Ready(ctx); err != nil {
		return cycle.DryResult{}, nil, err
	}
	if err := c.source.Safety(ctx); err != nil {
		return cycle.DryResult{}, nil, err
	}
	identity, err := c.source.Identity(ctx)
	if err != nil {
		return cycle.DryResult{}, nil, err
	}
	s, err := c.target.Read(ctx)
	if err != nil {
		return cycle.DryResult{}, nil, err
	}
	if s.Run != nil && s.Run.State.Active() {
		fmt.Fprintf(f.err, "ferry: run #%d %s; what it changes meanwhile may be counted or not\n", s.Run.ID, s.Run.State.Is())
	}
	var said time.Time
	result, err := cycle.DryRun(ctx, c.source, c.target, cycle.DryOptions{
		Kind: o.kind, SourceIdentity: identity, Entities: o.Entities,
		Progress: func(entity string, done, high int64) {
			if time.Since(said) >= time.Second {
				said = time.Now()
				fmt.Fprintf(f.err, "dry run: %s %d%%\n", entity, 100*done/max(high, 1))
			}
		},
	})
	return result, s, err
}

// leaving counts the extra rows of an entity that a run would delete by policy, and how many of them are listed already;
// unknown under another policy.
func leaving(d cycle.DryResult, e cycle.DryEntity, s *engine.Snapshot) (all engine.Maybe[int64], listed int64) {
	if d.Policies.Deletes != cycle.DeletesDelete {
		return engine.Maybe[int64]{}, 0
	}
	for _, v := range s.Entities {
		if v.Name == e.Entity {
			listed = v.Extra.Or(0)
		}
	}
	return engine.Known(listed + e.Vanished), listed
}

// dryReport is a dry run in JSON: fields are only ever added.
type dryReport struct {
	V        int                        `json:"v"`
	Type     string                     `json:"type"`
	DryRun   bool                       `json:"dry_run"`
	Kind     engine.RunKind             `json:"kind"`
	WhyFull  engine.Maybe[string]       `json:"why_full"`
	Deletes  cycle.Deletes              `json:"deletes"` // what the policy does about extra rows
	Entities map[string]dryEntityReport `json:"entities"`
	Notes    []string                   `json:"notes"`
}

type dryEntityReport struct {
	SourceRows engine.Maybe[int64] `json:"source_rows"`
	Read       int64               `json:"read"`
	Inserted   int64               `json:"inserted"`
	Updated    int64               `json:"updated"`
	Unchanged  int64               `json:"unchanged"`
	Rejected   int64               `json:"rejected"`
	Stale      int64               `json:"stale"` // of rejected: an older good version would stay
	Extra      int64               `json:"extra"`
	Vanished   int64               `json:"vanished"` // of extra: not known so far
	Asks       bool                `json:"asks"`     // so many vanished that the run would stop and ask
	Precision  int64               `json:"precision"`
	Warned     int64               `json:"warned"`
	AtLeast    bool                `json:"rejected_at_least"`
	Leaving    engine.Maybe[int64] `json:"leaving"` // extra rows that the run would delete; null: the policy keeps them
}

func newDryReport(kind engine.RunKind, d cycle.DryResult, s *engine.Snapshot) dryReport {
	r := dryReport{
		V: 1, Type: "result", DryRun: true, Kind: kind, WhyFull: known(d.WhyFull), Deletes: d.Policies.Deletes,
		Entities: map[string]dryEntityReport{}, Notes: append([]string{}, d.Notes...),
	}
	for _, e := range d.Entities {
		c := e.Counts
		all, _ := leaving(d, e, s)
		r.Entities[e.Entity] = dryEntityReport{
			SourceRows: engine.Maybe[int64]{Value: e.SourceRows, Known: !e.Estimated},
			Read:       c.Read, Inserted: c.Inserted, Updated: c.Updated, Unchanged: c.Unchanged, Rejected: c.Rejected, Stale: c.Stale,
			Extra: c.Extra, Vanished: e.Vanished, Asks: e.Asks, Precision: c.Precise, Warned: c.Warned, AtLeast: e.CodesPartial, Leaving: all,
		}
	}
	return r
}

// sayDryRun prints a dry run for people.
func (f *ferry) sayDryRun(kind engine.RunKind, d cycle.DryResult, s *engine.Snapshot) error {
	lines := []string{fmt.Sprintf("nothing was written; if `ferry sync %s` began now, it would do this", kind)}
	if kind == engine.RunIncremental && d.WhyFull != "" {
		lines = append(lines, "it would read every row: "+d.WhyFull)
	}
	for _, e := range d.Entities {
		lines = append(lines, dryLine(e))
	}
	for _, e := range d.Entities {
		all, listed := leaving(d, e, s)
		switch {
		case e.Asks:
			lines = append(lines, fmt.Sprintf("it would stop and ask: %s rows of %s are gone from the source since the last cycle",
				widget.Count(e.Vanished), e.Entity))
		case all.Or(0) > 0:
			lines = append(lines, fmt.Sprintf("by policy, %s of %s would leave the engine (%s listed already), but for those that it has made "+
				"its own or that others belong to", widget.Plural(all.Value, "extra row", "extra rows"), e.Entity, widget.Count(listed)))
		}
		if e.CodesPartial {
			lines = append(lines, e.Entity+" has more codes than could be remembered: more of its rows may be rejected")
		}
	}
	for _, line := range append(lines, d.Notes...) {
		if err := f.say(line); err != nil {
			return err
		}
	}
	return nil
}

func dryLine(e cycle.DryEntity) string {
	c := e.Counts
	line := fmt.Sprintf("%-22s read %s  new %s  changed %s  same %s  rejected %s  extra %s", e.Entity, widget.Count(c.Read), widget.Count(c.Inserted),
		widget.Count(c.Updated), widget.Count(c.Unchanged), widget.Count(c.Rejected), widget.Count(c.Extra))
	if c.Stale > 0 {
		line += fmt.Sprintf("  (of the rejected %s stay in an older version)", widget.Count(c.Stale))
	}
	return line
}
