package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"
)

// streams are the three standard ones: data goes to out, logs and progress to err.
type streams struct {
	in  *os.File
	out io.Writer
	err io.Writer
}

// isTerminal reports whether a stream is one.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// ferry is one invocation.
type ferry struct {
	streams

	getenv   func(string) string
	settings settings
	taped    int // recordings that were begun
}

// run carries out one invocation and gives its exit code.
func run(args []string, std streams, getenv func(string) string) int {
	f := &ferry{streams: std, getenv: getenv}
	root := f.command()
	root.SetArgs(args)
	root.SetIn(std.in)
	root.SetOut(std.out)
	root.SetErr(std.err)
	err := root.ExecuteContext(context.Background())
	if line := explainNonEmpty(err); line != "" {
		fmt.Fprintln(std.err, line)
	}
	return exitCode(err)
}

func explainNonEmpty(err error) string {
	if err == nil {
		return ""
	}
	return explain(err)
}

func (f *ferry) command() *cobra.Command {
	root := &cobra.Command{
		Use:   "ferry",
		Short: "Carry a loyalty domain out of Odoo, keep it in step, prove it right",
		Long: `ferry carries a loyalty domain (cards, point moves, point history) out of a production Odoo's PostgreSQL, read only,
into an engine's PostgreSQL, and gives operators a console to start, pause and inspect syncs.

With no subcommand it opens the console; without a terminal that prints status lines until interrupted.

Exit codes: 0 clean · 1 error · 2 usage · 3 settled discrepancies, NO-GO, or rejected rows above their limit ·
4 refused, or a run needs an answer · 5 could not check · 128+signal when interrupted
(the first INT or TERM drains to a batch boundary, the second aborts, which is safe too; serve and worker end with 0 once
they have drained).`,
		Args:          noArguments,
		SilenceErrors: true,
		SilenceUsage:  true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			return f.complete(cmd)
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return f.console(cmd.Context()) },
	}
	f.settings.register(root.PersistentFlags())
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		if invalid, ok := errors.AsType[*pflag.InvalidValueError](err); ok && invalid.GetFlag().Name == "run" {
			return usage("--run %w", invalid.Unwrap())
		}
		return usage("%w; see `%s --help`", err, cmd.CommandPath())
	})
	root.CompletionOptions.HiddenDefaultCmd = false
	root.AddCommand(f.initCommand(), f.preflightCommand(), f.syncCommand(), f.checkCommand(), f.statusCommand(), f.quarantineCommand(),
		f.demoCommand(), f.benchCommand(), f.versionCommand(), f.pauseCommand(), f.resumeCommand(), f.cancelCommand(), f.answerCommand(), f.runsCommand(),
		f.journalCommand(), f.configCommand(), f.policyCommand(), f.discrepanciesCommand(), f.repairCommand(), f.cardCommand(), f.ledgerCommand(),
		f.alertsCommand(), f.serveCommand(), f.workerCommand(), f.sealCommand(), f.unsealCommand(), f.grantsCommand(),
		f.rehearseCommand(), f.rehearsalsCommand(), f.replayCommand())
	return root
}

func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usage("unknown command %q; see `%s --help`", args[0], cmd.CommandPath())
	}
	return nil
}
