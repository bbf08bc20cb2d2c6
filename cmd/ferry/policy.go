package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"ferry/cmd/ferry/internal/config"
	"ferry/engine"
	"ferry/engine/cycle"
	"ferry/engine/monitor"
	"ferry/tui/widget"
)

func (f *ferry) policyCommand() *cobra.Command {
	reason := ""
	set := &cobra.Command{
		Use:   "set NAME VALUE --reason TEXT",
		Short: "Give a policy another value; the next run begins with it, a throttle counts at once",
		Long: `Give a policy another value: one of ` + strings.Join(cycle.PolicyNames(), ", ") + `. Runs under way keep those that they began
with, but for throttle and batch-rows: these count at once, in every process. The change is the engine database's, and so every process's.

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
				return f.setPolicy(ctx, c, args[0], p.Get(args[0]), reason)
			})
		},
	}
	set.Flags().StringVar(&reason, "reason", "", "why, for other consoles and the journal; required")
	list := &cobra.Command{
		Use:   "list",
		Short: "Every policy with its value in force, its default, and where the config differs",
		Args:  noArguments,
		RunE:  func(cmd *cobra.Command, _ []string) error { return f.once(cmd.Context(), f.listPolicies) },
	}
	return group("policy", "What is done about rows that are gone or refused, how many are too many, and when somebody is told", list, set)
}

// setPolicy gives a policy another value, and warns of rows that are listed for what it does.
func (f *ferry) setPolicy(ctx context.Context, c *crossing, name, value, reason string) error {
	before, err := c.Policies(ctx)
	if err != nil {
		return err
	}
	s, err := c.target.Read(ctx)
	if err != nil {
		return err
	}
	if err := c.SetPolicy(ctx, name, value, engine.Act{Reason: reason}); err != nil {
		return err
	}
	extra := map[string]int64{}
	for _, e := range s.Entities {
		if name != "deletes" || value != string(cycle.DeletesDelete) || e.Extra.Or(0) == 0 {
			continue
		}
		extra[e.Name] = e.Extra.Value
		fmt.Fprintf(f.err, "%s of %s %s listed and will leave the engine with the next run, but for those that it has made its own or that others belong to\n",
			widget.Plural(e.Extra.Value, "extra row", "extra rows"), e.Name, map[bool]string{true: "is", false: "are"}[e.Extra.Value == 1])
	}
	if f.settings.JSON {
		return f.line(map[string]any{"v": 1, "type": "result", "name": name, "value": value, "was": before.Get(name), "extra_listed": extra})
	}
	from := "from the next run on"
	switch {
	case name == engine.PolicyThrottle || name == engine.PolicyBatchRows:
		from = "at once, for runs under way too"
	case monitor.Usage(name) != "":
		from = "from the next look at the service levels on"
	}
	return f.say(fmt.Sprintf("policy %s: %s (was %s), %s", name, value, before.Get(name), from))
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
		usual = "default " + r.Default
	}
	line := fmt.Sprintf("%-44s %-8s %-14s %s", r.Name, r.Value, usual, r.Why)
	if r.Differ {
		line += fmt.Sprintf(" The config says %s, which is not in force.", r.Config.Value)
	}
	return line
}
