package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"ferry/engine"
)

// adoptLimit is how long a sync waits until the process that ran the unfinished run before is known dead, or until
// another process's tick has ended.
const adoptLimit = 20 * time.Second

// drainLimit bounds a drain: batches take about a second; what takes longer is cancelled, which is safe.
const drainLimit = 30 * time.Second

// syncOptions are what a sync was asked for.
type syncOptions struct {
	engine.StartOptions

	kind  engine.RunKind
	dry   bool
	watch bool
	every time.Duration // 0: as the schedule has it
}

func (f *ferry) syncCommand() *cobra.Command {
	return group("sync", "Carry rows over", f.syncFullCommand(), f.syncIncrementalCommand())
}

func (f *ferry) syncFullCommand() *cobra.Command {
	o := syncOptions{kind: engine.RunFull}
	cmd := &cobra.Command{
		Use:   "full",
		Short: "Read every row of the source, to the end",
		Long: `Read every row of the source and bring the engine in step with it, to the end.

An unfinished full run is taken over, even if ticks ran since: its result becomes this command's. A first load fills the engine's
tables without keys, and builds keys, indexes and foreign keys behind the rows; until it has come to its end nothing else may
write, so it is taken over whatever ended it, or begun again with --restart. Rows that a rule or the
engine refuses go to quarantine; waived rows, and rows that only wait for a parent, do not count against the limit.

With --dry-run nothing is written, to either database: it says what the run would change if it began now, and ends with 0.
What the engine database itself would refuse is not known before it is tried.

Exit codes: 0 done · 1 failed or cancelled · 3 more of an entity's rows were rejected than the limit (--rejected-share, 1 %)
· 4 refused: another run is active, the engine is sealed, the run is paused, or it needs an answer (` + "`ferry answer`" + `) · 128+signal when interrupted.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.sync(cmd.Context(), o) },
	}
	o.register(cmd)
	cmd.Flags().BoolVar(&o.Restart, "restart", false, "empty the tables that a first load has left without keys, and begin it again")
	return cmd
}

func (f *ferry) syncIncrementalCommand() *cobra.Command {
	o := syncOptions{kind: engine.RunIncremental}
	cmd := &cobra.Command{
		Use:   "incremental",
		Short: "Read what changed since the last cycle, once or for as long as it is watched",
		Long: `Read what transactions of the source have written since the last completed cycle, and bring the engine in step with it.
Where there is no such cycle, or it holds no longer (other rules, other columns, a restored source), every row is read once.

With --watch a tick begins whenever one is due, until interrupted: one at a time among all processes. A tick that fails is
told, and the next one tries again. A full run that was interrupted before any cycle was completed is finished first.

With --dry-run nothing is written, to either database: it says what the run would change if it began now, and ends with 0.
What the engine database itself would refuse is not known before it is tried.

Exit codes: 0 done · 1 failed or cancelled · 3 more of an entity's rows were rejected than the limit (--rejected-share, 1 %)
· 4 refused: another run is active, the engine is sealed, the run is paused, or it needs an answer (` + "`ferry answer`" + `) · 128+signal when interrupted.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cmd.Flags().Changed("every") && (o.every < leastEvery || o.every > mostEvery) {
				return usage("--every %s: say a duration from %s to %s", o.every, leastEvery, mostEvery)
			}
			switch {
			case o.every != 0 && !o.watch:
				return usage("--every says how often ticks come; it needs --watch")
			case o.watch && o.dry:
				return usage("--dry-run says what one run would do; leave --watch out")
			case o.watch && len(o.Entities) > 0:
				return usage("--watch keeps every entity in step; leave some out with `ferry pause --entity`")
			}
			return f.sync(cmd.Context(), o)
		},
	}
	o.register(cmd)
	cmd.Flags().BoolVar(&o.watch, "watch", false, "go on with a tick whenever one is due, until interrupted")
	cmd.Flags().DurationVar(&o.every, "every", 0, "how often ticks come, in every process (default: as the schedule has it, 20s at first)")
	return cmd
}

// How often ticks may come.
const (
	leastEvery = time.Second
	mostEvery  = 24 * time.Hour
)

func (o *syncOptions) register(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&o.Entities, "entity", nil, "only this source table; may be repeated")
	cmd.Flags().StringVar(&o.Reason, "reason", "", "why, for other consoles and the journal")
	cmd.Flags().BoolVar(&o.dry, "dry-run", false, "read and compare as the run would, say what it would change, and write nothing")
}

// check refuses entities that do not exist.
func (o *syncOptions) check() error {
	for _, name := range o.Entities {
		if err := knownEntity(name); err != nil || name == "" {
			return usage("--entity %q: entities are named by their source tables, such as loyalty_card", name)
		}
	}
	return nil
}

// sync runs a sync to its end, or for as long as it is watched.
func (f *ferry) sync(ctx context.Context, o syncOptions) error {
	if err := o.check(); err != nil {
		return err
	}
	if o.dry {
		return f.dryRun(ctx, o)
	}
	soft, hard, caught, release := untilSignal(ctx)
	defer release()
	if err := f.mayWork("a sync", "writes"); err != nil {
		return err
	}
	c, level, end, err := f.openWorking(soft, hard)
	if err != nil {
		return err
	}
	defer end()
	if o.watch {
		level.Set(slog.LevelWarn)
		err := f.watch(soft, hard, c, o)
		if code := caught(); code != 0 {
			return exitWith(code, nil)
		}
		return err
	}
	id, s, err := f.cross(soft, hard, c, o, level)
	if code := caught(); code != 0 {
		f.interrupted(hard, c, id, o.kind)
		if f.settings.JSON && s != nil {
			if err := f.line(newReport("result", s)); err != nil {
				return err
			}
		}
		return exitWith(code, nil)
	}
	if err != nil {
		return err
	}
	err = f.result(s)
	if code := caught(); code != 0 { // while it waited for whoever reads the result
		return exitWith(code, nil)
	}
	return err
}

// outlive lets the work go on whoever reads what is printed. Standard output waits for a slow reader, as it is data, and
// falls silent for one that is gone, as with `| head`: the run goes on to its end, and the exit code says how it ended.
// Progress and logs on standard error never wait long.
func (f *ferry) outlive(soft context.Context) {
	data, messages := patient(soft, f.out), lossy(f.err, time.Second)
	data.onGone = func() {
		fmt.Fprintln(messages, "ferry: nobody reads standard output any more; the run goes on, Ctrl-C drains it")
	}
	f.out, f.err = data, messages
}

// cross starts a run or takes over the unfinished one, and follows it to its end, or to a batch boundary once soft has
// ended. The run is 0 if it did not come to one.
func (f *ferry) cross(soft, hard context.Context, c *crossing, o syncOptions, level *slog.LevelVar) (engine.RunID, *engine.Snapshot, error) {
	if err := c.reach(soft); err != nil {
		return 0, nil, err
	}
	if err := c.target.Ready(soft); err != nil {
		return 0, nil, err
	}
	id, err := f.startOrAdopt(soft, c, o)
	if err != nil {
		c.leave(hard)
		return 0, nil, err
	}
	level.Set(slog.LevelWarn)
	c.Run(hard)
	s, err := f.follow(soft, c, id)
	return id, s, f.drain(soft, hard, c, err)
}

// drain stops this process's workers at a batch boundary. It gives the error that there is already, else its own.
func (f *ferry) drain(soft, hard context.Context, c *crossing, err error) error {
	if soft.Err() != nil {
		fmt.Fprintln(f.err, "ferry: draining: batches in flight end first; a second INT or TERM aborts them, which is safe too")
	}
	stop, cancel := context.WithTimeout(hard, drainLimit)
	defer cancel()
	c.rest(stop)
	if stopErr := c.Stop(stop); stopErr != nil && err == nil {
		err = stopErr
	}
	return err
}

// interrupted says how a signal left the run, and who goes on with it.
func (f *ferry) interrupted(hard context.Context, c *crossing, id engine.RunID, kind engine.RunKind) {
	if id == 0 {
		fmt.Fprintln(f.err, "ferry: interrupted before a run was under way")
		return
	}
	goesOn := "`ferry sync full` goes on with it"
	switch kind { //nolint:exhaustive // a full run is what remains
	case engine.RunIncremental:
		goesOn = "`ferry sync incremental` reads what is missing"
	case engine.RunRepair:
		goesOn = "the same command goes on with it"
	case engine.RunCheck:
		goesOn = fmt.Sprintf("`ferry resume --run %d` goes on with it", id)
	}
	if other, ok := c.other(hard, id); ok {
		goesOn = fmt.Sprintf("%s:%d goes on with run #%d", other.Host, other.PID, id)
	}
	if hard.Err() != nil {
		fmt.Fprintf(f.err, "ferry: aborted; what run #%d had not committed is undone, %s\n", id, goesOn)
		return
	}
	fmt.Fprintf(f.err, "ferry: interrupted; run #%d is at a batch boundary, %s\n", id, goesOn)
}

// other gives another process than this one that is at work on a run which has not ended; it is not known if the engine
// database does not say so soon.
func (c *crossing) other(ctx context.Context, id engine.RunID) (engine.WorkerView, bool) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), restLimit)
	defer cancel()
	s, err := c.target.ReadRun(ctx, id)
	if err != nil || !s.Run.State.Active() {
		return engine.WorkerView{}, false
	}
	return living(s, func(w engine.WorkerView) bool { return w.ID != c.Snapshot().Process.ID })
}
