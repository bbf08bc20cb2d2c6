package config

import (
	"fmt"
	"maps"
	"slices"

	"ferry/engine/entity"
)

// Severities gives the rules that a file names, for `ferry init` to seed the engine database with.
func Severities(values map[string]Value) entity.Rules {
	out := entity.Rules{}
	for name, v := range values {
		out[name] = entity.Severity(v.Text)
	}
	return out
}

// DifferingRules says, for every rule that the config names, where the engine database holds something else. That copy
// is the one in force: every process must judge by the same rules, whatever file it was started with, and a change of
// them is journalled. So a difference is told and never applied.
func DifferingRules(config, stored entity.Rules) []string {
	var out []string
	for _, e := range entity.All() {
		for _, rule := range e.Rules {
			wants, ok := config[rule.Name]
			if holds := stored.Of(rule); ok && wants != holds {
				out = append(out, fmt.Sprintf("rules.%s is %q in the config and %q in the engine database, which is in force",
					rule.Name, wants, holds))
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(config)) {
		if _, known := entity.DefaultRules()[name]; !known {
			out = append(out, fmt.Sprintf("rules.%s is in the config, and there is no such rule", name))
		}
	}
	return out
}
