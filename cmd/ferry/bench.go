package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"ferry/store/benchmark"
	"ferry/tui/widget"
)

type benchOptions struct {
	cards  int
	rounds int
	seed   int64
	dir    string
	only   []string
	out    string
}

func (f *ferry) benchCommand() *cobra.Command {
	var o benchOptions
	var stages strings.Builder
	for _, s := range benchmark.Stages() {
		fmt.Fprintf(&stages, "  %-8s %s\n", s.Name, s.What)
	}
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure ferry beside its peers on this machine, on databases of its own",
		Long: `Start a throwaway PostgreSQL whose data survives a crash (fsync on), fill an Odoo-shaped database with --cards cards of which every
row is valid, and measure what follows, contestant by contestant, --rounds times over. Medians, and how they compare, come as a
table and with --json as one object. pgcopydb and pgloader take part where they are installed; psql must be.

Stages, of which --only picks some:
` + stages.String() + `
At its end the benchmark compares both databases row by row, independently of ferry's own way, and fails if one differs. It takes
about 20 minutes for 200,000 cards on two cores, and 600 bytes of disk per row. Nothing else should run on the machine.

Exit codes: 0 measured · 1 it failed, or a row differs · 128+signal when interrupted.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.bench(cmd.Context(), o) },
	}
	cmd.Flags().IntVar(&o.cards, "cards", 200_000, "cards of the whole size, each with a move and about five ledger rows")
	cmd.Flags().IntVar(&o.rounds, "rounds", 3, "how often each contestant's turn comes")
	cmd.Flags().Int64Var(&o.seed, "seed", 1, "the same seed makes the same data")
	cmd.Flags().StringVar(&o.dir, "dir", "", "where the server's data lies meanwhile (default: a temporary directory)")
	cmd.Flags().StringArrayVar(&o.only, "only", nil, "only this stage; may be repeated")
	cmd.Flags().StringVar(&o.out, "out", "", "write the report as JSON into this file too")
	return cmd
}

func (o *benchOptions) check() error {
	switch {
	case o.cards < leastBenchCards || o.cards > maxDemoCards:
		return usage("--cards %d: say a number from %d to %d", o.cards, leastBenchCards, maxDemoCards)
	case o.rounds < 1 || o.rounds > 100:
		return usage("--rounds %d: say a number from 1 to 100", o.rounds)
	}
	for _, name := range o.only {
		if !slices.ContainsFunc(benchmark.Stages(), func(s benchmark.Stage) bool { return s.Name == name }) {
			return usage("--only %q: there is no such stage; see `ferry bench --help`", name)
		}
	}
	return nil
}

// leastBenchCards is enough for every stage to have something to do.
const leastBenchCards = 200

func (f *ferry) bench(ctx context.Context, o benchOptions) error {
	if err := o.check(); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("looking for this program: %w", err)
	}
	soft, _, caught, release := untilSignal(ctx)
	defer release()
	report, err := benchmark.Run(soft, benchmark.Options{
		Ferry: self, Version: version(), Cards: o.cards, Rounds: o.rounds, Seed: o.seed, Dir: o.dir, Only: o.only,
		Progress: func(line string) { fmt.Fprintln(f.err, line) },
	})
	if code := caught(); code != 0 {
		return exitWith(code, nil)
	}
	if len(report.Figures) > 0 {
		err = errors.Join(err, f.tellBench(report), writeBench(o.out, report))
	}
	if err == nil && !report.Faithful() {
		return errors.New("both databases were not compared: the figures are about rows of which nobody knows whether they arrived")
	}
	return err
}

func writeBench(file string, r *benchmark.Report) error {
	if file == "" {
		return nil
	}
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	if err := os.WriteFile(file, append(text, '\n'), 0o644); err != nil { //nolint:gosec // figures for everybody
		return fmt.Errorf("writing the report: %w", err)
	}
	return nil
}

func (f *ferry) tellBench(r *benchmark.Report) error {
	if f.settings.JSON {
		return f.line(r)
	}
	fmt.Fprintf(f.out, "ferry %s, PostgreSQL %s, %s, %d × %s, %d MiB\n", r.Ferry, r.Postgres, r.Machine.System, r.Machine.CPUs, r.Machine.CPU,
		r.Machine.Memory>>20)
	for _, name := range slices.Sorted(maps.Keys(r.Settings)) {
		fmt.Fprintf(f.out, "%s=%s ", name, r.Settings[name])
	}
	var rows []string
	for _, name := range slices.Sorted(maps.Keys(r.Rows)) {
		rows = append(rows, widget.Count(r.Rows[name])+" "+name)
	}
	fmt.Fprintf(f.out, "\n%s; medians of %d rounds\n\n", strings.Join(rows, ", "), r.Rounds)
	if err := f.tellFigures(r); err != nil {
		return err
	}
	for _, c := range r.Compared {
		if err := f.say(fmt.Sprintf("%s: of %s rows %s are equal, %s in quarantine, %s wrong", c.After, widget.Count(c.Rows), widget.Count(c.Equal),
			widget.Count(c.Quarantine), widget.Count(c.Wrong))); err != nil {
			return err
		}
	}
	for _, line := range r.LeftOut {
		if err := f.say("left out: " + line); err != nil {
			return err
		}
	}
	return nil
}

// tellFigures prints the two tables: what was measured, and how that compares.
func (f *ferry) tellFigures(r *benchmark.Report) error {
	out := tabwriter.NewWriter(f.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(out, "rows\tseconds\trows/s\tCPU s\tpeak MiB\t")
	for _, figure := range r.Figures {
		cpu, peak := "", ""
		if len(figure.CPU) > 0 {
			cpu = fmt.Sprintf("%.1f", slices.Max(figure.CPU))
		}
		if figure.Peak > 0 {
			peak = fmt.Sprintf("%.0f", float64(figure.Peak)/(1<<20))
		}
		fmt.Fprintf(out, "%s\t%.2f\t%s\t%s\t%s\t  %s\n", widget.Count(figure.Rows), figure.Median,
			widget.Count(int64(float64(figure.Rows)/max(figure.Median, 1e-9))), cpu, peak, figure.What)
	}
	if len(r.Ratios) > 0 {
		fmt.Fprintln(out, "\nfound\treach\t\t\t\t")
	}
	for _, ratio := range r.Ratios {
		least, word := "≥", ""
		if ratio.AtMost {
			least = "≤"
		}
		if !ratio.Reached {
			word = "not reached"
		}
		fmt.Fprintf(out, "%.2f\t%s %.4g\t%s\t\t\t  %s\n", ratio.Value, least, ratio.Reach, word, ratio.What)
	}
	fmt.Fprintln(out)
	if err := out.Flush(); err != nil {
		return fmt.Errorf("writing: %w", err)
	}
	return nil
}
