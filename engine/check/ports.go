// Package check proves the engine right: it compares both sides range by range, tells a difference from a change under way,
// names causes, follows Odoo's own ledger, and plans repairs.
//
// A look at a range goes like this:
//
//	engine view (one REPEATABLE READ state) → its floor, what quarantine and extras explain → digests of the rest
//	source snapshot, taken behind it         → digests of the same rows
//	chunks that differ → smaller chunks → rows → fields, compared in Go by the code that loads them
//
// The engine is read first, so that the source's state is never older than the engine's: a row that no transaction since the
// engine's floor has written must then be in the engine as it is. Where it is not, the difference is settled at once. What was
// written since may be under way: it is settled once a cycle that was planned behind the look has ended and the source's row
// is still the same version.
package check

import (
	"context"
	"time"

	"ferry/engine"
	"ferry/engine/cycle"
	"ferry/engine/entity"
)

// Source is the database that the engine is compared with.
type Source interface {
	// Identity names cluster and database.
	Identity(ctx context.Context) (string, error)
	// Look begins a short read-only transaction. What it sees is fixed by its first statement.
	Look(ctx context.Context) (SourceSnapshot, error)
}

// Engine is the database that is proven right.
type Engine interface {
	// View begins a read-only transaction. What it sees is fixed before View returns.
	View(ctx context.Context) (EngineView, error)
}

// SourceSnapshot is one state of the source, as a check reads it. It is for one goroutine.
type SourceSnapshot interface {
	cycle.SourceSnapshot
	// Cells gives the cells of a grid that hold a row with an id above 0, in order, by the ids that they are above.
	Cells(ctx context.Context, e *entity.Entity, width int64) ([]int64, error)
	// Digests sums up the rows with ids above low up to high, by chunks of width ids, in order; empty chunks are left out. Rows
	// of the excluded ids do not count. Nor do rows of which SQL cannot say exactly what would be stored: they are listed in
	// Inexact.
	Digests(ctx context.Context, e *entity.Entity, low, high, width int64, excluded []int64) ([]Chunk, error)
	// Versions names the versions of the rows of some ids: another text means that another transaction has written the row since.
	// Young are those that transactions from the floor on have written.
	Versions(ctx context.Context, e *entity.Entity, ids []int64, floor cycle.Floor) (map[int64]Version, error)
}

// Version is which version of its row a snapshot sees.
type Version struct {
	Name  string
	Young bool // written by a transaction from the floor on
}

// EngineView is one state of the engine: everything it says is of one moment.
type EngineView interface {
	// At is that moment, and whether the engine was at rest: no writing run was active, and the last one ended well, so that
	// nothing was half carried.
	At() (at Moment, atRest bool)
	// Now is the time by the engine's clock, which goes on while the view stands still.
	Now(ctx context.Context) (time.Time, error)
	// Base is what the last completed cycle of an entity has left: what the next one will not read again.
	Base(ctx context.Context, e *entity.Entity) (cycle.Base, error)
	// ReadFrom is when the last completed cycle of an entity began to read; zero: there was none.
	ReadFrom(e *entity.Entity) time.Time
	// Explained gives, of the ids above low up to high, those of which quarantine or extras explain why both sides differ.
	Explained(ctx context.Context, e *entity.Entity, of cycle.Scope) (Explained, error)
	// Digests sums up the rows with an Odoo id like the source's.
	Digests(ctx context.Context, e *entity.Entity, low, high, width int64, excluded []int64) ([]Chunk, error)
	// Stored reads the engine's rows of a scope, in id order.
	Stored(ctx context.Context, e *entity.Entity, of cycle.Scope) (*cycle.Stored, error)
	// Present gives those of the ids that are in the engine.
	Present(ctx context.Context, e *entity.Entity, ids []int64) (map[int64]bool, error)
	// Derived gives the derived columns and links of a scope's rows that do not follow from the engine's own rows, in id order.
	Derived(ctx context.Context, e *entity.Entity, of cycle.Scope) ([]Derived, error)
	Close()
}

// Explained are ids that are told apart from a comparison, each in order.
type Explained struct {
	ByCause map[engine.Cause][]int64
}

// Moment is where a view stands.
type Moment struct {
	Time     time.Time // by the engine's clock; the view sees nothing that began to be written later
	Snapshot string    // what the view sees, by the engine's own name for it
}

// Derived is a derived column of a row, or the link to a parent, that does not follow from what it derives from.
type Derived struct {
	Row              int64
	Column           string
	Expected, Target engine.Maybe[string] // canonical; unknown is NULL
	From             string               // what it follows from, in one text: another one means that it was fed since
	Owned            bool                 // the engine has made the row its own
}

// Chunk sums up the rows of one range of ids.
type Chunk struct {
	Number  int64 // ids above Number × width
	Rows    int64
	Sum     string  // of a hash of each row, the same arithmetic on both sides
	Inexact []int64 // at the source only, in order; these rows are not in Rows and Sum
}

// Difference is one field of a row, or a row as a whole, that one look found to differ.
type Difference struct {
	Entity   string
	Row      int64
	Field    string // the engine's column; empty: the whole row
	Source   engine.Maybe[string]
	Expected engine.Maybe[string]
	Target   engine.Maybe[string]
	Cause    engine.Cause
	// Settled: nothing that it derives from was written since the engine's floor, and the next cycle reads from there on, so it is
	// no change under way.
	Settled bool
	// Version names what was seen at the source, and of a derived column what it followed from. A later look, behind a cycle
	// that was planned after this one, that finds the same difference and the same version settles it.
	Version string
}

// Look is what one look at some rows found.
type Look struct {
	From        Moment    // of the engine: what became of a row since, the look does not know
	TakenAt     time.Time // by the engine's clock, behind the source's snapshot: a cycle that began to read later saw what this look saw
	Rows        int64     // seen on either side, each once, but for explained ones
	Explained   map[engine.Cause]int64
	Differences []Difference
}
