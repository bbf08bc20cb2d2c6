package main

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"
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
				if f.settings.JSON {
					return f.line(map[string]any{"v": 1, "type": "result", "target": c.target.Address(), "state": "initialised"})
				}
				fmt.Fprintf(f.out, "%s is initialised: `ferry sync full` may begin\n", c.target.Address())
				return nil
			})
		},
	}
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
