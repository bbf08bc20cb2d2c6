package tuitest

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"ferry/engine"
)

// findings are what checks have found, and the plans to mend it.
type findings struct {
	rows  []engine.Discrepancy // by number
	plans map[int64]*engine.RepairPlan
}

// Found gives the discrepancies, in any order.
func (o *Operator) Found(rows ...engine.Discrepancy) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.found.rows = slices.Clone(rows)
	slices.SortFunc(o.found.rows, func(a, b engine.Discrepancy) int { return cmp.Compare(a.ID, b.ID) })
}

// Plan gives the plan that the next PlanRepair makes.
func (o *Operator) Plan(p *engine.RepairPlan) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.found.plans == nil {
		o.found.plans = map[int64]*engine.RepairPlan{}
	}
	o.found.plans[p.ID] = p
	o.found.plans[0] = p
}

// column is a discrepancy's column by the name that filters and orders use; false: it has no value there.
func column(d *engine.Discrepancy, name string) (string, bool) {
	switch name {
	case "entity":
		return d.Entity, true
	case "id":
		return strconv.FormatInt(d.Row, 10), true
	case "field":
		return d.Field, true
	case "cause":
		return string(d.Cause), true
	case "state":
		return string(d.State), true
	case "source":
		return d.Source.Value, d.Source.Known
	case "expected":
		return d.Expected.Value, d.Expected.Known
	case "target":
		return d.Target.Value, d.Target.Known
	case "found":
		return d.FoundAt.UTC().Format(time.RFC3339Nano), true
	case "seen":
		return d.SeenAt.UTC().Format(time.RFC3339Nano), true
	case "acknowledged":
		return d.AckBy, d.AckBy != ""
	}
	return strconv.FormatInt(d.ID, 10), true
}

var discrepancyColumns = []string{
	"number", "entity", "id", "field", "cause", "state", "source", "expected", "target", "found", "seen", "acknowledged",
}

func meets(d *engine.Discrepancy, f engine.Filter) bool {
	for _, term := range f {
		pattern, err := regexp.Compile("(?i)" + term.Pattern)
		fits := err == nil && slices.ContainsFunc(discrepancyColumns, func(name string) bool {
			text, _ := column(d, name)
			return (term.Field == "" || term.Field == name) && pattern.MatchString(text)
		})
		if fits == term.Not {
			return false
		}
	}
	return true
}

func (o *Operator) these(which engine.DiscrepancySelection) []engine.Discrepancy {
	states := which.States
	if len(states) == 0 && len(which.IDs) == 0 {
		states = engine.OpenDiscrepancy
	}
	return slices.DeleteFunc(slices.Clone(o.found.rows), func(d engine.Discrepancy) bool {
		return which.Entity != "" && which.Entity != d.Entity || which.Cause != "" && which.Cause != d.Cause ||
			len(states) > 0 && !slices.Contains(states, d.State) || which.Run != 0 && which.Run != d.SeenRun ||
			len(which.IDs) > 0 && !slices.Contains(which.IDs, d.ID) || len(which.Rows) > 0 && !slices.Contains(which.Rows, d.Row) || !meets(&d, which.Filter)
	})
}

// Discrepancies gives a page of what Found was given.
func (o *Operator) Discrepancies(
	_ context.Context, which engine.DiscrepancySelection, l engine.Listing,
) (engine.Page[engine.Discrepancy], error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	var page engine.Page[engine.Discrepancy]
	if err := o.read(fmt.Sprintf("discrepancies of %s by %s", which.Entity, l.Order.Column)); err != nil {
		return page, err
	}
	rows := o.these(which)
	if l.Count {
		page.Total = engine.Known(int64(len(rows)))
	}
	slices.SortStableFunc(rows, func(a, b engine.Discrepancy) int { return inOrder(&a, &b, l.Order) })
	return cut(rows, l), nil
}

// inOrder compares two rows; one without a value comes last, in either direction.
func inOrder(a, b *engine.Discrepancy, by engine.Order) int {
	sign := 1
	if by.Descending {
		sign = -1
	}
	if by.Column == "" || by.Column == "number" {
		return sign * cmp.Compare(a.ID, b.ID)
	}
	x, has := column(a, by.Column)
	y, had := column(b, by.Column)
	switch {
	case has != had && has:
		return -1
	case has != had:
		return 1
	}
	order := strings.Compare(x, y)
	if by.Column == "id" {
		order = cmp.Compare(a.Row, b.Row)
	}
	return cmp.Or(sign*order, cmp.Compare(a.ID, b.ID))
}

// cut gives the page that was asked for of rows in order.
func cut(rows []engine.Discrepancy, l engine.Listing) engine.Page[engine.Discrepancy] {
	page := engine.Page[engine.Discrepancy]{Total: engine.Maybe[int64]{}}
	if l.Count {
		page.Total = engine.Known(int64(len(rows)))
	}
	at := slices.IndexFunc(rows, func(d engine.Discrepancy) bool { return l.From != nil && strconv.FormatInt(d.ID, 10) == l.From.Key })
	switch {
	case l.Back && at >= 0:
		rows = rows[:at]
	case !l.Back && at >= 0:
		rows = rows[at+1:]
	}
	if page.More = len(rows) > l.Limit; page.More {
		if l.Back {
			rows = rows[len(rows)-l.Limit:]
		} else {
			rows = rows[:l.Limit]
		}
	}
	page.Rows = rows
	for i := range rows {
		text, known := column(&rows[i], l.Order.Column)
		page.Cursors = append(page.Cursors, engine.Cursor{Value: text, Null: !known, Key: strconv.FormatInt(rows[i].ID, 10)})
	}
	return page
}

// DiscrepancyCounts counts what Found was given.
func (o *Operator) DiscrepancyCounts(_ context.Context, which engine.DiscrepancySelection) ([]engine.DiscrepancyCount, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.read("discrepancy counts"); err != nil {
		return nil, err
	}
	var out []engine.DiscrepancyCount
	seen := map[string]bool{}
	for _, d := range o.these(which) {
		at := slices.IndexFunc(out, func(c engine.DiscrepancyCount) bool {
			return c.Entity == d.Entity && c.Cause == d.Cause && c.State == d.State
		})
		if at < 0 {
			at = len(out)
			out = append(out, engine.DiscrepancyCount{Entity: d.Entity, Cause: d.Cause, State: d.State})
		}
		out[at].Fields++
		if d.AckBy != "" {
			out[at].Acknowledged++
		}
		if row := fmt.Sprint(at, d.Row); !seen[row] {
			seen[row] = true
			out[at].Rows++
		}
	}
	return out, nil
}

// Recheck is noted; the run gets number 15.
func (o *Operator) Recheck(_ context.Context, which engine.DiscrepancySelection, act engine.Act) (engine.RunID, error) {
	return 15, o.take(Call{Action: "recheck", Act: act, Found: which})
}

// Acknowledge is noted; it gives how many discrepancies were meant.
func (o *Operator) Acknowledge(
	_ context.Context, which engine.DiscrepancySelection, until time.Time, again bool, act engine.Act,
) (int64, error) {
	return o.meant(which), o.take(Call{Action: "acknowledge", Act: act, Found: which, Until: until, Again: again})
}

func (o *Operator) meant(which engine.DiscrepancySelection) int64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return int64(len(o.these(which)))
}

// PlanRepair is noted; it gives what Plan was given last.
func (o *Operator) PlanRepair(
	_ context.Context, which engine.DiscrepancySelection, options engine.RepairOptions, act engine.Act,
) (*engine.RepairPlan, error) {
	if err := o.take(Call{Action: "plan repair", Act: act, Found: which, Again: options.DeleteExtras}); err != nil {
		return nil, err
	}
	return o.plan(0)
}

// RepairPlan gives a plan that Plan was given.
func (o *Operator) RepairPlan(_ context.Context, id int64) (*engine.RepairPlan, error) {
	return o.plan(id)
}

func (o *Operator) plan(id int64) (*engine.RepairPlan, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.read(fmt.Sprintf("plan %d", id)); err != nil {
		return nil, err
	}
	if p, ok := o.found.plans[id]; ok {
		return p, nil
	}
	return nil, engine.Refuse(engine.ErrNoSuchRow, "there is no repair plan %d; `ferry repair plan` makes one", id)
}

// ApplyRepair is noted; the run gets number 16.
func (o *Operator) ApplyRepair(_ context.Context, id int64, hash, confirm string, act engine.Act) (engine.RunID, error) {
	return 16, o.take(Call{Action: "apply repair", Act: act, Set: fmt.Sprintf("%d-%s %s", id, hash, confirm)})
}
