package digest_test

import (
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"ferry/engine"
	"ferry/engine/check"
	"ferry/engine/cycle"
	"ferry/engine/entity"
)

// ways are those in which a look can be taken: they must find the same.
func (f *ferry) ways(t *testing.T, e *entity.Entity) map[string]check.Look {
	t.Helper()
	all := f.everything(t, e)
	var ids []int64
	for id := range all.High {
		ids = append(ids, id+1)
	}
	listed := all
	listed.IDs = ids
	return map[string]check.Look{
		"by digests":      f.look(t, e, all, nil),
		"row by row":      f.look(t, e, all, &check.Options{Plain: true, Batch: 17}),
		"by listed ids":   f.look(t, e, listed, nil),
		"in small pieces": f.look(t, e, all, &check.Options{Batch: 3}),
	}
}

// found is what all ways find.
func (f *ferry) found(t *testing.T, e *entity.Entity) check.Look {
	t.Helper()
	looks := f.ways(t, e)
	out := looks["row by row"]
	require.False(t, out.TakenAt.IsZero())
	for name, look := range looks {
		require.Equal(t, out.Differences, look.Differences, "%s, %s", e.Name, name)
		require.Equal(t, out.Rows, look.Rows, "%s, %s", e.Name, name)
		require.Equal(t, out.Explained, look.Explained, "%s, %s", e.Name, name)
	}
	return out
}

func TestEqualSidesDifferInNothing(t *testing.T) {
	t.Parallel()
	f := loaded(t)
	for _, e := range entity.All() {
		look := f.found(t, e)
		require.Empty(t, look.Differences, e.Name)
		explained := int64(0)
		for _, n := range look.Explained {
			explained += n
		}
		require.Equal(t, one[int64](t, f.odoo, `SELECT count(*) FROM `+e.Name), look.Rows+explained, "every row is compared or explained")
		require.Equal(t, one[int64](t, f.target, `SELECT count(*) FROM ferry.quarantine WHERE entity = $1 AND state IN ('open', 'waived')`, e.Name),
			look.Explained[engine.CauseQuarantined])
		require.Positive(t, explained, "the dump has rows that are rejected")
	}
}

// rowOf gives an id of the engine's.
func (f *ferry) rowOf(t *testing.T, sql string, args ...any) int64 {
	t.Helper()
	return one[int64](t, f.target, sql, args...)
}

// inner are ledger lines from which no card's points follow, and that are not in quarantine.
const inner = `(SELECT * FROM point_history h
	WHERE odoo_history_id < (SELECT max(odoo_history_id) FROM point_history x WHERE x.loyalty_card_id = h.loyalty_card_id)
	AND NOT EXISTS (SELECT FROM ferry.quarantine q
		WHERE q.entity = 'loyalty_point_history' AND q.source_id = h.id AND q.state IN ('open', 'waived', 'waiting_parent')))`

// good are rows that are not in quarantine.
func good(e *entity.Entity) string {
	return `(SELECT * FROM ` + e.Target + ` t WHERE NOT EXISTS (SELECT FROM ferry.quarantine q
		WHERE q.entity = '` + e.Name + `' AND q.source_id = t.id AND q.state IN ('open', 'waived', 'waiting_parent')))`
}

func known(s string) engine.Maybe[string] { return engine.Known(s) }

// A fault is planted, and it is found: as what, is told in words that a person can check.
func TestEveryKindOfFaultIsFoundAndNamed(t *testing.T) {
	t.Parallel()
	f := loaded(t)
	text := func(sql string, id int64) engine.Maybe[string] { return known(one[string](t, f.target, sql, id)) }
	var want []check.Difference
	expect := func(e *entity.Entity, d check.Difference) {
		d.Entity, d.Settled = e.Name, true
		want = append(want, d)
	}
	lines := func(offset int, where string) int64 {
		return f.rowOf(t, `SELECT id FROM `+inner+` h WHERE `+where+` ORDER BY id OFFSET $1 LIMIT 1`, offset)
	}

	corrupted := lines(0, "origin IS NOT NULL")
	expect(entity.History, check.Difference{
		Row: corrupted, Field: "origin", Source: text(`SELECT origin FROM point_history WHERE id = $1`, corrupted),
		Expected: text(`SELECT origin FROM point_history WHERE id = $1`, corrupted), Target: known("corrupt"), Cause: engine.CauseField,
	})
	decimal := lines(1, "true")
	expect(entity.History, check.Difference{
		Row: decimal, Field: "points_amount", Source: text(`SELECT points_amount::text FROM point_history WHERE id = $1`, decimal),
		Expected: text(`SELECT points_amount::text FROM point_history WHERE id = $1`, decimal),
		Target:   text(`SELECT (points_amount + 0.01)::text FROM point_history WHERE id = $1`, decimal), Cause: engine.CauseField,
	})
	missing := lines(2, "true")
	expect(entity.History, check.Difference{Row: missing, Cause: engine.CauseMissing})
	unlinked, elsewhere := lines(1, "point_move_id IS NOT NULL AND id > "+strconv.FormatInt(missing, 10)),
		lines(2, "point_move_id IS NOT NULL AND id > "+strconv.FormatInt(missing, 10))
	other := f.rowOf(t, `SELECT min(id) FROM point_moves WHERE id <> (SELECT point_move_id FROM point_history WHERE id = $1)`, elsewhere)
	expect(entity.History, check.Difference{
		Row: unlinked, Field: "point_move_id",
		Expected: text(`SELECT odoo_move_id::text FROM point_history WHERE id = $1`, unlinked), Cause: engine.CauseField,
	})
	expect(entity.History, check.Difference{
		Row: elsewhere, Field: "point_move_id", Expected: text(`SELECT odoo_move_id::text FROM point_history WHERE id = $1`, elsewhere),
		Target: known(strconv.FormatInt(other, 10)), Cause: engine.CauseField,
	})
	shifted := f.rowOf(t, `SELECT min(id) FROM `+good(entity.Move)+` m`)
	expect(entity.Move, check.Difference{
		Row: shifted, Field: "gain_date",
		Source: text(`SELECT to_char(gain_date AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US') FROM point_moves WHERE id = $1`, shifted),
		Target: text(`SELECT to_char((gain_date + interval '2 hours') AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US')
			FROM point_moves WHERE id = $1`, shifted),
		Cause: engine.CauseField,
	})
	extra := f.everything(t, entity.Move).High + 3
	expect(entity.Move, check.Difference{Row: extra, Cause: engine.CauseExtra})
	swapped := f.rowOf(t, `SELECT min(id) FROM `+good(entity.Card)+` c`)
	with := f.rowOf(t, `SELECT max(id) FROM `+good(entity.Card)+` c`)
	for _, ids := range [][2]int64{{swapped, with}, {with, swapped}} {
		code := text(`SELECT code FROM loyalty_cards WHERE id = $1`, ids[0])
		expect(entity.Card, check.Difference{
			Row: ids[0], Field: "code", Source: code, Expected: code, Cause: engine.CauseField,
			Target: text(`SELECT code FROM loyalty_cards WHERE id = $1`, ids[1]),
		})
	}
	tampered := f.rowOf(t, `SELECT min(id) FROM `+good(entity.Card)+` c WHERE id > $1 AND id IN (SELECT loyalty_card_id FROM point_history)`, swapped)
	expect(entity.Card, check.Difference{
		Row: tampered, Field: "points", Expected: text(`SELECT points::text FROM loyalty_cards WHERE id = $1`, tampered),
		Target: text(`SELECT (points - 1)::text FROM loyalty_cards WHERE id = $1`, tampered), Cause: engine.CauseField,
	})

	id := func(n int64) string { return strconv.FormatInt(n, 10) }
	exec(t, f.target,
		`UPDATE point_history SET origin = 'corrupt' WHERE id = `+id(corrupted),
		`UPDATE point_history SET points_amount = points_amount + 0.01 WHERE id = `+id(decimal),
		`DELETE FROM point_history WHERE id = `+id(missing),
		`UPDATE point_history SET point_move_id = NULL WHERE id = `+id(unlinked),
		`UPDATE point_history SET point_move_id = `+id(other)+` WHERE id = `+id(elsewhere),
		`UPDATE point_moves SET gain_date = gain_date + interval '2 hours' WHERE id = `+id(shifted),
		`INSERT INTO point_moves (id, odoo_move_id, loyalty_card_id) VALUES (`+id(extra)+`, `+id(extra)+`, `+id(tampered)+`)`,
		`UPDATE loyalty_cards c SET code = o.code FROM loyalty_cards o
			WHERE (c.id, o.id) IN ((`+id(swapped)+`, `+id(with)+`), (`+id(with)+`, `+id(swapped)+`))`,
		`UPDATE loyalty_cards SET points = points - 1 WHERE id = `+id(tampered),
	)
	for _, e := range entity.All() {
		var planted []check.Difference
		for _, d := range want {
			if d.Entity == e.Name {
				planted = append(planted, d)
			}
		}
		found := f.found(t, e).Differences
		require.Len(t, found, len(planted), "%s: %+v", e.Name, found)
		for _, d := range planted {
			at := slices.IndexFunc(found, func(got check.Difference) bool { return got.Row == d.Row && got.Field == d.Field })
			require.GreaterOrEqual(t, at, 0, "%s %d %s", d.Entity, d.Row, d.Field)
			got := found[at]
			require.NotEmpty(t, got.Version)
			got.Version = ""
			switch {
			case d.Row == shifted && d.Entity == entity.Move.Name:
				require.Equal(t, got.Expected.Value, got.Source.Value)
				got.Source, got.Target = plainTime(got.Source), plainTime(got.Target)
				got.Expected = engine.Maybe[string]{}
			case d.Row == extra:
				d.Settled = false // whether the source had it a moment ago, one look cannot tell
			}
			require.Equal(t, d, got)
		}
	}
}

// plainTime writes all six digits of the fraction, and no zone.
func plainTime(v engine.Maybe[string]) engine.Maybe[string] {
	text := v.Value[:len(v.Value)-1]
	if len(text) == len("2006-01-02T15:04:05") {
		text += "."
	}
	for len(text) < len("2006-01-02T15:04:05.000000") {
		text += "0"
	}
	return known(text)
}

func TestWhatWasWrittenSinceTheLastCycleIsInFlight(t *testing.T) {
	t.Parallel()
	f := loaded(t)
	line := f.rowOf(t, `SELECT min(id) FROM `+inner+` h`)
	exec(t, f.odoo, `UPDATE loyalty_point_history SET origin = 'new' WHERE id = `+strconv.FormatInt(line, 10),
		`INSERT INTO loyalty_point_history (loyalty_card_id, points_amount, points_balance, transaction_time) VALUES (NULL, 1, 1, now())`)
	added := one[int64](t, f.odoo, `SELECT max(id)::bigint FROM loyalty_point_history`)
	gone := f.rowOf(t, `SELECT max(id) FROM `+good(entity.Move)+` m
		WHERE id NOT IN (SELECT odoo_move_id FROM point_history WHERE odoo_move_id IS NOT NULL)`)
	exec(t, f.odoo, `DELETE FROM loyalty_point_move WHERE id = `+strconv.FormatInt(gone, 10))

	look := f.found(t, entity.History)
	require.Len(t, look.Differences, 2, "%+v", look.Differences)
	require.Equal(t, line, look.Differences[0].Row)
	require.Equal(t, engine.CauseField, look.Differences[0].Cause)
	require.Equal(t, added, look.Differences[1].Row)
	require.Equal(t, engine.CauseMissing, look.Differences[1].Cause, "the rules reject it, but quarantine does not have it yet")
	for _, d := range look.Differences {
		require.False(t, d.Settled, "%+v", d)
	}
	look = f.found(t, entity.Move)
	require.Len(t, look.Differences, 1)
	require.Equal(t, check.Difference{Entity: entity.Move.Name, Row: gone, Cause: engine.CauseExtra, Version: "absent"}, look.Differences[0])

	id, err := f.StartIncremental(t.Context(), engine.StartOptions{})
	require.NoError(t, err)
	f.await(t, id)
	for _, e := range entity.All() {
		require.Empty(t, f.found(t, e).Differences, "the next cycle has carried it")
	}
	require.EqualValues(t, 1, f.found(t, entity.Move).Explained[engine.CauseDeletedAtSource])

	// What quarantine forgot is no change under way: the cycle has read the row.
	exec(t, f.target, `DELETE FROM ferry.quarantine WHERE entity = 'loyalty_point_history' AND source_id = `+strconv.FormatInt(added, 10))
	look = f.found(t, entity.History)
	require.Len(t, look.Differences, 1)
	require.True(t, look.Differences[0].Settled)
}

func TestARowOfTheEnginesOwnThatDiffersWasWrittenThere(t *testing.T) {
	t.Parallel()
	f := loaded(t)
	card := f.rowOf(t, `SELECT min(id) FROM `+good(entity.Card)+` c`)
	exec(t, f.target, `UPDATE loyalty_cards SET partner_id = 4711, points = points + 5, synced_to_odoo = true WHERE id = `+strconv.FormatInt(card, 10))
	look := f.found(t, entity.Card)
	require.Len(t, look.Differences, 2)
	for _, d := range look.Differences {
		require.Equal(t, engine.CauseWrittenOnTarget, d.Cause)
		require.Contains(t, []string{"partner_id", "points"}, d.Field)
	}
}

func TestARowThatTheRulesRejectNowIsExpectedNowhere(t *testing.T) {
	t.Parallel()
	f := loaded(t)
	line := f.rowOf(t, `SELECT min(id) FROM `+inner+` h`)
	exec(t, f.odoo, `UPDATE loyalty_point_history SET points_balance = 'NaN', points_amount = 1e300 WHERE id = `+strconv.FormatInt(line, 10))
	look := f.found(t, entity.History)
	require.Len(t, look.Differences, 2)
	for _, d := range look.Differences {
		require.Equal(t, map[string]string{"points_balance": "not a finite number", "points_amount": "beyond 16 digits"}[d.Field], d.Source.Value)
		require.False(t, d.Expected.Known)
		require.True(t, d.Target.Known)
		require.False(t, d.Settled)
	}
}

// Between two rows a plain sum of values, or of hashes of values, sees no exchange. This is what it would have missed.
func TestValuesThatTwoRowsExchangeAreFound(t *testing.T) {
	t.Parallel()
	f := loaded(t)
	first := f.rowOf(t, `SELECT min(id) FROM `+inner+` h`)
	ids := []int64{first, f.rowOf(t, `SELECT min(id) FROM `+inner+` h
		WHERE points_amount <> (SELECT points_amount FROM point_history WHERE id = $1)`, first)}
	slices.Sort(ids)
	const plain = `SELECT sum(hash_array_extended(ARRAY[points_amount::float8], 0))::text FROM point_history`
	before := one[string](t, f.target, plain)
	exec(t, f.target, `UPDATE point_history SET points_amount = points_amount + 0.5 WHERE id = `+strconv.FormatInt(ids[1], 10))
	require.NotEqual(t, before, one[string](t, f.target, plain))
	exec(t, f.target, `UPDATE point_history SET points_amount = points_amount - 0.5 WHERE id = `+strconv.FormatInt(ids[1], 10))

	exec(t, f.target, `UPDATE point_history h SET points_amount = (SELECT points_amount FROM point_history o WHERE o.id <> h.id AND o.id IN (`+
		strconv.FormatInt(ids[0], 10)+`, `+strconv.FormatInt(ids[1], 10)+`))
		WHERE id IN (`+strconv.FormatInt(ids[0], 10)+`, `+strconv.FormatInt(ids[1], 10)+`)`)
	require.Equal(t, before, one[string](t, f.target, plain), "a plain sum misses it")
	look := f.found(t, entity.History)
	require.Len(t, look.Differences, 2)
	require.Equal(t, ids[0], look.Differences[0].Row)
	require.Equal(t, ids[1], look.Differences[1].Row)
}

func TestAScopeSaysNothingOfOtherRows(t *testing.T) {
	t.Parallel()
	f := loaded(t)
	line := f.rowOf(t, `SELECT min(id) FROM `+inner+` h`)
	exec(t, f.target, `UPDATE point_history SET origin = 'corrupt' WHERE id = `+strconv.FormatInt(line, 10))
	require.Len(t, f.look(t, entity.History, cycle.Scope{Low: line - 1, High: line}, nil).Differences, 1)
	require.Empty(t, f.look(t, entity.History, cycle.Scope{Low: line, High: line + 1000}, nil).Differences)
	require.Empty(t, f.look(t, entity.History, cycle.Scope{High: line - 1}, nil).Differences)
	require.Empty(t, f.look(t, entity.History, cycle.Scope{IDs: []int64{}}, nil).Differences)
}

// A cycle that will read every row again may mend what the last one left: as long as it is due, nothing is settled by one look.
func TestNothingIsSettledAtOnceByAFloorThatHoldsNoMore(t *testing.T) {
	t.Parallel()
	f := loaded(t)
	line := f.rowOf(t, `SELECT min(id) FROM `+inner+` h`)
	exec(t, f.target, `UPDATE point_history SET origin = 'corrupt' WHERE id = `+strconv.FormatInt(line, 10), `CREATE TABLE floors AS TABLE ferry.floor`)
	settled := func() bool {
		look := f.look(t, entity.History, f.everything(t, entity.History), nil)
		require.Len(t, look.Differences, 1)
		return look.Differences[0].Settled
	}
	require.True(t, settled())
	for name, change := range map[string]string{
		"rows are stored otherwise":   `rules_hash = 'another'`,
		"another source was read":     `source_identity = 'another'`,
		"the source failed over":      `timeline = timeline + 1`,
		"the source was set back":     `floor = '4000000000', next_xid = '4000000000'`,
		"the columns are other ones":  `shape = 'another'`,
		"no cycle has been completed": `entity = 'another ' || entity`,
	} {
		exec(t, f.target, `UPDATE ferry.floor SET `+change)
		if name == "another source was read" {
			of := f.everything(t, entity.History)
			require.False(t, f.look(t, entity.History, of, &check.Options{Identity: "this one"}).Differences[0].Settled, name)
		} else {
			require.False(t, settled(), name)
		}
		exec(t, f.target, `DELETE FROM ferry.floor`, `INSERT INTO ferry.floor SELECT * FROM floors`)
	}
	require.True(t, settled())
}

// What a cycle left half done is not at rest because something else ended well behind it.
func TestTheEngineIsAtRestBehindACycleThatEndedWell(t *testing.T) {
	t.Parallel()
	f := loaded(t)
	card := f.rowOf(t, `SELECT min(id) FROM `+good(entity.Card)+` c`)
	exec(t, f.target, `UPDATE loyalty_cards SET points = points + 1 WHERE id = `+strconv.FormatInt(card, 10))
	ran := func(kind, state string) bool {
		exec(t, f.target, `INSERT INTO ferry.run OVERRIDING SYSTEM VALUE SELECT (jsonb_populate_record(r, jsonb_build_object(
			'id', nextval(pg_get_serial_sequence('ferry.run', 'id')), 'kind', '`+kind+`', 'state', '`+state+`'))).* FROM ferry.run r ORDER BY id LIMIT 1`)
		look := f.look(t, entity.Card, f.everything(t, entity.Card), nil)
		require.Len(t, look.Differences, 1)
		require.Equal(t, "points", look.Differences[0].Field)
		return look.Differences[0].Settled
	}
	require.True(t, ran("repair", "done"))
	require.False(t, ran("incremental", "failed"))
	require.False(t, ran("repair", "done"), "it has not settled what the cycle left")
	require.True(t, ran("incremental", "done"))
	require.False(t, ran("repair", "cancelled"))
	require.True(t, ran("full", "done"))
}

// Doubles end to tell integers apart at 2^53, and a column of an installation may be a bigint.
func TestIntegersThatADoubleCannotTellApartAreFound(t *testing.T) {
	t.Parallel()
	f := loaded(t)
	line := f.rowOf(t, `SELECT min(id) FROM `+inner+` h`)
	at := ` WHERE id = ` + strconv.FormatInt(line, 10)
	exec(t, f.odoo, `ALTER TABLE loyalty_point_history ALTER membership_product_id TYPE bigint`)
	for _, sides := range [][2]string{
		{"9007199254740993", "9007199254740992"}, {"9007199254740992", "9007199254740993"}, {"-9007199254740993", "-9007199254740992"},
	} {
		exec(t, f.odoo, `UPDATE loyalty_point_history SET membership_product_id = `+sides[0]+at)
		exec(t, f.target, `UPDATE point_history SET membership_product_id = `+sides[1]+at)
		look := f.found(t, entity.History)
		require.Len(t, look.Differences, 1)
		require.Equal(t, known(sides[1]), look.Differences[0].Target)
		exec(t, f.target, `UPDATE point_history SET membership_product_id = `+sides[0]+at)
		require.Empty(t, f.found(t, entity.History).Differences)
	}
}
