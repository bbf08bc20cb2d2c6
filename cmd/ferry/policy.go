package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"ferry/cmd/ferry/internal/config"
	"ferry/engine"
	"ferry/engine/cycle"
)

func (f *ferry) policyCommand() *cobra.Command {
	reason := ""
	set := &cobra.Command{
		Use:   "set NAME VALUE",
		Short: "Give a policy another value; the next run begins with it",
		Long: `Give a policy another value: one of ` + strings.Join(cycle.PolicyNames(), ", ") + `. Runs under way keep those that they began
with. The change is the engine database's, and so every process's.

Exit codes: 0 changed · 2 there is no such policy or value · 4 it has that value already, or refused.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usage("say a policy and a value, such as `ferry policy set deletes delete --reason …`")
			}
			p := cycle.DefaultPolicies()
			if err := p.Set(args[0], args[1]); err != nil {
				return exitWith(exitUsage, err)
			}
			if strings.TrimSpace(reason) == "" {
				return usage("say why with --reason: the journal keeps it")
			}
			return f.once(cmd.Context(), func(ctx context.Context, c *crossing) error {
				if err := c.target.Ready(ctx); err != nil {
					return err
				}
				if err := c.SetPolicy(ctx, args[0], args[1], engine.Act{Reason: reason}); err != nil {
					return err
				}
				return f.changed(args[0], p.Get(args[0]), "the next run begins with it")
			})
		},
	}
	set.Flags().StringVar(&reason, "reason", "", "why, for other consoles and the journal")
	list := &cobra.Command{
		Use:   "list",
		Short: "Every policy with its value in force, its default, and where the config differs",
		Args:  noArguments,
		RunE:  func(cmd *cobra.Command, _ []string) error { return f.once(cmd.Context(), f.listPolicies) },
	}
	return group("policy", "What is done about rows that are gone or refused, and how many are too many", list, set)
}

// policyReport is a policy in JSON.
type policyReport struct {
	V       int                  `json:"v"`
	Type    string               `json:"type"`
	Name    string               `json:"name"`
	Value   string               `json:"value"` // in force
	Default string               `json:"default"`
	Config  engine.Maybe[string] `json:"config"` // what the config file says; null: nothing
	Differ  bool                 `json:"differs_from_config"`
	Why     string               `json:"why"`
}

func (f *ferry) listPolicies(ctx context.Context, c *crossing) error {
	if err := c.target.Ready(ctx); err != nil {
		return err
	}
	inForce, err := c.Policies(ctx)
	if err != nil {
		return err
	}
	wanted, names := f.settings.Policies(), cycle.PolicyNames()
	for _, name := range names {
		said, ok := wanted[name]
		r := policyReport{
			1, "policy", name, inForce.Get(name), cycle.DefaultPolicies().Get(name), known(said), ok && said != inForce.Get(name), config.PolicyUsage(name),
		}
		if f.settings.JSON {
			err = f.line(r)
		} else {
			err = f.say(policyLine(r))
		}
		if err != nil {
			return err
		}
	}
	return f.listed(len(names))
}

func policyLine(r policyReport) string {
	usual := "default"
	if r.Value != r.Default {
		usual = "not " + r.Default
	}
	line := fmt.Sprintf("%-14s %-8s %-12s %s", r.Name, r.Value, usual, r.Why)
	if r.Differ {
		line += fmt.Sprintf(" The config says %s, which is not in force.", r.Config.Value)
	}
	return line
}
