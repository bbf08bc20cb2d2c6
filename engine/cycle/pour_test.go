package cycle_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"ferry/engine"
	"ferry/engine/cycle"
	"ferry/engine/entity"
	"ferry/engine/pgcopy"
)

// errRefused is what the engine says of a stream with a row that it refuses.
var errRefused = &engine.DatabaseError{Side: engine.SideTarget, Class: engine.ClassQuarantine, SQLState: "23514", Err: errors.New("refused")}

// given is the source of a batch of cards.
type given struct {
	cycle.Source
	cycle.SourceSnapshot

	rows []entity.Row
}

// poured is the engine that the batch goes to. It takes what is streamed to its end before it says anything.
type poured struct {
	cycle.Target
	cycle.Load

	given  *given
	refuse int64 // the row that the engine refuses
	drop   int64 // the row that it loses without a word
	begin  func(n int) error

	begun    int
	failed   error
	faults   map[int64]cycle.Fault
	inserted int
	counts   engine.Counts
}

func (f *poured) Claim(context.Context, engine.BatchID, int, engine.Process) (cycle.Work, error) {
	rules := entity.DefaultRules()
	return cycle.Work{
		Claim: engine.Claim{
			Run: 1, Verb: engine.StepLoad, Kind: engine.RunFull, Entity: entity.Card.Name, High: int64(len(f.given.rows)), First: true, Unkeyed: true,
		},
		Rules: rules, RulesHash: rules.Hash(), SourceIdentity: "odoo",
	}, nil
}

func (f *poured) Begin(context.Context, cycle.Work) (cycle.Load, error) {
	f.begun++
	if f.begin != nil {
		if err := f.begin(f.begun); err != nil {
			return nil, err
		}
	}
	f.faults, f.inserted = map[int64]cycle.Fault{}, 0
	return f, nil
}

func (f *poured) Failed(_ context.Context, _ cycle.Work, cause error, _ bool) error {
	f.failed = cause
	return nil
}

func (g *given) Identity(context.Context) (string, error)                         { return "odoo", nil }
func (g *given) Snapshot(context.Context) (cycle.SourceSnapshot, error)           { return g, nil }
func (g *given) Close()                                                           {}
func (f *poured) Rollback()                                                       {}
func (f *poured) Commit(context.Context) error                                    { return nil }
func (f *poured) Retire(context.Context, *entity.Entity, []int64) error           { return nil }
func (f *poured) Balances(context.Context, int64, int64) ([]cycle.Balance, error) { return nil, nil }

func (f *poured) Update(context.Context, *entity.Entity, *pgcopy.Tuples) ([]cycle.Refusal, error) {
	return nil, nil
}

func (f *poured) Checkpoint(_ context.Context, counts engine.Counts, _ time.Duration) error {
	f.counts = counts
	return nil
}

func (g *given) Stream(_ context.Context, _ *entity.Entity, _, _ int64, each func(*entity.Row) error) error {
	for i := range g.rows {
		if err := each(&g.rows[i]); err != nil {
			return err
		}
	}
	return nil
}

func (g *given) Range(_ context.Context, _ *entity.Entity, _, _ int64, _ cycle.Floor, each func(entity.Row) error) error {
	for _, row := range g.rows {
		if err := each(row); err != nil {
			return err
		}
	}
	return nil
}

func (f *poured) Fill(_ context.Context, _ *entity.Entity, rows io.Reader) (int64, error) {
	copied, refused := int64(0), false
	split := pgcopy.NewSplitter(func(fields [][]byte) error {
		id, err := pgcopy.Int(fields[0])
		refused = refused || id == f.refuse
		if id != f.drop {
			copied++
		}
		return err
	})
	if _, err := io.Copy(split, rows); err != nil {
		return 0, err
	}
	if refused {
		return 0, errRefused
	}
	return copied, nil
}

func (f *poured) Insert(_ context.Context, _ *entity.Entity, rows *pgcopy.Tuples) ([]cycle.Refusal, error) {
	f.inserted = rows.Len()
	for _, id := range rows.IDs() {
		if id == f.refuse {
			f.inserted--
			return []cycle.Refusal{{ID: id, SQLState: "23514", Message: "refused"}}, nil
		}
	}
	return nil, nil
}

func (f *poured) Quarantine(
	_ context.Context, _ *entity.Entity, _ []cycle.OpenEntry, faults []cycle.Fault, _ func(int64) bool,
) (kept, settled int64, err error) {
	for _, fault := range faults {
		f.faults[fault.ID] = fault
	}
	return int64(len(faults)), 0, nil
}

// cards gives rows of ids from 1 on. Those that bad names break a rule.
func cards(count int, bad func(id int64) bool) *given {
	rows := make([]entity.Row, count)
	for i := range rows {
		id := int64(i + 1)
		values := make([]entity.Value, len(entity.Card.Columns))
		for at, c := range entity.Card.Columns {
			values[at] = entity.Value{State: entity.Present, Int: 7}
			if c.Kind == entity.KindText {
				values[at].Text = strconv.FormatInt(id, 10)
			}
			if c.Source == "partner_id" && bad(id) {
				values[at] = entity.Value{}
			}
		}
		rows[i] = entity.Row{ID: id, Values: values}
	}
	return &given{rows: rows}
}

func pour(t *testing.T, f *poured) error {
	t.Helper()
	x := &cycle.Executor{Source: f.given, Logger: slog.New(slog.DiscardHandler)}
	return x.Execute(t.Context(), f, 1, 1)
}

// Faults are put aside in the middle of a batch, and a COPY ends for that: it may be the one with the row that is refused.
//
//nolint:paralleltest // goroutines of others would count
func TestARowRefusedBeforeFaultsAreSetAside(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	f := &poured{given: cards(10_000, func(id int64) bool { return id > 100 && id <= 8000 }), refuse: 50}
	require.NoError(t, pour(t, f))
	require.NoError(t, f.failed)
	require.Equal(t, 2, f.begun)
	require.Len(t, f.faults, 7901)
	require.Equal(t, "refused_23514", f.faults[50].Reason)
	require.Equal(t, 2099, f.inserted, "one bad row costs no good one")
	require.True(t, f.counts.Balanced())
	require.EqualValues(t, 2099, f.counts.Inserted)
	require.EqualValues(t, 1, f.counts.Refused)
}

// Between a refusal and the second try the batch may be gone to somebody else, or the engine away.
func TestABatchThatCannotBeginAgainFails(t *testing.T) {
	t.Parallel()
	away := &engine.DatabaseError{Side: engine.SideTarget, Class: engine.ClassReconnect, Err: errors.New("the engine is away")}
	f := &poured{given: cards(10, func(int64) bool { return false }), refuse: 5, begin: func(n int) error {
		if n == 2 {
			return away
		}
		return nil
	}}
	require.ErrorIs(t, pour(t, f), away)
	require.ErrorIs(t, f.failed, away)
}

// What the engine says it took is held against what was sent.
func TestACopyThatLosesRowsIsNotStored(t *testing.T) {
	t.Parallel()
	f := &poured{given: cards(10, func(int64) bool { return false }), drop: 5}
	require.ErrorContains(t, pour(t, f), "the server took 9")
	require.Zero(t, f.counts)
}
