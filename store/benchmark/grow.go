package benchmark

import (
	"context"
	"fmt"
)

// growth is the name of a figure at a part of the size.
func growth(name string, part int) string { return fmt.Sprintf("%s/1:%d", name, part) }

// parts are the sizes at which growth is measured: a tenth, a fifth, a half.
var parts = []int{10, 5, 2}

// grow is the stage of smaller sizes: what a row costs must not grow with the table.
func grow(ctx context.Context, b *bench) error {
	for _, part := range parts {
		s, err := b.newSource(ctx, max(1, b.o.Cards/part), b.o.Seed)
		if err != nil {
			return err
		}
		last, err := b.loadAgain(ctx, fmt.Sprintf("1/%d of the size", part), s, func(ctx context.Context, engine string, took cost) error {
			b.took(b.report.figure(growth(loadTwo, part), fmt.Sprintf("ferry sync full, 2 workers, 1/%d of the size", part), s.all()), took)
			if err := b.resync(ctx, s, engine, growth(resyncNone, part), fmt.Sprintf("full re-sync, nothing changed, 1/%d of the size", part)); err != nil {
				return err
			}
			if _, _, err := b.ferry(ctx, s, engine, "sync", "incremental", "--plain"); err != nil {
				return err
			}
			return b.check(ctx, s, engine, growth(checkClean, part), fmt.Sprintf("ferry check, 1/%d of the size", part), 0)
		})
		if err != nil {
			return err
		}
		if err := b.drop(ctx, last, s.name); err != nil {
			return err
		}
	}
	return nil
}

// loadAgain fills a new engine database from a source in each round, and gives the last one.
func (b *bench) loadAgain(
	ctx context.Context, of string, s *source, then func(ctx context.Context, engine string, took cost) error,
) (last string, err error) {
	err = b.rounds(ctx, of, func(ctx context.Context, _ int) error {
		if last != "" {
			if err := b.drop(ctx, last); err != nil {
				return err
			}
		}
		engine, took, _, err := b.load(ctx, s, 2)
		last = engine
		if err != nil {
			return err
		}
		if err := b.arrived(ctx, s, engine); err != nil {
			return err
		}
		return then(ctx, engine, took)
	})
	return last, err
}

// rejects is the stage of first loads of which rows go to quarantine.
func rejects(ctx context.Context, b *bench) error {
	for _, percent := range []int{1, 40} {
		s, err := b.copyOf(ctx, b.whole)
		if err != nil {
			return err
		}
		bad := fmt.Sprintf("hashint8(id) %% 100 >= 0 AND hashint8(id) %% 100 < %d OR hashint8(id) %% 100 < 0 AND hashint8(id) %% 100 + 100 < %[1]d", percent)
		for _, sql := range []string{
			`UPDATE loyalty_point_move SET initial_point = 'NaN' WHERE ` + bad,
			`UPDATE loyalty_point_history SET points_amount = 'NaN' WHERE ` + bad,
		} {
			rows, err := changeRows(ctx, s.dsn, sql)
			if err != nil {
				return err
			}
			s.invalid += rows
		}
		if err := change(ctx, s.dsn, `VACUUM (FREEZE, ANALYZE)`); err != nil {
			return err
		}
		last, err := b.loadAgain(ctx, fmt.Sprintf("first loads, %d %% rejected", percent), s, func(_ context.Context, _ string, took cost) error {
			name := fmt.Sprintf("rejects/ferry-%d%%", percent)
			b.took(b.report.figure(name, fmt.Sprintf("ferry sync full, 2 workers, %d %% of moves and lines rejected", percent), s.all()), took)
			return nil
		})
		if err != nil {
			return err
		}
		if err := b.compare(ctx, fmt.Sprintf("after first loads with %d %% rejected", percent), s, last); err != nil {
			return err
		}
		if err := b.drop(ctx, last, s.name); err != nil {
			return err
		}
	}
	return nil
}
