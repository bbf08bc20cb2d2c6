package widget

import "strings"

// Value is a value of a column as it is shown: in quotes where its ends would not be seen or where it reads like a word of
// ours, and cut where it is longer than anybody reads.
func Value(text string, most int) string {
	if text == "" || text == Null || text == Unknown || strings.TrimSpace(text) != text {
		text = `"` + text + `"`
	}
	if runes := []rune(text[:min(len(text), 4*most+4)]); len(runes) > most {
		return string(runes[:most]) + "… (" + Count(int64(len(text))) + " bytes)"
	}
	return text
}

// Null stands for a column without a value.
const Null = "NULL"
