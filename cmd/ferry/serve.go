package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"ferry/cmd/ferry/internal/config"
)

// calling is what an unattended process is for.
type calling struct {
	verb  string // of its command
	works bool   // it only works: it starts no ticks
}

func (f *ferry) serveCommand() *cobra.Command {
	return f.unattended(calling{verb: "serve"}, &cobra.Command{
		Use:   "serve",
		Short: "Run unattended: workers, the schedule, alerts, metrics and health",
		Long: `Run without a terminal until told to end: work on batches, start the ticks that are due and the rolling check, judge service
levels, send alerts. Consoles and commands anywhere steer it through the engine database. Ticks begin once a first full cycle is
complete: ` + "`ferry sync full`" + `, or a console's, which this process works on too; one that was interrupted before that is gone on with.

It tells, at --listen, /metrics for Prometheus; /healthz, whether the process lives; /readyz, whether both databases answer, the schema
is right and its workers have signed on, or with status 503 why not. A database that does not answer is waited for. With
--read-only or --workers 0 it only tells. Logs are on stderr, with --json an object a line.

The first INT or TERM drains to a batch boundary within --drain-limit, the second aborts, which is safe too. systemd is told when
it is up, how it stands and that it lives: --print-unit prints a unit.

Exit codes: 0 drained · 1 it could not listen, or batches were aborted at the limit · 2 usage · 128+signal aborted.`,
	})
}

func (f *ferry) workerCommand() *cobra.Command {
	return f.unattended(calling{verb: "worker", works: true}, &cobra.Command{
		Use:   "worker",
		Short: "Work on the same queue as others, here or on another host",
		Long: `Work on batches until told to end, and hand on those of processes that have died. Runs, ticks, checks and alerts are begun by
others (` + "`ferry serve`" + `, a console). Any number of workers share the queue: the overview shows hosts, workers and their rates.

Without --listen (or FERRY_LISTEN) it listens nowhere; with it, it tells what serve does. What it has done is in its own metrics.

The first INT or TERM drains to a batch boundary within --drain-limit, the second aborts, which is safe too: others take its batches over.

Exit codes: 0 drained · 1 it could not listen, or batches were aborted at the limit · 2 usage · 4 read-only · 128+signal aborted.`,
	})
}

// unattended completes the command of a process that runs without a terminal.
func (f *ferry) unattended(as calling, cmd *cobra.Command) *cobra.Command {
	unit := false
	cmd.Args = noArguments
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if unit {
			return f.printUnit(as)
		}
		return f.serve(cmd.Context(), as)
	}
	cmd.Flags().BoolVar(&unit, "print-unit", false, "print a systemd unit for this program, with its hardening, and end")
	return cmd
}

// serve runs until it is told to end. Nothing but the settings, and an address that is taken, keeps it from starting.
func (f *ferry) serve(ctx context.Context, as calling) error {
	soft, hard, caught, release := untilSignal(ctx)
	defer release()
	if as.works {
		if err := f.mayWork("a worker", "writes"); err != nil {
			return err
		}
	}
	f.err = lossy(f.err, time.Second)
	d, err := f.newDaemon(hard, as)
	if err != nil {
		return err
	}
	defer d.close(hard)
	if err := d.listen(hard, f.address(as)); err != nil {
		return err
	}
	defer d.hangUp(hard)
	err = d.run(soft, hard)
	if f.settings.JSON {
		if written := f.line(newReport("result", d.c.Snapshot())); err == nil {
			err = written
		}
	}
	if hard.Err() != nil {
		return exitWith(caught(), nil)
	}
	return err
}

// address is where an unattended process listens; empty: nowhere. The config's is serve's: a worker on the same machine
// would find it taken.
func (f *ferry) address(as calling) string {
	from := f.settings.said["listen"].from
	if f.settings.Listen == config.NoAddress || as.works && from != fromFlag && from != fromEnvironment {
		return ""
	}
	return f.settings.Listen
}
