package cycle

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/RoaringBitmap/roaring/v2/roaring64"

	"ferry/engine"
	"ferry/engine/entity"
)

// ForecastResult is what a first load of the source would leave behind, by the rules that it was asked for. The source
// goes on changing while it is read, so it is a forecast and not a promise.
type ForecastResult struct {
	Entities []EntityForecast // parents first
}

// EntityForecast is what would become of one entity's rows: Read = Loaded + Waiting + those of Rejects.
type EntityForecast struct {
	Entity  string // source table
	Short   string // "card"
	Read    int64
	Loaded  int64
	Waiting int64            // valid, but their parent would not be in the engine
	Precise int64            // rows with a value that rounding would change by more than 1e-6
	Warned  int64            // would be loaded although a rule of severity "warn" finds fault
	Rejects []RejectForecast // most frequent first
	// Codes are the codes that several valid rows have, and CodeRows those rows; all but one of each would be rejected.
	Codes, CodeRows int64
	// CodesPartial says that there are more rows than codes could be remembered for: there may be more collisions.
	CodesPartial bool
}

// RejectForecast counts the rows of an entity that would be rejected for one reason. A row is counted once, for the
// first rule that it breaks, as in quarantine.
type RejectForecast struct {
	Reason  string // a rule's name, or entity.ReasonCode
	Why     string // the rule in words
	Fixed   bool   // the rule cannot be switched
	Rows    int64
	Alone   int64 // of Rows: nothing else rejects them, so that switching the rule to warn would load them
	Waiting int64 // rows of other entities that would wait for these
}

// Forecast reads the whole source, judges every row as a first load would, and writes nothing. It takes a short snapshot
// for every range of MaxRows ids, so that no source transaction comes near its limit; a row costs no memory but for its
// code (11 to 21 bytes, see codeSet) and, if others point at it, its id (a bit or two). progress, if not nil, is told how
// far it is: done out of total, in ids.
func Forecast(ctx context.Context, source Source, rules entity.Rules,
	progress func(entity string, done, total int64),
) (ForecastResult, error) {
	f := forecast{source: source, rules: rules, fates: map[string]*fates{}, maxIDs: map[string]int64{}}
	if err := f.bounds(ctx); err != nil {
		return ForecastResult{}, fmt.Errorf("forecast: %w", err)
	}
	var result ForecastResult
	for _, e := range entity.All() {
		if err := f.read(ctx, e, progress); err != nil {
			return ForecastResult{}, fmt.Errorf("forecast of %s: %w", e.Name, err)
		}
		f.tallies = append(f.tallies, f.current)
	}
	for _, t := range f.tallies {
		result.Entities = append(result.Entities, t.result())
	}
	return result, nil
}

// forecast is one pass over the source.
type forecast struct {
	source  Source
	rules   entity.Rules
	maxIDs  map[string]int64
	fates   map[string]*fates // of the entities that others wait for
	tallies []*tally
	current *tally
}

// fates remembers which rows would not be in the engine, for those that point at them.
type fates struct {
	seen   *roaring64.Bitmap
	absent map[*RejectForecast]*roaring64.Bitmap // by the reason that a row, or the row that it waits for, is rejected
}

// tally is an EntityForecast in the making.
type tally struct {
	EntityForecast

	e       *entity.Entity
	rejects map[string]*RejectForecast
	codes   *codeSet
	shared  map[uint64]bool // hashes of codes that a second row has
}

func (f *forecast) bounds(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, sourceLimit)
	defer cancel()
	snap, err := f.source.Snapshot(ctx)
	if err != nil {
		return err
	}
	defer snap.Close()
	for _, e := range entity.All() {
		if f.maxIDs[e.Name], err = snap.MaxID(ctx, e); err != nil {
			return err
		}
		// Only rows that cannot do without their parent wait for it.
		if slices.ContainsFunc(e.Children(), func(child *entity.Entity) bool {
			return slices.ContainsFunc(child.Parents, func(p entity.Parent) bool { return p.Entity == e.Name && p.Link == "" })
		}) {
			f.fates[e.Name] = &fates{seen: roaring64.New(), absent: map[*RejectForecast]*roaring64.Bitmap{}}
		}
	}
	return nil
}

func (f *forecast) read(ctx context.Context, e *entity.Entity, progress func(string, int64, int64)) error {
	f.current = &tally{
		EntityForecast: EntityForecast{Entity: e.Name, Short: e.Short},
		e:              e, rejects: map[string]*RejectForecast{}, shared: map[uint64]bool{},
	}
	if e.Code >= 0 {
		f.current.codes = newCodeSet(maxCodes)
	}
	total := f.maxIDs[e.Name]
	for low := int64(0); low < total; low += MaxRows {
		high := min(low+MaxRows, total)
		if err := f.readRange(ctx, e, low, high); err != nil {
			return err
		}
		if progress != nil {
			progress(e.Name, high, total)
		}
	}
	return nil
}

func (f *forecast) readRange(ctx context.Context, e *entity.Entity, low, high int64) error {
	ctx, cancel := context.WithTimeout(ctx, sourceLimit)
	defer cancel()
	snap, err := f.source.Snapshot(ctx)
	if err != nil {
		return err
	}
	defer snap.Close()
	return snap.Range(ctx, e, low, high, "", func(row entity.Row) error {
		f.place(judged{row, f.rules.Judge(e, row)})
		return nil
	})
}

// place decides what would become of one row; rows come in id order, so the first that has a code owns it.
func (f *forecast) place(row judged) {
	t := f.current
	var counts engine.Counts
	countRow(&counts, &row)
	t.Read += counts.Read
	t.Precise += counts.Precise
	own := f.fates[t.Entity]
	if own != nil {
		own.seen.Add(uint64(row.ID)) //nolint:gosec // an id, not a number to reckon with
	}
	var reject *RejectForecast
	if row.Reason == "" && t.codes != nil {
		t.claim(&row)
	}
	switch {
	case row.Reason != "":
		reject = t.reject(row)
	default:
		waits, missing := f.waits(row)
		if !waits {
			t.Loaded++
			t.Warned += counts.Warned
			return
		}
		t.Waiting++
		if reject = missing; reject != nil {
			reject.Waiting++
		}
	}
	if own != nil {
		own.add(reject, row.ID)
	}
}

func (fa *fates) add(reject *RejectForecast, id int64) {
	if fa.absent[reject] == nil {
		fa.absent[reject] = roaring64.New()
	}
	fa.absent[reject].Add(uint64(id)) //nolint:gosec // as above
}

// waits reports whether a valid row's parent would not be in the engine, and the reason for which that one, or the one
// it waits for in turn, is rejected; nil if it is not in the source at all.
func (f *forecast) waits(row judged) (bool, *RejectForecast) {
	for _, p := range f.current.e.Parents {
		fate := f.fates[p.Entity]
		if p.Link != "" || fate == nil {
			continue
		}
		id := row.Values[p.Column].Int
		for reject, ids := range fate.absent {
			if ids.Contains(uint64(id)) { //nolint:gosec // as above
				return true, reject
			}
		}
		// A parent above the bound came after the forecast began: the load will read it.
		if id <= f.maxIDs[p.Entity] && !fate.seen.Contains(uint64(id)) { //nolint:gosec // as above
			return true, nil
		}
	}
	return false, nil
}

// claim rejects a row whose code belongs to one before it.
func (t *tally) claim(row *judged) {
	hash := t.codes.hash(row.Values[t.e.Code].Text)
	if !t.codes.add(hash) {
		return
	}
	if !t.shared[hash] {
		t.shared[hash] = true
		t.Codes++
		t.CodeRows++ // its owner
	}
	t.CodeRows++
	row.Reason = entity.ReasonCode
}

func (t *tally) reject(row judged) *RejectForecast {
	r := t.rejects[row.Reason]
	if r == nil {
		r = &RejectForecast{Reason: row.Reason, Fixed: true, Why: "their code belongs to a row with a lower id"}
		for _, rule := range t.e.Rules {
			if rule.Name == row.Reason {
				r.Why, r.Fixed = rule.Why, rule.Fixed
			}
		}
		t.rejects[row.Reason] = r
	}
	r.Rows++
	if row.Detail == r.Why { // else it names more than one rule
		r.Alone++
	}
	return r
}

func (t *tally) result() EntityForecast {
	out := t.EntityForecast
	for _, r := range t.rejects {
		out.Rejects = append(out.Rejects, *r)
	}
	slices.SortFunc(out.Rejects, func(a, b RejectForecast) int {
		if a.Rows != b.Rows {
			return int(b.Rows - a.Rows)
		}
		return strings.Compare(a.Reason, b.Reason)
	})
	out.CodesPartial = t.codes != nil && t.codes.full
	return out
}

// Rejected counts the rows that would be rejected.
func (e EntityForecast) Rejected() int64 {
	var n int64
	for _, r := range e.Rejects {
		n += r.Rows
	}
	return n
}
