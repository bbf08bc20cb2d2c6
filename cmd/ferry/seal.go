package main

import (
	"context"

	"github.com/spf13/cobra"

	"ferry/engine"
	"ferry/tui/widget"
)

func (f *ferry) sealCommand() *cobra.Command {
	var act engine.Act
	confirm := ""
	cmd := &cobra.Command{
		Use:   "seal --confirm DBNAME",
		Short: "Close the engine to ferry, in every process: after the cutover its own writes stay",
		Long: `Close the engine to ferry: every writing command, every tick, every repair and every batch that would still commit is
refused, in every process, until ` + "`ferry unseal`" + `. Looking, checking, pausing and cancelling go on. A rehearsal never seals.

A tick under way ends first; any other active run is in the way: let it end, or cancel it. --confirm takes the name of the engine
database, typed.

Exit codes: 0 sealed · 4 refused: it is sealed already, a run is active, the name is not the database's, or this ferry is read-only.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if confirm == "" {
				return usage("say the name of the engine database with --confirm")
			}
			return f.once(cmd.Context(), func(ctx context.Context, c *crossing) error {
				if err := c.Seal(ctx, confirm, act); err != nil {
					return err
				}
				return f.sealed(ctx, c, "sealed"+because(act.Reason)+": nothing of ferry writes the engine until `ferry unseal`", engine.Unsealed{})
			})
		},
	}
	cmd.Flags().StringVar(&confirm, "confirm", "", "the name of the engine database; required")
	cmd.Flags().StringVar(&act.Reason, "reason", "", "why, for other consoles and the journal")
	return cmd
}

func (f *ferry) unsealCommand() *cobra.Command {
	var act engine.Act
	var o engine.UnsealOptions
	confirm := ""
	cmd := &cobra.Command{
		Use:   "unseal --confirm DBNAME",
		Short: "Open the engine to ferry again; what others wrote under the seal stays theirs",
		Long: `Open the engine again. Rows that somebody else wrote or deleted while it was sealed are the engine's own from then on: where
Odoo's differ, a run leaves them as they are and sets Odoo's aside as engine_owned. With --overwrite they are Odoo's again, those of
earlier seals too, and later runs overwrite them.

Ticks stay paused until ` + "`ferry resume --schedule`" + `.

Exit codes: 0 opened · 4 refused: it is not sealed, the name is not the database's, or this ferry is read-only.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if confirm == "" {
				return usage("say the name of the engine database with --confirm")
			}
			return f.once(cmd.Context(), func(ctx context.Context, c *crossing) error {
				done, err := c.Unseal(ctx, confirm, o, act)
				if err != nil {
					return err
				}
				return f.sealed(ctx, c, "opened"+because(act.Reason)+": "+openedWords(done, o)+"; ticks stay paused until `ferry resume --schedule`", done)
			})
		},
	}
	cmd.Flags().StringVar(&confirm, "confirm", "", "the name of the engine database; required")
	cmd.Flags().StringVar(&act.Reason, "reason", "", "why, for other consoles and the journal")
	cmd.Flags().BoolVar(&o.Overwrite, "overwrite", false, "let later runs overwrite what others wrote under this seal and earlier ones")
	return cmd
}

// openedWords say what became of the rows that others wrote under a seal.
func openedWords(done engine.Unsealed, o engine.UnsealOptions) string {
	if done.Written+done.Deleted == 0 {
		return "nobody else wrote a row of Odoo's meanwhile"
	}
	what := "others wrote " + widget.Plural(done.Written, "row", "rows") + " and deleted " + widget.Count(done.Deleted) + " meanwhile"
	if o.Overwrite {
		return what + ", which later runs may overwrite; `ferry sync full` brings them in step"
	}
	return what + ", which stay as they are"
}

// sealReport is a snapshot with what others did under the seal that was lifted.
type sealReport struct {
	report

	Written int64 `json:"written"`
	Deleted int64 `json:"deleted"`
}

func (f *ferry) sealed(ctx context.Context, c *crossing, text string, done engine.Unsealed) error {
	if f.settings.JSON {
		return f.line(sealReport{newReport("result", c.Look(ctx)), done.Written, done.Deleted})
	}
	return f.say(text)
}

// sealedReport is who sealed the engine.
type sealedReport struct {
	By     string               `json:"by"`
	At     engine.Maybe[string] `json:"at"`
	Reason engine.Maybe[string] `json:"reason"`
}

func newSealed(s *engine.Snapshot) *sealedReport {
	if s.Sealed == nil {
		return nil
	}
	return &sealedReport{s.Sealed.By, instant(s.Sealed.At), known(s.Sealed.Reason)}
}
