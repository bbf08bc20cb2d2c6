package tuitest

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"

	"ferry/engine"
)

// Paged gives one page of rows as a list in a database would: filtered, sorted and cut. Keys and values sort as numbers
// where they are such. A row without a value in a column sorts last.
func Paged[T any](
	rows []T, key func(T) string, value func(row T, column string) string, filter engine.Filter, want engine.Listing,
) (engine.Page[T], error) {
	order := func(a, b engine.Cursor) int {
		nulls := map[bool]int{true: 1}
		by := cmp.Or(cmp.Compare(nulls[a.Null], nulls[b.Null]), compare(a.Value, b.Value))
		if want.Order.Descending && a.Null == b.Null {
			by = -by
		}
		keys := compare(a.Key, b.Key)
		if want.Order.Descending && want.Order.Column == "" {
			keys = -keys
		}
		return cmp.Or(by, keys)
	}
	type placed struct {
		row T
		at  engine.Cursor
	}
	var fit []placed
	for _, row := range rows {
		if !suits(filter, row, key, value) {
			continue
		}
		p := placed{row, engine.Cursor{Key: key(row)}}
		if want.Order.Column != "" {
			p.at.Value = value(row, want.Order.Column)
			p.at.Null = p.at.Value == ""
		}
		fit = append(fit, p)
	}
	slices.SortFunc(fit, func(a, b placed) int { return order(a.at, b.at) })
	var page engine.Page[T]
	if want.Count {
		page.Total = engine.Known(int64(len(fit)))
	}
	if want.From != nil {
		fit = slices.DeleteFunc(fit, func(p placed) bool {
			at := order(p.at, *want.From)
			return at == 0 || (at < 0) != want.Back
		})
	}
	if page.More = len(fit) > want.Limit; page.More {
		if want.Back {
			fit = fit[len(fit)-want.Limit:]
		} else {
			fit = fit[:want.Limit]
		}
	}
	for _, p := range fit {
		page.Rows, page.Cursors = append(page.Rows, p.row), append(page.Cursors, p.at)
	}
	return page, nil
}

func compare(a, b string) int {
	x, errX := strconv.ParseFloat(a, 64)
	y, errY := strconv.ParseFloat(b, 64)
	if errX == nil && errY == nil {
		return cmp.Compare(x, y)
	}
	return cmp.Compare(a, b)
}

func suits[T any](filter engine.Filter, row T, key func(T) string, value func(row T, column string) string) bool {
	for _, term := range filter {
		pattern := regexp.MustCompile("(?i)" + term.Pattern)
		text := key(row) + "\n" + value(row, "detail")
		if term.Field != "" {
			text = value(row, term.Field)
		}
		if pattern.MatchString(text) == term.Not {
			return false
		}
	}
	return true
}

// asked says what is asked for of a list, in a few words.
func asked(want engine.Listing) string {
	text := "from the first"
	switch {
	case want.From != nil && want.Back:
		text = "before " + want.From.Key
	case want.From != nil:
		text = "after " + want.From.Key
	case want.Back:
		text = "from the last"
	}
	if want.Order.Column != "" {
		text += " by " + want.Order.Column
	}
	return text
}
