package demo

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// kind is one sort of transaction.
type kind struct {
	name   string
	weight float64
	heavy  bool // scans whole tables, as Odoo's schema has no index for it
	do     func(*work, context.Context) error
}

// kinds is what happens, by weights that sum to a thousand; nothing depends on the sum. What makes rows that don't load,
// or balances that disagree, is rare: a demo should stay presentable for a day.
var kinds = []kind{
	{name: "earn", weight: 345, do: (*work).earn},
	{name: "redeem", weight: 230, do: (*work).redeem},
	{name: "cancel", weight: 30, do: (*work).cancel},
	{name: "raw points", weight: 60, do: (*work).rawPoints},
	{name: "touch", weight: 90, do: (*work).touch},
	{name: "new card", weight: 60, do: (*work).newCard},
	{name: "code", weight: 15, do: (*work).changeCode},
	{name: "swap codes", weight: 10, do: (*work).swapCodes},
	{name: "delete card", weight: 5, heavy: true, do: (*work).deleteCard},
	{name: "delete history", weight: 10, do: (*work).deleteHistory},
	{name: "delete partner", weight: 5, do: (*work).deletePartner},
	{name: "re-point", weight: 10, do: (*work).repoint},
	{name: "savepoint", weight: 80, do: (*work).savepoint},
	{name: "rollback", weight: 50, do: (*work).rollBack},
}

// late is the kind of the long sessions: it has no weight, for it does not count among the rate.
var late = kind{name: "late", do: (*work).importSales}

// TrafficKinds names the kinds of transactions that the traffic makes.
func TrafficKinds() []string {
	names := make([]string, 0, len(kinds)+1)
	for _, k := range kinds {
		names = append(names, k.name)
	}
	return append(names, late.name)
}

// weighted gives the kinds that can happen, with their weights.
func weighted(weights map[string]float64) ([]kind, error) {
	if weights == nil {
		return kinds, nil
	}
	var chosen []kind
	left := maps.Clone(weights)
	for _, k := range kinds {
		k.weight = left[k.name]
		delete(left, k.name)
		if k.weight > 0 {
			chosen = append(chosen, k)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(left)) {
		return nil, fmt.Errorf("a weight for %q, which is no kind of transaction that is drawn", name)
	}
	if len(chosen) == 0 {
		return nil, errors.New("no kind of transaction has a weight above 0")
	}
	return chosen, nil
}
