package cycle

import (
	"fmt"
	"slices"
	"strconv"

	"ferry/engine/entity"
)

// oldestFloor is how many transaction ids a floor may lie back: half of what age() can tell apart, with a margin.
const oldestFloor = 1_000_000_000

// Since gives the floor from which on a cycle by these rules may read a source, or why it must read every row. A floor holds
// only for the source on which it was taken, on the same line of that source's time, and for rows that are judged and stored
// as they were then.
func (b Base) Since(rulesHash, identity string, now SourceState, shape Shape) (Floor, string) {
	switch {
	case b.Floor == "":
		return "", "no cycle has been completed yet"
	case b.RulesHash != rulesHash:
		return "", "the rules, or how rows are stored, changed since the last cycle"
	case b.Identity != identity:
		return "", fmt.Sprintf("the last cycle read another source (%s)", b.Identity)
	case b.Timeline != now.Timeline:
		return "", fmt.Sprintf("the source went from timeline %d to %d: a recovery or a failover may have undone what was read", b.Timeline, now.Timeline)
	case b.Shape != shape.Read:
		return "", "the source's columns changed since the last cycle"
	}
	floor := b.Floor
	if b.Incarnation != now.Incarnation && b.Earlier != "" {
		// Another server process answers. What it has lost, if anything, is young.
		floor = b.Earlier
	}
	back, err := now.Next.after(floor)
	if err != nil {
		return "", fmt.Sprintf("the last cycle's floor cannot be read: %v", err)
	}
	if forward, err := now.Next.after(b.Next); err != nil || forward < 0 {
		return "", fmt.Sprintf("the source's transaction ids went back from %s to %s: an older state was restored", b.Next, now.Next)
	}
	if back > oldestFloor {
		return "", fmt.Sprintf("the last cycle's floor lies %d transaction ids back", back)
	}
	return floor, ""
}

// after gives how many transaction ids lie between a floor and this one.
func (f Floor) after(other Floor) (int64, error) {
	a, err := strconv.ParseInt(string(f), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("transaction id %q: %w", f, err)
	}
	b, err := strconv.ParseInt(string(other), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("transaction id %q: %w", other, err)
	}
	return a - b, nil
}

// drift says in words what became of a table's columns since they were last looked at. That a column which is read is
// missing or of another type is an error of its own; these are for the journal.
func (b Base) drift(e *entity.Entity, now Shape) []string {
	if b.Columns == nil {
		return nil
	}
	var out []string
	note := func(format string, args ...any) {
		out = append(out, "the source's "+e.Name+fmt.Sprintf(format, args...))
	}
	read := func(name string) bool {
		return name == "id" || slices.ContainsFunc(e.Columns, func(c entity.Column) bool { return c.Source == name })
	}
	for name, kind := range now.Columns {
		was, known := b.Columns[name]
		switch {
		case !known && read(name):
			note(" has a column %s now: every row is read again", name)
		case !known:
			note(" has a new column %s, ignored", name)
		case was != kind && read(name):
			note(".%s went from %s to %s: every row is read again", name, was, kind)
		}
	}
	for name := range b.Columns {
		if _, still := now.Columns[name]; !still {
			note(" has no column %s any more", name)
		}
	}
	slices.Sort(out)
	return out
}
