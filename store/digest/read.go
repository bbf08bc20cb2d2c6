package digest

import (
	"context"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"
)

// Chunk is what a side says of one range of ids.
type Chunk struct {
	Number  int64
	Rows    int64
	Sum     string
	Inexact []int64
}

// Read sums up one side's rows in a transaction, as Sums says; chunks come in order. A range of ids takes
// an eighth of a byte for each, where ids are left out. The settings of the session are as before
// when it returns without an error.
func (s Side) Read(ctx context.Context, tx pgx.Tx, low, high, width int64, but []int64) ([]Chunk, error) {
	if low >= high {
		return nil, nil
	}
	var out []Chunk
	err := Under(ctx, tx, Settings, func() (err error) {
		out, err = s.read(ctx, tx, low, high, width, but)
		return err
	})
	for i := range out {
		slices.Sort(out[i].Inexact)
	}
	return out, err
}

func (s Side) read(ctx context.Context, tx pgx.Tx, low, high, width int64, but []int64) ([]Chunk, error) {
	args := []any{pgx.QueryExecModeExec}
	if len(but) > 0 {
		args = append(args, bits(low, high, but))
	}
	rows, err := tx.Query(ctx, s.Sums(low, high, width, len(but) > 0), args...)
	if err != nil {
		return nil, err //nolint:wrapcheck // the caller says whose error it is
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Chunk]) //nolint:wrapcheck // as above
}

// Under does something in a transaction whose session has other settings meanwhile. They are as before when it returns without an
// error.
func Under(ctx context.Context, tx pgx.Tx, settings map[string]string, do func() error) error {
	back, err := set(ctx, tx, settings)
	if err != nil {
		return err
	}
	if err := do(); err != nil {
		return err
	}
	_, err = set(ctx, tx, back)
	return err
}

// bits is a map of the ids above low up to high, as get_bit reads it: the first id is the lowest bit of the first byte.
func bits(low, high int64, ids []int64) []byte {
	out := make([]byte, (high-low+7)/8)
	for _, id := range ids {
		if id > low && id <= high {
			at := id - low - 1
			out[at/8] |= 1 << (at % 8)
		}
	}
	return out
}

// set changes settings for the rest of the transaction, and gives what they were.
func set(ctx context.Context, tx pgx.Tx, settings map[string]string) (map[string]string, error) {
	names := slices.Sorted(maps.Keys(settings))
	values := make([]string, len(names))
	for i, name := range names {
		values[i] = settings[name]
	}
	rows, err := tx.Query(ctx, `SELECT name, current_setting(name), set_config(name, value, true) FROM unnest($1::text[], $2::text[]) s (name, value)`,
		names, values)
	if err != nil {
		return nil, err //nolint:wrapcheck // the caller says whose error it is
	}
	before := map[string]string{}
	var name, was, is string
	_, err = pgx.ForEachRow(rows, []any{&name, &was, &is}, func() error {
		before[name] = was
		return nil
	})
	return before, err //nolint:wrapcheck // as above
}
