package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"ferry/engine"
)

func (f *ferry) answerCommand() *cobra.Command {
	var act engine.Act
	cmd := &cobra.Command{
		Use:   "answer RUN accept|stop",
		Short: "Answer a run's question: let it go on, or end it",
		Long: `Answer the question that a run asks, such as whether it is true that many rows are gone from the source, or whether
Odoo is frozen for a rehearsal. "accept" lets the run go on, as soon as a process with workers is there; "stop" cancels it.
` + "`ferry status`" + ` shows the question, ` + "`ferry rehearsals list`" + ` that of a rehearsal.

Exit codes: 0 answered · 1 there is no such run · 4 the run asks nothing.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 2 || args[1] != "accept" && args[1] != "stop" {
				return usage("say the run's number and accept or stop, such as `ferry answer 12 accept`")
			}
			var err error
			if act.Run, err = runNumber(args[0]); err != nil {
				return err
			}
			past := map[string]string{"accept": "accepted", "stop": "cancelled"}[args[1]]
			return f.steer(cmd.Context(), past, act, func(ctx context.Context, c *crossing, act engine.Act) error {
				return f.answer(ctx, c, act, args[1] == "accept")
			})
		},
	}
	cmd.Flags().StringVar(&act.Reason, "reason", "", "why, for other consoles and the journal")
	return cmd
}

// goesOn is the command that goes on with a run.
func goesOn(run *engine.RunView) string {
	switch run.Kind { //nolint:exhaustive // the others are syncs
	case engine.RunRehearsal:
		return "`ferry rehearse`"
	case engine.RunCheck:
		return "`ferry check`"
	case engine.RunRepair:
		return "the `ferry repair apply` that began it"
	}
	return "`ferry sync " + string(run.Kind) + "`"
}

// answer answers a run, and says how it goes on where nobody is there to work on it.
func (f *ferry) answer(ctx context.Context, c *crossing, act engine.Act, accept bool) error {
	if err := c.Answer(ctx, act, accept); err != nil {
		return err
	}
	s, err := c.target.ReadRun(ctx, act.Run)
	if err != nil {
		return err
	}
	if _, held := liveHolder(s); accept && !held && s.Run.State.Active() {
		fmt.Fprintf(f.err, "nobody is there to work on run #%d; %s goes on with it\n", act.Run, goesOn(s.Run))
	}
	return nil
}
