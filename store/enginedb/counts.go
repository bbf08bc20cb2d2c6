package enginedb

import (
	"strconv"
	"strings"

	"ferry/engine"
)

// countColumns are the columns of ferry.step and ferry.batch that hold engine.Counts, in the order of countValues.
var countColumns = []string{
	"read", "inserted", "updated", "unchanged", "rejected", "deleted",
	"stale", "extra", "taken", "settled", "precise", "warned", "refused", "faulted", "released", "missing",
}

// countValues gives pointers to the counts, in the order of countColumns, for reading and for writing.
func countValues(c *engine.Counts) []any {
	return []any{
		&c.Read, &c.Inserted, &c.Updated, &c.Unchanged, &c.Rejected, &c.Deleted,
		&c.Stale, &c.Extra, &c.Taken, &c.Settled, &c.Precise, &c.Warned,
		&c.Refused, &c.Faulted, &c.Released, &c.Missing,
	}
}

// countList is "read, inserted, …", each behind a prefix.
func countList(prefix string) string {
	return prefix + strings.Join(countColumns, ", "+prefix)
}

// countPlaces is "$n, $n+1, …", a parameter for each count.
func countPlaces(first int) string {
	out := make([]string, len(countColumns))
	for i := range countColumns {
		out[i] = "$" + strconv.Itoa(first+i)
	}
	return strings.Join(out, ", ")
}

// countAssignments is "read = read + $n, …" with parameters from first on, or without the addition if not add.
func countAssignments(first int, add bool) string {
	out := make([]string, len(countColumns))
	for i, c := range countColumns {
		out[i] = c + " = "
		if add {
			out[i] += c + " + "
		}
		out[i] += "$" + strconv.Itoa(first+i)
	}
	return strings.Join(out, ", ")
}

// countSums is "sum(read) AS read, …", never NULL.
func countSums() string {
	out := make([]string, len(countColumns))
	for i, c := range countColumns {
		out[i] = "coalesce(sum(" + c + "), 0)::bigint AS " + c
	}
	return strings.Join(out, ", ")
}
