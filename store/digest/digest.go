// Package digest is the arithmetic by which both databases sum up their rows, so that millions of them can be compared
// without being sent. There is one definition of what equal rows are, in two dialects: Source speaks of Odoo's columns,
// Engine of the engine's. What it calls equal is what the code that loads rows would store (tested on millions of values).
//
// Where SQL cannot say exactly what would be stored, it must never say "equal" for what is not; "different" for what is equal
// costs only a look at the rows themselves. So values that the engine cannot hold, and points beyond ±1e11, have a form at the
// source that no engine row has, and nothing that may be in a table makes a statement fail.
//
// Canonical values, by kind:
//
//	ints    double precision: exact below 2^53, and Odoo's ints end at 2^31; what a wider column has beyond is nowhere
//	points  the double precision nearest to the number of two places: numbers of up to 15 digits have one each
//	times   the eight bytes of their microseconds
//	texts   as they are, codes of plain ASCII trimmed and in upper case
//
// A row's hash combines hashes of its columns, each seeded with the row's id and depending on the column's place, so neither
// two columns nor two rows can exchange values unseen; sums of row hashes then miss nothing that a sum can see. Doubles and
// bytes are hashed in full, where PostgreSQL's hashes of bigint and timestamp would fold 64 bits to 32 first, and its hash of
// numeric would ignore the sign.
package digest

import (
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"ferry/engine/entity"
)

// Side is one database's dialect for one entity.
type Side struct {
	id      string // the row's id, a bigint
	from    string // table, with what is always asked of its rows
	numbers []string
	times   []string
	texts   []string
	inexact string // condition: SQL does not say exactly what would be stored; empty: it always does
}

// Source is the dialect of a source that has the entity's columns in the given shape.
func Source(e *entity.Entity, shape entity.Shape) Side {
	s := Side{id: "id::bigint", from: pgx.Identifier{"public", e.Name}.Sanitize() + " WHERE true"}
	for i, c := range e.Columns {
		if c.Target == "" {
			continue
		}
		name := pgx.Identifier{c.Source}.Sanitize()
		absent := shape[i] == entity.WireAbsent
		switch {
		case c.Kind == entity.KindInt || c.Kind == entity.KindPoints:
			s.numbers = append(s.numbers, sourceNumber(shape[i], name))
		case c.Kind == entity.KindTime && absent:
			s.times = append(s.times, "NULL::bytea")
		case c.Kind == entity.KindTime:
			s.times = append(s.times, "timestamp_send("+name+")")
		case absent:
			s.texts = append(s.texts, "NULL::text")
		case i == e.Code:
			s.texts = append(s.texts, plainCode(name))
			s.inexact = notPlain(name)
		default:
			s.texts = append(s.texts, name+"::text")
		}
	}
	return s
}

// Engine is the dialect of the engine's table. A link to a parent is right or empty: whether an empty one is right, a row alone
// cannot say.
func Engine(e *entity.Entity) Side {
	id := pgx.Identifier{e.OdooID}.Sanitize()
	s := Side{id: id, from: pgx.Identifier{"public", e.Target}.Sanitize() + " WHERE " + id + " IS NOT NULL"}
	links := map[int]string{}
	for _, p := range e.Parents {
		if p.Link != "" {
			links[p.Column] = pgx.Identifier{p.Link}.Sanitize()
		}
	}
	for i, c := range e.Columns {
		if c.Target == "" {
			continue
		}
		name := pgx.Identifier{c.Target}.Sanitize()
		switch c.Kind {
		case entity.KindInt:
			s.numbers = append(s.numbers, engineInt(name, links[i]))
		case entity.KindPoints:
			s.numbers = append(s.numbers, name+"::float8")
		case entity.KindTime:
			s.times = append(s.times, "timestamptz_send("+name+")")
		case entity.KindText:
			s.texts = append(s.texts, name)
		}
	}
	return s
}

// nowhere is a number that no engine row has: numeric(18,2) and bigint know no infinity.
const nowhere = `'Infinity'::float8`

func engineInt(name, link string) string {
	if link == "" {
		return name + "::float8"
	}
	return "CASE WHEN " + link + " IS NULL OR " + link + " = " + name + " THEN " + name + "::float8 ELSE " + nowhere + " END"
}

// sourceNumber is an int, or points as the engine would hold them. NULL points are 0.
//
// Points p in double precision, |p| < 1e11, in the order in which they are cheap:
//
//   - round(p*100)/100 = p: the left side is the double nearest to a number k/100 of at most 13 digits, because k is an integer
//     below 2^53, exact, and a division of exact operands is rounded correctly. Up to 15 digits two decimals never share a
//     nearest double, so k/100 is the shortest decimal of p: there is nothing to round, and p is its own canonical form.
//   - |p*100 − round(p*100)| < 0.4: p and its shortest decimal s differ by less than one unit in the last place of p, below
//     1.6e-5 for |p| < 1e11, and the product adds half a unit of its own, below 1e-3 for products below 1e13. So s*100 is
//     within 0.4 + 0.003 of the integer, no tie is near, and s rounds to it. (Most of the residues that sums of floats leave.)
//   - else its shortest decimal decides, as text, which is that of extra_float_digits = 1.
//
// What is NaN, infinite or larger is nowhere; no product of it is ever taken, for that could overflow.
func sourceNumber(wire entity.Wire, name string) string {
	switch wire {
	case entity.WireFloat8:
		return strings.ReplaceAll(`CASE WHEN abs({p}) < 1e11 THEN
			CASE WHEN round({p} * 100) / 100 = {p} THEN {p}
				WHEN abs({p} * 100 - round({p} * 100)) < 0.4 THEN round({p} * 100) / 100
				ELSE round({p}::text::numeric, 2)::float8 END
			WHEN {p} IS NULL THEN 0 ELSE `+nowhere+` END`, "{p}", name)
	case entity.WireNumeric:
		return "CASE WHEN abs(" + name + ") < 100000000000 THEN round(" + name + ", 2)::float8 WHEN " + name + " IS NULL THEN 0 ELSE " + nowhere + " END"
	case entity.WireInt:
		return name + "::float8"
	case entity.WireInt8:
		return strings.ReplaceAll(`CASE WHEN {n} > -9007199254740992 AND {n} < 9007199254740992 THEN {n}::float8 WHEN {n} IS NOT NULL THEN `+nowhere+` END`,
			"{n}", name)
	case entity.WireAbsent, entity.WireText, entity.WireTime:
	}
	return "NULL::float8"
}

// plainCode is a code of ASCII as entity.CleanCode makes it. (An escape for the vertical tab is not known to PostgreSQL, and
// would take the letter v away.)
func plainCode(name string) string {
	return `upper(btrim(` + name + `::text, E' \t\n\r\x0b\f') COLLATE "C")`
}

// notPlain is the condition that a code is not of ASCII alone, whatever the database's encoding.
func notPlain(name string) string { return name + `::text COLLATE "C" ~ '[^\x01-\x7f]'` }

// Row is SQL for the hash of one row, a bigint. A NULL is told from every value.
func (s Side) Row() string {
	var parts []string
	if len(s.numbers) > 0 {
		parts = append(parts, "hash_array_extended(ARRAY["+strings.Join(s.numbers, ", ")+"]::float8[], "+s.id+")")
	}
	if len(s.times) > 0 {
		parts = append(parts, "hash_array_extended(ARRAY["+strings.Join(s.times, ", ")+"]::bytea[], "+s.seed(1)+")")
	}
	for i, text := range s.texts {
		parts = append(parts, "coalesce(hashtextextended("+text+` COLLATE "C", `+s.seed(2+i)+"), 0)")
	}
	return strings.Join(parts, "\n\t# ")
}

// seed is another seed for each row and place. Ids are far below 2^56.
func (s Side) seed(place int) string {
	return "(" + s.id + " # " + strconv.FormatInt(int64(place)<<56, 10) + ")"
}

// Sums is a statement that sums up the rows with ids above low up to high, but for those whose bit is set in parameter $1, by
// chunks of width ids: number, rows, sum, and ids of the inexact rows, which are in neither. It wants Settings.
//
// Chunks are looked up one by one, by the index on the ids: that is a fifth cheaper than grouping all rows, for to find a row's
// group takes longer than to find the row. OFFSET 0 keeps each chunk a question of its own. What does not count
// is a map of bits, from low on: to look there costs next to nothing however many they are. A table of ids would be hashed row
// by row, or not at all where the planner takes it for larger than work_mem, and then every row would be compared with every id.
func (s Side) Sums(low, high, width int64, but bool) string {
	column := strings.TrimSuffix(s.id, "::bigint") // the index is on the column as it is
	from, to, by := number(low), number(high), number(width)
	where := s.from + " AND " + column + " > greatest(n * " + by + ", " + from + ") AND " + column + " <= least((n + 1) * " + by + ", " + to + ")"
	if but {
		where += s.unless(low, high)
	}
	sums := "count(*) AS rows, coalesce(sum(" + s.Row() + "), 0)::text AS sum, NULL::bigint[] AS inexact"
	if s.inexact != "" {
		exact := "NOT coalesce(" + s.inexact + ", false)"
		sums = "count(*) FILTER (WHERE " + exact + ") AS rows, coalesce(sum(CASE WHEN " + exact + " THEN " + s.Row() + " END), 0)::text AS sum,\n\t" +
			"array_agg(" + s.id + ") FILTER (WHERE NOT (" + exact + ")) AS inexact"
	}
	return "SELECT n, rows, sum, inexact FROM generate_series(" + number(low/width) + ", " + number((high-1)/width) + ") n, LATERAL (SELECT " +
		sums + "\nFROM " + where + "\nOFFSET 0) chunk WHERE rows > 0 OR inexact IS NOT NULL"
}

// unless leaves out the ids above low up to high whose bit is set in parameter $1.
func (s Side) unless(low, high int64) string {
	column := strings.TrimSuffix(s.id, "::bigint")
	return " AND CASE WHEN " + column + " > " + number(low) + " AND " + column + " <= " + number(high) +
		" THEN get_bit($1::bytea, (" + s.id + " - " + number(low) + " - 1)::int) = 0 ELSE false END"
}

// number is an integer for the text of a statement that is planned for its own values.
func number(n int64) string { return strconv.FormatInt(n, 10) + "::bigint" }

// Settings are what a session wants set while it sums up: compiling the expression takes longer than summing up a chunk.
var Settings = map[string]string{"jit": "off"}
