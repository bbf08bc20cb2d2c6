package check

import (
	"fmt"
	"strconv"
)

// scanRate is how many rows a second a server reads of a table that is in its memory.
const scanRate = 10_000_000

// ScanCost says in words what reading so many rows of the source costs.
func ScanCost(rows float64) string {
	const second, tenth = 1.0, 0.1
	seconds := rows / scanRate
	took := "less than 0.1 s"
	switch {
	case seconds >= 10*second:
		took = fmt.Sprintf("about %.0f s", seconds)
	case seconds >= tenth:
		took = fmt.Sprintf("about %.1f s", seconds)
	}
	return "reads " + million(rows) + " rows, " + took
}

func million(rows float64) string {
	const thousand, mega = 1e3, 1e6
	switch {
	case rows >= mega:
		return fmt.Sprintf("%.1f M", rows/mega)
	case rows >= 10*thousand:
		return fmt.Sprintf("%.0f k", rows/thousand)
	}
	return strconv.FormatFloat(rows, 'f', 0, 64)
}
