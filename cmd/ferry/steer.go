package main

import (
	"context"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"ferry/engine"
)

func (f *ferry) pauseCommand() *cobra.Command {
	return f.steerCommand("pause", "Let batches in flight end and carve no more",
		func(ctx context.Context, c *crossing, act engine.Act) error { return c.Pause(ctx, act) })
}

func (f *ferry) resumeCommand() *cobra.Command {
	return f.steerCommand("resume", "Let a run go on: paused, cancelled, failed or interrupted",
		func(ctx context.Context, c *crossing, act engine.Act) error { return c.Resume(ctx, act) })
}

// steerCommand acts on a run from any machine: the named one, else the active one, else the last.
func (f *ferry) steerCommand(name, short string, do func(context.Context, *crossing, engine.Act) error) *cobra.Command {
	var act engine.Act
	cmd := &cobra.Command{
		Use:   name,
		Short: short,
		Args:  noArguments,
		RunE:  func(cmd *cobra.Command, _ []string) error { return f.steer(cmd.Context(), name, act, do) },
	}
	cmd.Flags().Int64Var((*int64)(&act.Run), "run", 0, "the run's number (default: the active run, else the last)")
	cmd.Flags().StringVar(&act.Reason, "reason", "", "why, for other consoles and the journal")
	return cmd
}

func (f *ferry) cancelCommand() *cobra.Command {
	var act engine.Act
	cmd := &cobra.Command{
		Use:   "cancel [RUN]",
		Short: "End a run; batches that do not commit at this moment are refused",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				id, err := strconv.ParseInt(args[0], 10, 64)
				if err != nil {
					return usage("%q is no run's number", args[0])
				}
				act.Run = engine.RunID(id)
			}
			return f.steer(cmd.Context(), "cancel", act,
				func(ctx context.Context, c *crossing, act engine.Act) error { return c.Cancel(ctx, act) })
		},
	}
	cmd.Flags().StringVar(&act.Reason, "reason", "", "why, for other consoles and the journal")
	return cmd
}

func (f *ferry) steer(ctx context.Context, name string, act engine.Act, do func(context.Context, *crossing, engine.Act) error) error {
	return f.once(ctx, func(ctx context.Context, c *crossing) error {
		if err := c.target.Ready(ctx); err != nil {
			return err
		}
		if err := do(ctx, c, act); err != nil {
			return err
		}
		s := c.Look(ctx)
		if f.settings.JSON {
			return f.line(newReport("result", s))
		}
		fmt.Fprintf(f.out, "%s: %s\n", name, headline(s))
		return nil
	})
}
