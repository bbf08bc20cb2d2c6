// Package benchmark measures ferry beside its peers, on databases of its own: the same rows, the same server, the same run, one after
// another and more than once. What is measured is what is released: the binary, as processes, with its queue, its quarantine, its
// counts, its keys. A run ends with a comparison of both databases that shares nothing with ferry's own way, and fails if a row
// differs.
package benchmark

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"

	"github.com/jackc/pgx/v5"

	"ferry/store/independent"
)

// Options say what is measured.
type Options struct {
	Ferry   string   // the binary
	Version string   // its own word
	Cards   int      // of the whole size; each has a move and some five lines of history
	Rounds  int      // how often each contestant's turn comes
	Seed    int64    // the same seed makes the same rows
	Dir     string   // where the server's data lies; empty: a temporary directory
	Only    []string // stages; empty: all of them

	Progress func(string) // is told what happens; nil: nobody
}

// Stage is a part of the benchmark that may be asked for alone.
type Stage struct {
	Name, What string
	run        func(context.Context, *bench) error
}

// Stages gives all of them, in their order.
func Stages() []Stage {
	return []Stage{
		{"load", "first loads: ferry with 1 and 2 workers and under its console, COPY | COPY, an upsert per row, pgcopydb, pgloader", loads},
		{"resync", "full re-syncs with nothing and with 1 % changed", resyncs},
		{"tick", "increments of 10,000 changes against bare scans", ticks},
		{"check", "checks without and with 100 differences against ordered streaming", checks},
		{"growth", "loads, re-syncs and checks at 1/10, 1/5 and 1/2 of the size", grow},
		{"rejects", "first loads with 1 % and 40 % of the rows rejected", rejects},
	}
}

// bench is one benchmark.
type bench struct {
	*world

	o      Options
	report *Report
	home   string  // of the processes: nobody's configuration is read
	whole  *source // the whole size
	loaded string  // an engine database that was filled from it; empty: none yet
}

// Run carries out a benchmark. It takes minutes for each 100,000 cards. The report is there, as far as it came, with an error too.
func Run(ctx context.Context, o Options) (_ *Report, err error) {
	b := &bench{o: o, report: &Report{
		V: 1, Type: "bench", Ferry: o.Version, Machine: thisMachine(), Seed: o.Seed, Rounds: o.Rounds,
	}}
	if b.home, err = os.MkdirTemp("", "ferry-bench-"); err != nil {
		return b.report, fmt.Errorf("making a home for the benchmark's processes: %w", err)
	}
	defer os.RemoveAll(b.home) //nolint:errcheck // it is in a temporary directory
	b.tellf("starting a throwaway PostgreSQL; its data survives a crash of the machine …")
	if b.world, err = newWorld(ctx, o.Dir); err != nil {
		return b.report, err
	}
	defer func() { err = errors.Join(err, b.close(ctx)) }()
	b.report.Postgres = b.server.Version()
	if b.report.Settings, err = b.settings(ctx); err != nil {
		return b.report, err
	}
	b.tellf("an Odoo of %d cards …", o.Cards)
	if b.whole, err = b.newSource(ctx, o.Cards, o.Seed); err != nil {
		return b.report, err
	}
	b.report.Rows = b.whole.rows
	for _, stage := range Stages() {
		if len(o.Only) > 0 && !slices.Contains(o.Only, stage.Name) {
			b.leaveOutf("%s: not asked for", stage.Name)
			continue
		}
		if err := stage.run(ctx, b); err != nil {
			return b.report, fmt.Errorf("%s: %w", stage.Name, err)
		}
	}
	b.report.conclude()
	return b.report, nil
}

func (b *bench) tellf(format string, args ...any) {
	if b.o.Progress != nil {
		b.o.Progress(fmt.Sprintf(format, args...))
	}
}

func (b *bench) leaveOutf(format string, args ...any) {
	b.report.LeftOut = append(b.report.LeftOut, fmt.Sprintf(format, args...))
}

// rounds gives every contestant its turn, and that as often as was asked for: what else happens on the machine happens to all.
func (b *bench) rounds(ctx context.Context, of string, contestants ...func(context.Context, int) error) error {
	for round := range b.o.Rounds {
		b.tellf("%s, round %d of %d", of, round+1, b.o.Rounds)
		for _, contestant := range contestants {
			if err := b.settle(ctx); err != nil {
				return err
			}
			if err := contestant(ctx, round); err != nil {
				return err
			}
		}
	}
	return nil
}

// took takes down what a contestant took in a round.
func (b *bench) took(f *Figure, c cost) {
	f.add(c)
	b.tellf("  %-44s %8.2f s", f.What, c.wall.Seconds())
}

// ferry runs the binary between a source and an engine database.
func (b *bench) ferry(ctx context.Context, s *source, engine string, args ...string) (string, cost, error) {
	return b.command(s, engine, args...).run(ctx)
}

func (b *bench) command(s *source, engine string, args ...string) command {
	return command{
		argv: append([]string{b.o.Ferry}, args...),
		env:  append(surroundings(), "HOME="+b.home, "FERRY_SOURCE="+s.reader, "FERRY_TARGET="+b.owner(engine)),
	}
}

// exitDiscrepancy is ferry's exit code for rows that differ or were rejected, which some stages are about; all others are about
// valid rows, and demand a 0.
const exitDiscrepancy = 3

// surroundings are what processes inherit: nothing that configures them.
func surroundings() []string {
	out := []string{"LC_ALL=C.UTF-8"}
	for _, name := range []string{"PATH", "TMPDIR", "GOMAXPROCS", "GOCOVERDIR"} {
		if value, there := os.LookupEnv(name); there {
			out = append(out, name+"="+value)
		}
	}
	return out
}

// compare holds an engine database against its source, row by row, and fails if one differs, or if others are in quarantine than
// those that are invalid.
func (b *bench) compare(ctx context.Context, after string, s *source, engine string) error {
	b.tellf("comparing both databases, %s …", after)
	theirs, ours, end, err := connectBoth(ctx, s.dsn, b.owner(engine))
	if err != nil {
		return err
	}
	defer end()
	outcome, err := independent.Compare(ctx, theirs, ours)
	if err != nil {
		return err
	}
	b.report.Compared = append(b.report.Compared, Compared{After: after, Outcome: outcome})
	if outcome.Wrong > 0 {
		return fmt.Errorf("%s, %d rows are wrong; the first: %s", after, outcome.Wrong, outcome.Examples[0])
	}
	if outcome.Rows == 0 {
		return fmt.Errorf("%s, there was nothing to compare", after)
	}
	if outcome.Quarantine != s.invalid {
		return fmt.Errorf("%s, %d rows are in quarantine, and %d are invalid", after, outcome.Quarantine, s.invalid)
	}
	return nil
}

// connectBoth connects with a source and an engine database; end ends that.
func connectBoth(ctx context.Context, source, engine string) (theirs, ours *pgx.Conn, end func(), err error) {
	if theirs, err = pgx.Connect(ctx, source); err != nil {
		return nil, nil, nil, fmt.Errorf("connecting to the source: %w", err)
	}
	if ours, err = pgx.Connect(ctx, engine); err != nil {
		_ = theirs.Close(ctx)
		return nil, nil, nil, fmt.Errorf("connecting to the engine: %w", err)
	}
	return theirs, ours, func() {
		_ = theirs.Close(ctx)
		_ = ours.Close(ctx)
	}, nil
}

func itoa(n int) string { return strconv.Itoa(n) }

func thisMachine() Machine {
	return Machine{System: runtime.GOOS + "/" + runtime.GOARCH, CPU: cpuName(), CPUs: runtime.NumCPU(), Memory: memory()}
}
