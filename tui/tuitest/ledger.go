package tuitest

import (
	"cmp"
	"context"
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"ferry/engine"
)

// Drift gives the cards whose balances disagree in Odoo.
func (o *Operator) Drift(cards ...engine.LedgerCard) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.drifted = slices.Clone(cards)
}

// Deal gives the reports on cards; each answers to its id and to its code, and with FromSource only to a scan. What has
// none is a card that nobody knows.
func (o *Operator) Deal(reports ...*engine.CardReport) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.cards = reports
}

// Card gives one of the reports that Deal was given. It is noted as a read: "card 7 CODE", with " scan" behind it.
func (o *Operator) Card(_ context.Context, key engine.CardKey, scan bool) (*engine.CardReport, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	what := fmt.Sprintf("card %d %s", key.ID, key.Code)
	if scan {
		what += " scan"
	}
	if err := o.read(what); err != nil {
		return nil, err
	}
	var found *engine.CardReport
	for _, r := range o.cards {
		if r.ID != 0 && r.ID == key.ID || key.Code != "" && strings.EqualFold(r.Code, strings.TrimSpace(key.Code)) {
			if found == nil || r.FromSource == scan {
				found = r
			}
		}
	}
	if found == nil {
		return &engine.CardReport{Key: key, Sentence: "No card of that id or code is known, neither in Odoo nor in the engine."}, nil
	}
	return found, nil
}

// ledgerCells are a card's columns, by their names in filters and orders; a number sorts as one.
func ledgerCells(c engine.LedgerCard) map[string]engine.Maybe[string] {
	drifts := make([]string, len(c.Drifts))
	for i, d := range c.Drifts {
		drifts[i] = string(d)
	}
	return map[string]engine.Maybe[string]{
		"card": engine.Known(strconv.FormatInt(c.Card, 10)), "code": engine.Known(c.Code), "points": c.Points, "last_balance": c.Last,
		"moves": c.Moves, "drifts": engine.Known(strings.Join(drifts, " ")), "size": engine.Known(c.Size), "engine_points": c.Engine,
	}
}

// LedgerCards gives a page of what Drift was given.
func (o *Operator) LedgerCards(_ context.Context, which engine.LedgerSelection, l engine.Listing) (engine.Page[engine.LedgerCard], error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	var page engine.Page[engine.LedgerCard]
	if err := o.read("ledger " + string(which.Drift)); err != nil {
		return page, err
	}
	column := cmp.Or(l.Order.Column, "card")
	var rows []engine.LedgerCard
	for _, c := range o.drifted {
		if meantOfLedger(which, c) {
			rows = append(rows, c)
		}
	}
	slices.SortStableFunc(rows, func(a, b engine.LedgerCard) int { return ledgerOrder(a, b, column, l.Order.Descending) })
	if l.Count {
		page.Total = engine.Known(int64(len(rows)))
	}
	first, last := 0, len(rows)
	if l.From != nil {
		at := slices.IndexFunc(rows, func(c engine.LedgerCard) bool { return strconv.FormatInt(c.Card, 10) == l.From.Key })
		if l.Back {
			last = max(at, 0)
		} else {
			first = at + 1
		}
	}
	if l.Limit > 0 && last-first > l.Limit {
		page.More = true
		if l.Back {
			first = last - l.Limit
		} else {
			last = first + l.Limit
		}
	}
	for _, c := range rows[first:last] {
		value := ledgerCells(c)[column]
		page.Rows = append(page.Rows, c)
		page.Cursors = append(page.Cursors, engine.Cursor{Value: value.Value, Null: !value.Known, Key: strconv.FormatInt(c.Card, 10)})
	}
	return page, nil
}

func meantOfLedger(which engine.LedgerSelection, c engine.LedgerCard) bool {
	if which.Drift != "" && !slices.Contains(c.Drifts, which.Drift) || which.Incomplete && !c.Waiting {
		return false
	}
	cells := ledgerCells(c)
	for _, term := range which.Filter {
		pattern := regexp.MustCompile("(?i)" + term.Pattern)
		fits := false
		for name, value := range cells {
			fits = fits || (term.Field == "" || term.Field == name) && pattern.MatchString(value.Value)
		}
		if fits == term.Not {
			return false
		}
	}
	return true
}

// ledgerOrder compares two cards by a column, then by id; a card without a value comes last, whatever the direction.
func ledgerOrder(a, b engine.LedgerCard, column string, descending bool) int {
	x, y := ledgerCells(a)[column], ledgerCells(b)[column]
	sign := 1
	if descending {
		sign = -1
	}
	switch {
	case x.Known != y.Known && x.Known:
		return -1
	case x.Known != y.Known:
		return 1
	}
	m, first := new(big.Rat).SetString(x.Value)
	n, second := new(big.Rat).SetString(y.Value)
	if first && second && column != "code" {
		return cmp.Or(sign*m.Cmp(n), cmp.Compare(a.Card, b.Card))
	}
	return cmp.Or(sign*strings.Compare(x.Value, y.Value), cmp.Compare(a.Card, b.Card))
}
