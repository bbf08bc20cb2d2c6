package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

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

// runNumber reads the number of a run.
func runNumber(text string) (engine.RunID, error) {
	id, err := strconv.ParseInt(strings.TrimPrefix(text, "#"), 10, 64)
	if err != nil || id < 1 {
		return 0, usage("%q is no run's number; `ferry runs list` lists them", text)
	}
	return engine.RunID(id), nil
}

// runFlag is a flag that takes the number of a run.
type runFlag engine.RunID

// String is empty without a run.
func (r *runFlag) String() string {
	if *r == 0 {
		return ""
	}
	return strconv.FormatInt(int64(*r), 10)
}

// Type is what help calls the value.
func (*runFlag) Type() string { return "number" }

// Set reads the number.
func (r *runFlag) Set(text string) error {
	id, err := runNumber(text)
	*r = runFlag(id)
	return err
}

// knownLimit refuses a number of lines that is none.
func knownLimit(limit int) error {
	if limit < 0 {
		return usage("--limit %d: say a number of lines, or 0 for all", limit)
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
				var err error
				if act.Run, err = runNumber(args[0]); err != nil {
					return err
				}
			}
			return f.steer(cmd.Context(), "cancelled", act,
				func(ctx context.Context, c *crossing, act engine.Act) error { return c.Cancel(ctx, act) })
		},
	}
	cmd.Flags().StringVar(&act.Reason, "reason", "", "why, for other consoles and the journal")
	return cmd
}

// steer does something about a run, by default the active one, and says of that run that it was done: by then another one
// may have begun.
func (f *ferry) steer(ctx context.Context, past string, act engine.Act, do func(context.Context, *crossing, engine.Act) error) error {
	return f.once(ctx, func(ctx context.Context, c *crossing) error {
		if err := c.target.Ready(ctx); err != nil {
			return err
		}
		if act.Run == 0 {
			s, err := c.target.Read(ctx)
			if err != nil {
				return err
			}
			if s.Run != nil {
				act.Run = s.Run.ID
			}
		}
		if err := do(ctx, c, act); err != nil {
			return err
		}
		s, err := c.target.ReadRun(ctx, act.Run)
		if err != nil {
			return err
		}
		if f.settings.JSON {
			return f.line(holdReport{newReport("result", s), []string{fmt.Sprintf("run #%d", act.Run)}, []string{}})
		}
		return f.say(past + ": " + runWords(s.Run) + because(act.Reason))
	})
}

// runWords name a run.
func runWords(run *engine.RunView) string { return fmt.Sprintf("%s run #%d", run.Kind, run.ID) }
