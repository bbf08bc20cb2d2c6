package control_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strconv"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"ferry/engine"
	"ferry/engine/check"
	"ferry/engine/cycle"
	"ferry/store/odoo"
)

// ledgerRun is a check that has come to its ledger's step, and the source that it reads.
type ledgerRun struct {
	*bundle

	odoo *odoo.DB
	run  string
	step string
}

func (b *bundle) ledgerRun(t *testing.T) *ledgerRun {
	t.Helper()
	source, err := odoo.Open(t.Context(), b.source.DSN, "ferry ledger test")
	require.NoError(t, err)
	t.Cleanup(source.Close)
	run := one(t, b.target, `INSERT INTO ferry.run (kind, writes, state, epoch, source_identity, rules, rules_hash, requested_by)
		SELECT 'check', false, 'running', epoch, source_identity, rules, rules_hash, 'test' FROM ferry.run ORDER BY id LIMIT 1 RETURNING id::text`)
	step := one(t, b.target, `INSERT INTO ferry.step (run_id, seq, verb, entity, state, high, carved, width)
		VALUES ($1::text::bigint, 1, 'ledger', 'loyalty_card', 'running', 1000000, 500000, $2) RETURNING id::text`, run, int64(check.LedgerWidth))
	return &ledgerRun{b, source, run, step}
}

// batch carries out the ledger's step on a range of cards.
func (r *ledgerRun) batch(t *testing.T, low, high int64) error {
	t.Helper()
	r.target.Exec(t, `UPDATE ferry.step SET open = open + 10`) // there are others, so the step goes on
	done := 0
	target := r.ledger.TargetFor(func(context.Context, pgx.Tx) error { done++; return nil })
	for {
		id := atoi(t, one(t, r.target, `INSERT INTO ferry.batch (run_id, step_id, low, high)
			VALUES ($1::text::bigint, $2::text::bigint, $3, $4) RETURNING id::text`, r.run, r.step, low, high))
		w, err := target.Claim(t.Context(), engine.BatchID(id), 1, engine.Process{ID: "test"})
		if err == nil {
			err = check.Ledger(r.odoo)(t.Context(), target, w)
		}
		if errors.Is(err, engine.ErrFenced) {
			continue // it has no job, and its worker is not known: whoever looks for lost batches was faster, and has handed it on
		}
		if err != nil {
			return err
		}
		require.Equal(t, 1, done, "the job is completed with it")
		require.Equal(t, "done", one(t, r.target, `SELECT state FROM ferry.batch WHERE id = $1`, id))
		require.ErrorIs(t, check.Ledger(r.odoo)(t.Context(), target, w), engine.ErrFenced, "once")
		return nil
	}
}

func (b *bundle) ledgerView(t *testing.T) engine.LedgerView {
	t.Helper()
	s, err := b.ledger.Read(t.Context())
	require.NoError(t, err)
	return s.Ledger
}

func (b *bundle) listed(t *testing.T, which engine.LedgerSelection, l engine.Listing) engine.Page[engine.LedgerCard] {
	t.Helper()
	if l.Limit == 0 {
		l.Limit = 1000
	}
	page, err := b.LedgerCards(t.Context(), which, l)
	require.NoError(t, err)
	return page
}

func ids(page engine.Page[engine.LedgerCard]) []int64 {
	out := []int64{}
	for _, c := range page.Rows {
		out = append(out, c.Card)
	}
	return out
}

func TestTheLedgerIsKeptByRangesOfCards(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	done(t, b.full(t))
	require.Equal(t, engine.LedgerView{}, b.ledgerView(t), "nobody has looked")
	cards := atoi(t, one(t, b.source, `SELECT count(*)::text FROM loyalty_card`))
	r := b.ledgerRun(t)
	require.NoError(t, r.batch(t, 0, 100))
	require.NoError(t, r.batch(t, 100, 131072))
	v := b.ledgerView(t)
	run := engine.RunID(atoi(t, r.run))
	require.Equal(t, engine.LedgerView{
		Cards: engine.Known(cards), Drifted: engine.Known[int64](37), History: engine.Known[int64](8), Moves: engine.Known[int64](37),
		Incomplete: engine.Known(atoi(t, incompleteCards(t, b))), Run: run, At: v.At,
	}, v)
	require.Equal(t, engine.LedgerView{Cards: v.Cards, Drifted: v.Drifted, History: v.History, Moves: v.Moves, Incomplete: v.Incomplete, Run: run, At: v.At},
		b.Look(t.Context()).Ledger)
	require.Len(t, b.listed(t, engine.LedgerSelection{}, engine.Listing{}).Rows, 37)

	// Another look at a part of it takes the place of what was known of that part, and of that alone.
	b.source.Exec(t, `UPDATE loyalty_card SET points = (SELECT points_balance FROM loyalty_point_history WHERE loyalty_card_id = 61 ORDER BY id DESC LIMIT 1)
		WHERE id = 61`)
	require.NoError(t, r.batch(t, 0, 100))
	require.EqualValues(t, 36, b.ledgerView(t).Drifted.Value)
	require.Equal(t, cards, b.ledgerView(t).Cards.Value)
	require.NotContains(t, ids(b.listed(t, engine.LedgerSelection{}, engine.Listing{})), int64(61))

	// Behind the last card there is nothing: what was known of cards there is forgotten.
	b.source.Exec(t, `DELETE FROM loyalty_point_move WHERE loyalty_card_id > 100`, `DELETE FROM loyalty_point_history WHERE loyalty_card_id > 100`,
		`DELETE FROM loyalty_card WHERE id > 100`)
	require.NoError(t, r.batch(t, 0, 100))
	require.Equal(t, one(t, b.source, `SELECT count(*)::text FROM loyalty_card`), strconv.FormatInt(b.ledgerView(t).Cards.Value, 10))
	for _, id := range ids(b.listed(t, engine.LedgerSelection{}, engine.Listing{})) {
		require.LessOrEqual(t, id, int64(100))
	}
}

// slow is a source whose ledger takes longer than a snapshot may last.
type slow struct{ asked *int }

func (s slow) Drifted(context.Context, int64, int64) (check.LedgerRange, error) {
	*s.asked++
	return check.LedgerRange{}, &engine.DatabaseError{
		Side: engine.SideSource, Class: engine.ClassRetry, SQLState: "57014", Doing: "comparing balances", Err: errors.New("statement timeout"),
	}
}

func TestARangeOfTheLedgerThatTakesTooLongIsCutInTwo(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	done(t, b.full(t))
	r := b.ledgerRun(t)
	id := atoi(t, one(t, r.target, `INSERT INTO ferry.batch (run_id, step_id, low, high, tries, sqlstate)
		VALUES ($1::text::bigint, $2::text::bigint, 0, 1000, 1, '57014') RETURNING id::text`, r.run, r.step))
	asked := 0
	x := cycle.Executor{
		Source: r.odoo, Process: engine.Process{ID: "test"}, Logger: slog.New(slog.DiscardHandler),
		Others: map[engine.StepVerb]cycle.Verb{engine.StepLedger: check.Ledger(slow{&asked})},
	}
	target := r.ledger.TargetFor(func(context.Context, pgx.Tx) error { return nil })
	require.NoError(t, x.Execute(t.Context(), target, engine.BatchID(id), 1))
	require.Equal(t, 1, asked)
	require.Equal(t, []string{"0-500", "500-1000"}, rows(t, r.target,
		`SELECT low || '-' || high FROM ferry.batch WHERE step_id = $1::text::bigint ORDER BY low`, r.step))
	r.target.Exec(t, `UPDATE ferry.run SET state = 'cancelled' WHERE kind = 'check'`)
}

// incompleteCards counts, by another way, the cards in the engine whose latest line at the source is in quarantine.
func incompleteCards(t *testing.T, b *bundle) string {
	t.Helper()
	return one(t, b.target, `WITH lines AS (
			SELECT loyalty_card_id AS card, odoo_history_id AS id, false AS refused FROM point_history
			UNION ALL SELECT parent_id, source_id, true FROM ferry.quarantine WHERE entity = 'loyalty_point_history'
				AND state IN ('open', 'waiting_parent', 'waived')),
		latest AS (SELECT DISTINCT ON (card) card, refused FROM lines ORDER BY card, id DESC, refused DESC)
		SELECT count(*)::text FROM latest JOIN loyalty_cards c ON c.id = card WHERE refused`)
}

func TestTheLedgersListIsSortedFilteredAndPaged(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	id := b.newCard(t, "endless")
	b.exec(t, b.source, `UPDATE loyalty_point_move SET remaining_point = 'Infinity' WHERE loyalty_card_id = $`, id)
	broken := b.newCard(t, "BROKEN")
	b.exec(t, b.source, `UPDATE loyalty_card SET points = 4 WHERE id = $`, broken)
	b.exec(t, b.source, `UPDATE loyalty_point_history SET points_amount = 5 WHERE loyalty_card_id = $`, broken)
	done(t, b.full(t))
	require.NoError(t, b.ledgerRun(t).batch(t, 0, 131072))
	all := b.listed(t, engine.LedgerSelection{}, engine.Listing{Count: true})
	require.Equal(t, engine.Known[int64](39), all.Total)
	for _, column := range engine.LedgerColumns {
		for _, descending := range []bool{false, true} {
			order := engine.Order{Column: column, Descending: descending}
			whole := ids(b.listed(t, engine.LedgerSelection{}, engine.Listing{Order: order}))
			require.Len(t, whole, 39, column)
			paged := []int64{}
			want := engine.Listing{Order: order, Limit: 7}
			for {
				page := b.listed(t, engine.LedgerSelection{}, want)
				paged = append(paged, ids(page)...)
				if !page.More {
					break
				}
				want.From = &page.Cursors[len(page.Cursors)-1]
			}
			require.Equal(t, whole, paged, "%s %t", column, descending)
		}
	}
	sized := b.listed(t, engine.LedgerSelection{}, engine.Listing{Order: engine.Order{Column: "size", Descending: true}})
	require.Equal(t, id, sized.Rows[0].Card, "what is no number is the largest")
	require.Equal(t, check.NotFinite, sized.Rows[0].Size)
	require.Equal(t, engine.Known("Infinity"), sized.Rows[0].Moves)
	require.Equal(t, int64(61), sized.Rows[1].Card)
	require.Equal(t, engine.Known("170.10"), sized.Rows[1].Engine)

	require.Len(t, b.listed(t, engine.LedgerSelection{Drift: engine.DriftHistory}, engine.Listing{}).Rows, 9)
	require.Equal(t, []int64{broken}, ids(b.listed(t, engine.LedgerSelection{Drift: engine.DriftRunning}, engine.Listing{})))
	filter, err := engine.ParseFilter("code:^broken$", engine.LedgerColumns)
	require.NoError(t, err)
	require.Equal(t, []int64{broken}, ids(b.listed(t, engine.LedgerSelection{Filter: filter}, engine.Listing{})))
	require.Empty(t, b.listed(t, engine.LedgerSelection{Incomplete: true}, engine.Listing{}).Rows)
	b.target.Exec(t, `UPDATE ferry.run SET state = 'done' WHERE kind = 'check'`)
	b.exec(t, b.source, `INSERT INTO loyalty_point_history (loyalty_card_id, points_amount, points_balance, transaction_time)
		VALUES ($, 0, -7, now())`, broken)
	b.tick(t)
	require.Equal(t, []int64{broken}, ids(b.listed(t, engine.LedgerSelection{Incomplete: true}, engine.Listing{})))

	// A report knows what the last look found, as long as the card is as it was.
	require.NotNil(t, b.look(t, engine.CardKey{ID: 118}, false).Quarantine)
	r := b.look(t, engine.CardKey{ID: 118}, false)
	require.Contains(t, r.Sentence, "Besides, Odoo disagrees with itself: card -5.00, last history -5.00, moves 0.00.")
	require.Contains(t, r.Stated, "as the check of 20")
	b.source.Exec(t, `UPDATE loyalty_card SET points = -6 WHERE id = 118`)
	require.Empty(t, b.look(t, engine.CardKey{ID: 118}, false).Drifts)
	slices.Sort(sized.Rows[1].Drifts)
	require.Equal(t, []engine.Drift{engine.DriftHistory, engine.DriftMoves}, sized.Rows[1].Drifts)
}
