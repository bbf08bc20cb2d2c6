package main

import (
	"context"

	"github.com/spf13/cobra"
)

func (f *ferry) statusCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "One snapshot: the active run, or the last one, and what the engine holds",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.once(cmd.Context(), func(ctx context.Context, c *crossing) error {
				if err := c.target.Ready(ctx); err != nil {
					return err
				}
				s := c.Look(ctx)
				if f.settings.JSON {
					return f.line(newReport("result", s))
				}
				writePlain(f.out, s)
				return nil
			})
		},
	}
}
