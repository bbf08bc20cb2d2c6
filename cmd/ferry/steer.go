package main

import (
	"context"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"ferry/engine"
	"ferry/engine/entity"
)

// knownEntity refuses a name that is no entity's; none at all is well.
func knownEntity(name string) error {
	if _, known := entity.Find(name); !known && name != "" {
		return usage("no entity %q; entities are named by their source tables, such as loyalty_card", name)
	}
	return nil
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
