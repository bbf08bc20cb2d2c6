package main

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"

	"ferry/engine"
)

func (f *ferry) initCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "init",
		Short: "Create or migrate the engine tables and ferry's schema; running it again changes nothing",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.once(cmd.Context(), func(ctx context.Context, c *crossing) error {
				if err := c.Init(ctx); err != nil {
					return err
				}
				s, err := c.target.Read(ctx)
				if err != nil {
					return err
				}
				if f.settings.JSON {
					return f.line(map[string]any{"v": 1, "type": "result", "target": c.target.Address(), "state": "initialised", "sealed": s.Sealed})
				}
				return f.say(fmt.Sprintf("%s is initialised: %s", c.target.Address(), next(s)))
			})
		},
	}
}

// next says what may begin on an engine database that is initialised.
func next(s *engine.Snapshot) string {
	switch {
	case s.Sealed != nil:
		return "it is " + s.Sealed.String() + ", so nothing of ferry writes it until `ferry unseal`"
	case s.Unkeyed != 0:
		return fmt.Sprintf("first load #%d has not come to its end; `ferry sync full` goes on with it", s.Unkeyed)
	}
	return "`ferry sync full` may begin"
}

// once runs a one-shot command: both databases must answer at its start.
func (f *ferry) once(ctx context.Context, do func(context.Context, *crossing) error) error {
	c, err := f.open(ctx, 0, logTo(f.err, slog.LevelError))
	if err != nil {
		return err
	}
	defer c.close()
	if err := c.reach(ctx); err != nil {
		return err
	}
	return do(ctx, c)
}
