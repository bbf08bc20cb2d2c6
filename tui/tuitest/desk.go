package tuitest

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"ferry/engine"
)

// Hold gives the rows that are in quarantine, in any order.
func (o *Operator) Hold(rows ...engine.QuarantineRow) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.rows = slices.Clone(rows)
	slices.SortStableFunc(o.rows, func(a, b engine.QuarantineRow) int {
		return cmp.Or(strings.Compare(a.Entity, b.Entity), cmp.Compare(a.ID, b.ID))
	})
}

// Rule gives the rules.
func (o *Operator) Rule(rules ...engine.RuleView) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.rules = rules
}

func fits(which engine.QuarantineSelection, row *engine.QuarantineRow) bool {
	return (which.Entity == "" || which.Entity == row.Entity) && (which.Reason == "" || which.Reason == row.Reason) &&
		(len(which.IDs) == 0 || slices.Contains(which.IDs, row.ID)) &&
		suits(which.Filter, *row, quarantineKey, quarantineValue)
}

// QuarantineRows gives a page of what Hold was given.
func (o *Operator) QuarantineRows(
	_ context.Context, which engine.QuarantineSelection, want engine.Listing,
) (engine.Page[engine.QuarantineRow], error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.read("rows of " + which.Reason + " " + asked(want)); err != nil {
		return engine.Page[engine.QuarantineRow]{}, err
	}
	var rows []engine.QuarantineRow
	for i := range o.rows {
		if fits(which, &o.rows[i]) {
			rows = append(rows, o.rows[i])
		}
	}
	return Paged(rows, quarantineKey, quarantineValue, which.Filter, want)
}

func quarantineKey(row engine.QuarantineRow) string { return strconv.FormatInt(row.ID, 10) }

// quarantineValue is what a row is sorted and filtered by.
func quarantineValue(row engine.QuarantineRow, column string) string {
	switch column {
	case "entity":
		return row.Entity
	case "state":
		return row.State
	case "detail":
		return row.Detail
	case "tries":
		return strconv.Itoa(row.Attempts)
	case "last":
		return row.LastSeen.UTC().Format(time.RFC3339)
	}
	return quarantineKey(row)
}

// RetryQuarantine is noted; it gives how many rows were meant.
func (o *Operator) RetryQuarantine(_ context.Context, which engine.QuarantineSelection, act engine.Act) (int64, error) {
	return o.count(which), o.take(Call{Action: "retry rows", Act: act, Which: which})
}

// Waive is noted; it gives how many rows were meant.
func (o *Operator) Waive(_ context.Context, which engine.QuarantineSelection, act engine.Act, again bool) (int64, error) {
	return o.count(which), o.take(Call{Action: "waive", Act: act, Which: which, Again: again})
}

func (o *Operator) count(which engine.QuarantineSelection) int64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := int64(0)
	for i := range o.rows {
		if fits(which, &o.rows[i]) {
			n++
		}
	}
	return n
}

// Rules gives what Rule was given.
func (o *Operator) Rules(context.Context) ([]engine.RuleView, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.rules), o.read("rules")
}

// SetRule is noted.
func (o *Operator) SetRule(_ context.Context, rule, severity string, act engine.Act) error {
	return o.take(Call{Action: "set rule", Act: act, Set: rule + "=" + severity})
}
