package entity

// Table describes an engine table as `ferry init` creates it and as an existing one is checked.
type Table struct {
	Columns     []TableColumn // all of them, in order
	Unique      []Unique
	ForeignKeys []ForeignKey
	Indexes     []Index

	// Fill is how full a page is made, in percent. In the room that is left a row's next version lies beside the one before it, and
	// no index hears of it: of 10,000 changed rows of a ledger with six indexes that saved two thirds of the time.
	Fill int
}

// TableColumn is one column of an engine table.
type TableColumn struct {
	Name    string
	Type    string // as PostgreSQL's format_type writes it
	NotNull bool
	Default string // an SQL expression; empty: none
}

// Unique is a unique constraint on one column.
type Unique struct {
	Name     string
	Column   string
	Deferred bool // DEFERRABLE INITIALLY DEFERRED: codes may swap within a transaction
}

// ForeignKey points from one column at the id of another engine table.
type ForeignKey struct {
	Name       string
	Column     string
	References string
}

// Index is an index that readers of the table rely on.
type Index struct {
	Name  string
	Keys  string // SQL: columns with their order
	Where string // SQL predicate; empty: all rows
}

// FirstOwnID is where the engine's own ids begin: synced rows keep their Odoo ids, which are integers far below.
const FirstOwnID int64 = 1 << 40

const (
	typeBigint  = "bigint"
	typeText    = "text"
	typeBoolean = "boolean"
	typePoints  = "numeric(18,2)"
	typeTime    = "timestamp with time zone"
)

// syncColumns end every engine table: whether the engine's change went back to Odoo (the engine's business), and how
// often the stored content changed.
func syncColumns() []TableColumn {
	return []TableColumn{
		{Name: "synced_to_odoo", Type: typeBoolean, NotNull: true, Default: "false"},
		{Name: "sync_version", Type: typeBigint, NotNull: true, Default: "0"},
	}
}
