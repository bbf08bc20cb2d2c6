package demo_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
)

// expectation is a query that yields one number, and the bounds it must keep.
type expectation struct {
	what     string
	min, max float64
	sql      string
}

const many = 1e9 // no upper bound

// How rows lie, dirty or clean.
var layout = []expectation{
	{"cards", world, world, `SELECT count(*) FROM loyalty_card`},
	{"moves per card", 0.9, 1.1, `SELECT count(*)::float8 / (SELECT count(*) FROM loyalty_card) FROM loyalty_point_move`},
	{"cards without moves", world / 5, world / 2, `SELECT count(*) FROM loyalty_card c
		WHERE NOT EXISTS (SELECT FROM loyalty_point_move m WHERE m.loyalty_card_id = c.id)`},
	{"cards with several moves", world / 10, world / 2, `SELECT count(*) FROM (
		SELECT FROM loyalty_point_move GROUP BY loyalty_card_id HAVING count(*) > 1) AS c`},
	{"ledger rows per card", 4.8, 5.2, `SELECT count(*)::float8 / (SELECT count(*) FROM loyalty_card) FROM loyalty_point_history`},
	{"programs in use", 9, 9, `SELECT count(DISTINCT program_id) FROM loyalty_card`},
	{"gaps in card ids", 100, many, `SELECT max(id) - count(*) FROM loyalty_card`},
	{"gaps in move ids", 100, many, `SELECT max(id) - count(*) FROM loyalty_point_move`},
	{"gaps in history ids", 100, many, `SELECT max(id) - count(*) FROM loyalty_point_history`},
	{"cards out of place", 1, many, `SELECT count(*) FROM (SELECT id, lag(id) OVER (ORDER BY ctid) AS p FROM loyalty_card) AS t WHERE id < p`},
	{"moves out of place", 1, many, `SELECT count(*) FROM (
		SELECT id, lag(id) OVER (ORDER BY ctid) AS p FROM loyalty_point_move) AS t WHERE id < p`},
	{"history out of place", 1, many, `SELECT count(*) FROM (
		SELECT id, lag(id) OVER (ORDER BY ctid) AS p FROM loyalty_point_history) AS t WHERE id < p`},
	{"generated codes", 0.98, 1, `SELECT avg((code ~ '^044[0-9a-f]-[0-9a-f]{4}-4[0-9a-f]{3}$')::int) FROM loyalty_card`},
	{"archived cards", 0.02, 0.04, `SELECT avg((active IS FALSE)::int) FROM loyalty_card`},
	{"cards that were never archived or not", 0.002, 0.01, `SELECT avg((active IS NULL)::int) FROM loyalty_card`},
	{"NULL points", 0.02, 0.1, `SELECT avg((points IS NULL)::int) FROM loyalty_card`},
	{"neighbours of one card in the ledger", 0, 0.02, `SELECT avg((card = previous)::int) FROM (
		SELECT loyalty_card_id AS card, lag(loyalty_card_id) OVER (ORDER BY id) AS previous FROM loyalty_point_history) AS t`},
	{"ledger in the order of time", 0.97, 0.9999, `SELECT avg((transaction_time >= previous)::int) FROM (
		SELECT transaction_time, lag(transaction_time) OVER (ORDER BY id) AS previous FROM loyalty_point_history) AS t`},
	{"balances with residue", 0.2, 1, `SELECT avg((points_balance::text ~ '\.\d{10}')::int) FROM loyalty_point_history`},
	{"negative residue", 5, many, `SELECT count(*) FROM loyalty_point_history WHERE points_balance < 0 AND points_balance > -1e-6`},
	{"rest with residue", 100, many, `SELECT count(*) FROM loyalty_point_move WHERE remaining_point::text ~ '\.\d{10}'`},
	{"uses without a move", 0.1, 0.25, `SELECT avg((point_move_id IS NULL)::int) FROM loyalty_point_history WHERE name = 'Use'`},
	{"links to another card's move", 0, 0, `SELECT count(*) FROM loyalty_point_history h JOIN loyalty_point_move m ON m.id = h.point_move_id
		WHERE h.loyalty_card_id <> m.loyalty_card_id`},
	{"cards written in one transaction", world / 20, many, `SELECT max(n) FROM (
		SELECT count(*) AS n FROM loyalty_card WHERE write_date IS NOT NULL GROUP BY write_date) AS t`},
	{"ledger rows written in one transaction", 20, many, `SELECT max(n) FROM (
		SELECT count(*) AS n FROM loyalty_point_history WHERE write_date IS NOT NULL GROUP BY write_date) AS t`},
	{"active", 0.6, 0.8, `SELECT avg((state = 'active')::int) FROM loyalty_point_move`},
	{"depleted", 0.1, 0.3, `SELECT avg((state = 'depleted')::int) FROM loyalty_point_move`},
	{"expired", 0.05, 0.2, `SELECT avg((state = 'expired')::int) FROM loyalty_point_move`},
	{"moves for life", 0.1, 0.4, `SELECT avg((expiration_date IS NULL)::int) FROM loyalty_point_move`},
	{"expired in the future", 0, 0, `SELECT count(*) FROM loyalty_point_move WHERE state = 'expired' AND expiration_date > '2026-01-01'
		AND isfinite(expiration_date)`},
	{"gained later, expires earlier", 100, many, `SELECT count(*) FROM loyalty_point_move a JOIN loyalty_point_move b USING (loyalty_card_id)
		WHERE a.gain_date < b.gain_date AND b.expiration_date < a.expiration_date`},
}

// What a source that is well has none of, and one as in production has some of.
var faults = []expectation{
	{"card without partner", world * 0.012, world * 0.03, `SELECT count(*) FROM loyalty_card WHERE coalesce(partner_id, 0) = 0`},
	{"card without program", 1, 20, `SELECT count(*) FROM loyalty_card WHERE coalesce(program_id, 0) = 0`},
	{"blank code", 1, 20, `SELECT count(*) FROM loyalty_card WHERE btrim(code, E' \t\n') = ''`},
	{"codes that collide", 10, 400, `SELECT count(*) FROM (
		SELECT FROM loyalty_card GROUP BY upper(btrim(code, E' \t\n\u00A0')) HAVING count(*) > 1) AS t`},
	{"negative points", 5, world / 50, `SELECT count(*) FROM loyalty_card WHERE points < -0.005`},
	{"points NaN", 1, 20, `SELECT count(*) FROM loyalty_card WHERE points = 'NaN'`},
	{"points infinite", 2, 40, `SELECT count(*) FROM loyalty_card WHERE points IN ('Infinity', '-Infinity')`},
	{"points too large", 2, 40, `SELECT count(*) FROM loyalty_card WHERE points >= 1e16 AND points < 'Infinity'`},
	{"card written never", 5, 200, `SELECT count(*) FROM loyalty_card WHERE write_date IS NULL`},
	{"card at infinity", 2, 40, `SELECT count(*) FROM loyalty_card WHERE NOT isfinite(create_date) OR NOT isfinite(write_date)`},
	{"move of unknown state", 2, 40, `SELECT count(*) FROM loyalty_point_move
		WHERE state IS NULL OR state NOT IN ('active', 'depleted', 'expired')`},
	{"remaining above initial", 1, 40, `SELECT count(*) FROM loyalty_point_move
		WHERE remaining_point > initial_point AND remaining_point < 'NaN'`},
	{"remaining negative", 1, 40, `SELECT count(*) FROM loyalty_point_move WHERE remaining_point < -0.005`},
	{"move NaN", 1, 40, `SELECT count(*) FROM loyalty_point_move WHERE remaining_point = 'NaN' OR initial_point >= 'Infinity'`},
	{"move too large", 1, 40, `SELECT count(*) FROM loyalty_point_move WHERE remaining_point = 1e22`},
	{"move NULL", 1, 40, `SELECT count(*) FROM loyalty_point_move WHERE remaining_point IS NULL AND initial_point IS NULL`},
	{"move at infinity", 2, 40, `SELECT count(*) FROM loyalty_point_move WHERE NOT isfinite(gain_date) OR NOT isfinite(expiration_date)`},
	{"move written never", 1, 100, `SELECT count(*) FROM loyalty_point_move WHERE write_date IS NULL`},
	{"hostile origin", 2, 40, `SELECT (SELECT count(*) FROM loyalty_point_move WHERE origin ~ '\x1B')
		+ (SELECT count(*) FROM loyalty_point_history WHERE origin ~ '\x1B')`},
	{"ledger of deleted cards", 10, world / 20, `SELECT count(*) FROM loyalty_point_history WHERE coalesce(loyalty_card_id, 0) = 0`},
	{"balance negative", 5, world / 20, `SELECT count(*) FROM loyalty_point_history WHERE points_balance < -0.005`},
	{"balance NaN", 1, 20, `SELECT count(*) FROM loyalty_point_history WHERE points_balance = 'NaN'`},
	{"balance NULL", 1, 20, `SELECT count(*) FROM loyalty_point_history WHERE points_balance IS NULL`},
	{"balance too large", 1, 20, `SELECT count(*) FROM loyalty_point_history WHERE points_balance = 1e22`},
	{"amount infinite", 1, 20, `SELECT count(*) FROM loyalty_point_history WHERE points_amount = 'Infinity'`},
	{"amount NULL", 20, world / 20, `SELECT count(*) FROM loyalty_point_history WHERE points_amount IS NULL`},
	{"transaction at infinity", 1, 20, `SELECT count(*) FROM loyalty_point_history WHERE NOT isfinite(transaction_time)`},
	{"ledger row written never", 20, world / 20, `SELECT count(*) FROM loyalty_point_history WHERE write_date IS NULL`},

	{"points unlike the last balance", world * 0.005, world * 0.025, `SELECT count(*) FROM loyalty_card c JOIN (
		SELECT DISTINCT ON (loyalty_card_id) loyalty_card_id, points_balance FROM loyalty_point_history ORDER BY loyalty_card_id, id DESC
		) AS h ON h.loyalty_card_id = c.id WHERE c.points IS DISTINCT FROM h.points_balance`},
	{"points unlike the active moves", world * 0.01, world * 0.06, `SELECT count(*) FROM loyalty_card c WHERE abs(points - (
		SELECT coalesce(sum(remaining_point), 0) FROM loyalty_point_move m WHERE m.loyalty_card_id = c.id AND state = 'active')) > 0.005
		AND EXISTS (SELECT FROM loyalty_point_history h WHERE h.loyalty_card_id = c.id)`},
	// An odd row is wrong itself and makes the one after it look wrong.
	{"balance that does not run", 1, 150, `SELECT count(*) FROM (SELECT points_balance, points_balance - points_amount
		- lag(points_balance, 1, 0) OVER (PARTITION BY loyalty_card_id ORDER BY id) AS off FROM loyalty_point_history
		WHERE loyalty_card_id IS NOT NULL) AS t WHERE abs(off) > 1e-9`},
	{"used before what expires earlier", 0, 30, `SELECT count(*) FROM loyalty_point_move a JOIN loyalty_point_move b USING (loyalty_card_id)
		WHERE coalesce(a.expiration_date, 'infinity') < coalesce(b.expiration_date, 'infinity')
		AND a.remaining_point > 0 AND b.remaining_point < b.initial_point`},
	{"state unlike the rest", 0, 40, `SELECT count(*) FROM loyalty_point_move WHERE (state = 'active') <> (remaining_point > 0)`},
	{"moves that expire in the same second", 0, 20, `SELECT count(*) FROM loyalty_point_move a
		JOIN loyalty_point_move b USING (loyalty_card_id)
		WHERE a.id < b.id AND coalesce(a.expiration_date, 'infinity') = coalesce(b.expiration_date, 'infinity')`},
}

// Kinds of code that people type: each a pattern that some code must match.
var typed = map[string]string{
	"space before": `^ +\w`, "space after": `\w +$`, "tab": `\t`, "new line": `\n`, "bell": "\a", "blank": `^\s+$`,
	"sharp s": `straße`, "collides with sharp s": `^STRASSE$`, "dotted I": `^İstanbul$`, "dotless i": `^ıstanbul$`,
	"full width": `ｆｕｌｌｗｉｄｔｈ`, "thai": `รหัส`, "emoji": `🎁`, "joined emoji": "\u200D",
	"composed": `caf\u00E9`, "combining": `cafe\u0301`,
	"single quote": `o'brien`, "double quote": `"quoted"`, "backslash": `back\\slash`, "NULL": `^NULL$`, "copy's NULL": `^\\N$`,
	"escape sequence": `\x1B\[31m`, "title sequence": `\x1B\]0;`, "bidi override": `\u202E`, "bidi isolate": `\u2066`,
	"zero width": `\u200B`, "byte order mark": `\uFEFF`, "no-break space": `\u00A0`, "ideographic space": `\u3000`,
	"zero": `^0$`, "leading zeroes": `^000123$`, "exponent": `^1e5$`, "formula": `^=1`, "injection": `DROP TABLE`,
	"verbs": `%s%n`, "path": `\.\./`,
	"120 characters":        `^.{120}$`,
	"upper case of another": `^044[0-9A-F]-[0-9A-F]{4}-4[0-9A-F]{3}$`, "another in spaces": `^ 044.-.{4}-.{4} $`,
}

func TestDemoIsShapedLikeProduction(t *testing.T) {
	t.Parallel()
	conn := generated(t, false)
	for _, e := range slices.Concat(layout, faults) {
		n := number(t, conn, e.sql)
		assert.True(t, e.min <= n && n <= e.max, "%s: %g, want %g to %g", e.what, n, e.min, e.max)
	}
	for kind, pattern := range typed {
		n := number(t, conn, `SELECT count(*) FROM loyalty_card WHERE code ~ $1`, pattern)
		assert.Positive(t, n, "no code with %s", kind)
	}
	assert.InDelta(t, world, number(t, conn, `SELECT count(DISTINCT code) FROM loyalty_card`), 0)
}

func TestCleanHasNoFaults(t *testing.T) {
	t.Parallel()
	conn := generated(t, true)
	for _, e := range layout {
		n := number(t, conn, e.sql)
		assert.True(t, e.min <= n && n <= e.max, "%s: %g, want %g to %g", e.what, n, e.min, e.max)
	}
	for _, e := range faults {
		assert.Zero(t, number(t, conn, e.sql), e.what)
	}
	assert.Zero(t, number(t, conn, `SELECT count(*) FROM loyalty_card
		WHERE create_date IS NULL OR write_date < create_date OR code !~ '^[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}$'`))
	assert.Zero(t, number(t, conn, `SELECT count(*) FROM loyalty_point_move WHERE create_date IS NULL OR write_date < create_date
		OR initial_point IS NULL OR remaining_point IS NULL OR expiration_date < gain_date OR initial_point <= 0`))
	assert.Zero(t, number(t, conn, `SELECT count(*) FROM loyalty_point_history WHERE create_date IS NULL OR write_date < transaction_time`))
}
