package cycle

import "slices"

// Scope is what a merge is about: the ids that were asked of the source, and of which it is therefore known whether they
// exist. Of everything else a merge says nothing.
type Scope struct {
	Low, High int64   // ids above Low up to and including High …
	IDs       []int64 // … of these only the given ones, in order; nil: all
}

// Covers reports whether the scope says something of an id.
func (s Scope) Covers(id int64) bool {
	if id <= s.Low || id > s.High {
		return false
	}
	if s.IDs == nil {
		return true
	}
	_, found := slices.BinarySearch(s.IDs, id)
	return found
}

// scopeOf is the scope of some ids, in any order and with repetitions.
func scopeOf(ids ...[]int64) Scope {
	all := slices.Concat(ids...)
	slices.Sort(all)
	all = slices.Compact(all)
	if len(all) == 0 {
		return Scope{IDs: []int64{}}
	}
	return Scope{Low: all[0] - 1, High: all[len(all)-1], IDs: all}
}
