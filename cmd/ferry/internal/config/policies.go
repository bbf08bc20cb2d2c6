package config

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"ferry/engine/cycle"
)

// policies reads what is done about rows that are gone or refused. Policies are named as everywhere, with hyphens; the
// file's own way of writing, with underscores, will do too.
func (r *reader) policies(tree map[string]any, path []string, profile string, out map[string]Value) {
	for _, key := range slices.Sorted(maps.Keys(tree)) {
		value := tree[key]
		at, name := join(path, key), strings.ReplaceAll(key, "_", "-")
		text, ok := policyText(value)
		switch {
		case !slices.Contains(cycle.PolicyNames(), name):
			r.faultf(at, "no policy %q%s", key, suggestPolicy(key))
			continue
		case !ok:
			r.faultf(at, "%s: want text in quotes or a number, found %s", dotted(at), describe(value))
			continue
		}
		p := cycle.DefaultPolicies()
		if err := p.Set(name, text); err != nil {
			r.faultf(at, "%v", err)
			continue
		}
		if _, twice := out[name]; twice {
			r.faultf(at, "%s: policy %s is given twice", dotted(at), name)
			continue
		}
		out[name] = Value{p.Get(name), r.places.of(at), profile}
	}
}

// policyText is a policy's value as it is set.
func policyText(value any) (string, bool) {
	switch v := value.(type) {
	case string:
		return v, true
	case int64:
		return strconv.FormatInt(v, 10), true
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64), true
	}
	return "", false
}

// suggestPolicy is what may have been meant, with hyphens.
func suggestPolicy(key string) string {
	var candidates []string
	for _, name := range cycle.PolicyNames() {
		candidates = append(candidates, strings.ReplaceAll(name, "-", "_"))
	}
	if hint := suggest(key, candidates); hint != "" {
		return strings.ReplaceAll(hint, "_", "-")
	}
	return "; `ferry config default` shows them all"
}

// Texts gives the texts of values.
func Texts(values map[string]Value) map[string]string {
	out := map[string]string{}
	for name, v := range values {
		out[name] = v.Text
	}
	return out
}

// DifferingPolicies says, for every policy that the config names, where the engine database holds something else, which is
// the one in force: a difference is told and never applied, as with rules.
func DifferingPolicies(config map[string]string, stored cycle.Policies) []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(config)) {
		if holds := stored.Get(name); config[name] != holds {
			out = append(out, fmt.Sprintf("policies.%s is %s in the config and %s in the engine database, which is in force; `ferry policy set` changes that",
				name, config[name], holds))
		}
	}
	return out
}
