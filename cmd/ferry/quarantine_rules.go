package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"ferry/engine"
	"ferry/engine/entity"
)

func (f *ferry) quarantineRuleCommand() *cobra.Command {
	reason := ""
	cmd := &cobra.Command{
		Use:   "rule NAME reject|warn|off --reason TEXT",
		Short: "Give a rule another severity; the next run reads every row once",
		Long: `Give a rule another severity: "reject" sets a row that breaks it aside, "warn" loads and counts it, "off" does not look. The
next run reads every row once, with the rules as they are then. The change is the engine database's, and so every process's.

Exit codes: 0 changed · 2 there is no such rule or severity, or the rule is fixed · 4 it has that severity already, or refused.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usage("say a rule and a severity, such as `ferry quarantine rule card.partner_missing warn --reason …`")
			}
			if _, known := entity.DefaultRules()[args[0]]; !known {
				return usage("no rule %q; `ferry quarantine rules` lists them", args[0])
			}
			if err := (entity.Rules{}).Set(args[0], entity.Severity(args[1])); err != nil {
				return exitWith(exitUsage, err)
			}
			if strings.TrimSpace(reason) == "" {
				return usage("say why with --reason: the journal keeps it")
			}
			return f.once(cmd.Context(), func(ctx context.Context, c *crossing) error {
				if err := c.target.Ready(ctx); err != nil {
					return err
				}
				if err := c.SetRule(ctx, args[0], args[1], engine.Act{Reason: reason}); err != nil {
					return err
				}
				return f.changed(args[0], args[1], "the next run reads every row once")
			})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why, for other consoles and the journal; required")
	return cmd
}

// changed says what something is from now on.
func (f *ferry) changed(name, value, effect string) error {
	if f.settings.JSON {
		return f.line(map[string]any{"v": 1, "type": "result", "name": name, "value": value})
	}
	return f.say(fmt.Sprintf("%s is %s from now on; %s", name, value, effect))
}

// ruleReport is a rule in JSON.
type ruleReport struct {
	engine.RuleView

	V      int                  `json:"v"`
	Type   string               `json:"type"`
	Config engine.Maybe[string] `json:"config"` // what the config file says; null: nothing
	Differ bool                 `json:"differs_from_config"`
}

func (f *ferry) quarantineRulesCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "rules",
		Short: "Every rule with its severity in force, its default, and where the config differs",
		Long: `List every rule: its severity in force, which is the engine database's, its default, and what the config file says where that
is something else. ` + "`ferry quarantine rule`" + ` changes one; a config that differs changes nothing.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.once(cmd.Context(), f.listRules) },
	}
}

func (f *ferry) listRules(ctx context.Context, c *crossing) error {
	if err := c.target.Ready(ctx); err != nil {
		return err
	}
	rules, err := c.Rules(ctx)
	if err != nil {
		return err
	}
	wanted := f.settings.Rules()
	for _, r := range rules {
		said, ok := wanted[r.Name]
		report := ruleReport{r, 1, "rule", known(string(said)), ok && string(said) != r.Severity}
		if f.settings.JSON {
			err = f.line(report)
		} else {
			err = f.say(ruleLine(report))
		}
		if err != nil {
			return err
		}
	}
	return f.listed(len(rules))
}

func ruleLine(r ruleReport) string {
	line := fmt.Sprintf("%-28s %-7s", r.Name, r.Severity)
	switch {
	case r.Fixed:
		line += " fixed         "
	case r.Severity == r.Default:
		line += " default       "
	default:
		line += fmt.Sprintf(" default %-6s", r.Default)
	}
	line += " " + r.Why
	if r.Differ {
		line += fmt.Sprintf("; the config says %s, which is not in force", r.Config.Value)
	}
	return line
}
