package config

import (
	"fmt"
	"slices"
	"strings"
)

// suggest is "; did you mean …?", or nothing if nothing is near.
func suggest(name string, known []string) string {
	const tooFar = 4
	wanted := strings.ReplaceAll(strings.ToLower(name), "-", "_")
	best, least := "", tooFar
	for _, candidate := range slices.Sorted(slices.Values(known)) {
		if d := distance(wanted, strings.ReplaceAll(candidate, "-", "_")); d < least && d <= max(1, len(candidate)/3) {
			best, least = candidate, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", best)
}

// suggestOrList names what may have been meant, else everything there is.
func suggestOrList(name string, known []string) string {
	if hint := suggest(name, known); hint != "" {
		return hint
	}
	return "; there are: " + strings.Join(known, ", ")
}

// distance counts the letters to insert, remove, replace or swap with their neighbour to make one word of another.
func distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		before, last, row = last, row, before
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
	}
	return row[len(b)]
}

// Suggest is "; did you mean …?" for a name of another kind than the config's own, or nothing if nothing is near.
func Suggest(name string, known []string) string { return suggest(name, known) }
