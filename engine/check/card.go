package check

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"ferry/engine"
	"ferry/engine/entity"
)

// cardLimit is how long a look at a card may keep its source transaction open.
const cardLimit = 9 * time.Second

// scanLimit is what of that a card's ledger may take: a report without it is better than none.
const scanLimit = 7 * time.Second

// Card reads a card on both sides, the engine first: then the source's state is never older than the engine's. With scan it
// also reads the card's ledger from the source.
func Card(ctx context.Context, here CardEngine, there CardSource, key engine.CardKey, scan bool) (*engine.CardReport, error) {
	f := &cardFacts{key: key, searched: true}
	if utf8.ValidString(key.Code) && !strings.ContainsRune(key.Code, 0) { // no database holds others
		f.code = entity.CleanCode(key.Code)
	}
	if err := f.resolve(ctx, here, there); err != nil {
		return nil, err
	}
	var err error
	if f.here, err = here.CardInEngine(ctx, f.id, ""); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, cardLimit)
	defer cancel()
	snap, err := there.CardSnapshot(ctx)
	if err != nil {
		return nil, err
	}
	defer snap.Close()
	f.readAt = time.Now().UTC()
	if err := f.read(ctx, snap, scan); err != nil {
		return nil, err
	}
	snap.Close()
	f.compare()
	return f.report(), nil
}

// cardFacts is all that is known of a card when its report is made.
type cardFacts struct {
	key      engine.CardKey
	id       int64  // 0: nobody knows such a card
	code     string // cleaned, as it was asked for
	others   []int64
	searched bool // other spellings of the code were looked for at the source
	readAt   time.Time

	here   *CardHere
	raw    map[string]engine.Maybe[string] // nil: not at the source
	row    *entity.Row
	young  engine.Maybe[bool] // the source's row was written since the last cycle read cards
	copies map[string]map[int64]entity.Row
	fresh  map[string]map[int64]bool // of rows that were asked about: written since the last cycle read their entity
	ledger *CardLedger               // nil: not read from the source
	cost   string

	fields   []engine.CardField
	children []engine.Discrepancy // of lines and moves
	balances balances
}

// balances are Odoo's three, as far as they are known.
type balances struct {
	points, last, moves engine.Maybe[string]
	drifts              []engine.Drift
	stated              string
	rounded             bool // last and moves are
	broken              engine.Maybe[int64]
}

// resolve finds which card is meant: a number is an id if either side knows it, else a code.
func (f *cardFacts) resolve(ctx context.Context, here CardEngine, there CardSource) error {
	known, err := here.CardInEngine(ctx, f.key.ID, f.code)
	if err != nil {
		return err
	}
	f.id, f.others = known.ID, known.Others
	if f.key.ID > 0 && f.id == f.key.ID {
		return nil
	}
	if f.key.ID > 0 {
		there, err := atSource(ctx, there, f.key.ID)
		if err != nil {
			return err
		}
		if there {
			if f.id != 0 {
				f.others = append([]int64{f.id}, f.others...)
			}
			f.id = f.key.ID
			return nil
		}
	}
	if f.id != 0 || f.code == "" {
		if f.id == 0 {
			f.id = f.key.ID
		}
		return nil
	}
	return f.byCode(ctx, there)
}

func atSource(ctx context.Context, there CardSource, id int64) (bool, error) {
	snap, err := there.CardSnapshot(ctx)
	if err != nil {
		return false, err
	}
	defer snap.Close()
	raw, err := snap.Raw(ctx, entity.Card, id)
	return raw != nil, err
}

// byCode looks for a code that the engine does not know at the source. There it is spelled as somebody typed it: the index finds
// the spellings that it most likely has.
func (f *cardFacts) byCode(ctx context.Context, there CardSource) error {
	snap, err := there.CardSnapshot(ctx)
	if err != nil {
		return err
	}
	defer snap.Close()
	trimmed := strings.TrimSpace(f.key.Code)
	ids, whole, err := snap.CodeOwners(ctx, []string{f.code, f.key.Code, trimmed, strings.ToLower(trimmed)})
	if err != nil {
		return err
	}
	f.searched = whole
	if f.id = f.key.ID; len(ids) > 0 {
		f.id, f.others = ids[0], ids[1:]
	}
	return nil
}

// read reads the card's rows from the source: the card, and by their ids the lines and moves that the engine has of it.
func (f *cardFacts) read(ctx context.Context, snap CardSnapshot, scan bool) error {
	if f.id == 0 {
		return nil
	}
	var err error
	if f.raw, err = snap.Raw(ctx, entity.Card, f.id); err != nil {
		return err
	}
	err = snap.ByID(ctx, entity.Card, []int64{f.id}, func(row entity.Row) error {
		f.row = &row
		return nil
	})
	if err != nil {
		return err
	}
	if f.row != nil {
		if f.young, err = f.isYoung(ctx, snap, entity.Card, f.id); err != nil {
			return err
		}
	}
	f.copies, f.fresh = map[string]map[int64]entity.Row{}, map[string]map[int64]bool{}
	if err := f.readChildren(ctx, snap, entity.History, f.here.Lines); err != nil {
		return err
	}
	if err := f.readChildren(ctx, snap, entity.Move, f.here.Moves); err != nil {
		return err
	}
	if f.cost, err = snap.LedgerCost(ctx); err != nil || !scan || f.row == nil {
		return err
	}
	if err := f.scan(ctx, snap); err != nil || f.ledger == nil {
		return err
	}
	return f.askAboutMissing(ctx, snap)
}

// scan reads the card's ledger from the source, unless that takes too long.
func (f *cardFacts) scan(ctx context.Context, snap CardSnapshot) error {
	limited, cancel := context.WithTimeout(ctx, scanLimit)
	defer cancel()
	ledger, err := snap.CardLedger(limited, f.id, engine.LinesShown)
	switch {
	case err == nil:
		f.ledger = ledger
	case engine.ClassOf(err) == engine.ClassRetry && ctx.Err() == nil:
		f.cost += "; just now it took too long and was given up: " + err.Error()
	default:
		return err
	}
	return nil
}

// mostAsked bounds how many rows are asked whether they are young: each is a look by primary key.
const mostAsked = 50

func (f *cardFacts) readChildren(ctx context.Context, snap CardSnapshot, e *entity.Entity, copies []Copy) error {
	ids := make([]int64, len(copies))
	for i, c := range copies {
		ids[i] = c.ID
	}
	rows := map[int64]entity.Row{}
	err := snap.ByID(ctx, e, ids, func(row entity.Row) error {
		rows[row.ID] = row
		return nil
	})
	if err != nil {
		return err
	}
	f.copies[e.Name] = rows
	for _, c := range copies {
		if row, there := rows[c.ID]; there && len(differing(e, &row, c)) > 0 {
			if err := f.ask(ctx, snap, e, c.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

// askAboutMissing asks of the lines that only the source has whether they are young.
func (f *cardFacts) askAboutMissing(ctx context.Context, snap CardSnapshot) error {
	for _, line := range f.ledger.Lines {
		if !f.knows(line.ID) {
			if err := f.ask(ctx, snap, entity.History, line.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

// knows reports whether the engine has a line, or quarantine.
func (f *cardFacts) knows(line int64) bool {
	return slices.ContainsFunc(f.here.Lines, func(c Copy) bool { return c.ID == line }) ||
		slices.ContainsFunc(f.here.Refused, func(r Refused) bool { return r.ID == line })
}

func (f *cardFacts) ask(ctx context.Context, snap CardSnapshot, e *entity.Entity, id int64) error {
	if f.fresh[e.Name] == nil {
		f.fresh[e.Name] = map[int64]bool{}
	}
	if len(f.fresh[e.Name]) >= mostAsked {
		return nil
	}
	young, err := f.isYoung(ctx, snap, e, id)
	if young.Known {
		f.fresh[e.Name][id] = young.Value
	}
	return err
}

// isYoung reports whether a row that the source has was written since the last cycle read its entity; unknown without such a
// cycle.
func (f *cardFacts) isYoung(ctx context.Context, snap CardSnapshot, e *entity.Entity, id int64) (engine.Maybe[bool], error) {
	floor, ok := f.here.Floors[e.Name]
	if !ok {
		return engine.Maybe[bool]{}, nil
	}
	all, young, err := snap.IDs(ctx, e, id-1, id, floor.Floor)
	if err != nil || len(all) == 0 {
		return engine.Maybe[bool]{}, err
	}
	return engine.Known(len(young) > 0), nil
}
