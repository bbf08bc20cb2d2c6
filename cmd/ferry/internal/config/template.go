package config

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"ferry/engine"
	"ferry/engine/cycle"
	"ferry/engine/entity"
	"ferry/engine/monitor"
)

// Key is one row of the console's keymap, as the default config shows it.
type Key struct {
	Action string
	Keys   []string
	Does   string
}

const heading = `# ferry's config, with every setting at its default. Lines that begin with "#" and a letter are settings: take the "#" away
# and change them.
#
# It is read from --config, else $FERRY_CONFIG, else $XDG_CONFIG_HOME/ferry/config.toml (~/.config/ferry/config.toml).
# A flag comes before the environment, the environment before this file, and in it a profile before the rest.
# ` + "`ferry config check`" + ` says what is in force, and where it comes from.
#
# A password in a connection string is refused here. It comes from a password file (passfile, or PGPASSFILE), from a
# service file (service=… in the connection string, PGSERVICEFILE), or from the environment (FERRY_SOURCE, PGPASSWORD);
# files with passwords must be their owner's alone (chmod 600).
`

const profilesHeading = `
# A profile is a named pair of databases with its settings, chosen with --profile, FERRY_PROFILE, or profile at the top. It
# overrides what stands above, rules, policies and limits included. With profiles in the file, one that is not there is refused.
#
#   [profiles.prod]
#   source = "postgres://ferry_reader@odoo-db/prod?sslmode=verify-full"
#   target = "service=engine"
#   read_only = true
#
#   [profiles.prod.rules]
#   card.partner_missing = "warn"
`

const rulesHeading = `
# What happens to a row that breaks a rule: "reject" sets it aside, "warn" loads and counts it, "off" does not look.
# ` + "`ferry init`" + ` takes these into a new engine database. From then on the engine database's are in force: where this file
# differs, ` + "`ferry config check`" + ` says so, and nothing changes.
[rules]
`

const policiesHeading = `
# What is done about rows that are gone from the source, and how many of them, or of rows that the engine database refuses,
# are too many; and the service levels: when one is missed, when somebody is told. ` + "`ferry init`" + ` takes these into a new engine
# database, as it does the rules; ` + "`ferry policy set`" + ` changes one later.
[policies]
`

const keysHeading = `
# The console's keys: a key, or a list of them.
[keys]
`

// WriteDefault writes a config that says nothing and documents everything: what is in it, uncommented, is the default.
func WriteDefault(w io.Writer, settings []Setting, keys []Key) error {
	var out strings.Builder
	out.WriteString(heading)
	section := ""
	inTables := slices.Clone(settings)
	slices.SortStableFunc(inTables, func(a, b Setting) int { return strings.Compare(a.Section, b.Section) })
	for _, s := range inTables {
		if s.Outside {
			continue
		}
		if s.Section != section {
			section = s.Section
			fmt.Fprintf(&out, "\n[%s]\n", section)
		}
		fmt.Fprintf(&out, "\n# %s\n# %s, %s\n#%s = %s\n", s.Usage, s.Flag(), s.Variable(), s.key(), literal(s))
	}
	writeRules(&out)
	writePolicies(&out)
	out.WriteString(keysHeading)
	for _, k := range keys {
		quoted := make([]string, len(k.Keys))
		for i, key := range k.Keys {
			quoted[i] = strconv.Quote(key)
		}
		fmt.Fprintf(&out, "\n# %s\n#%s = [%s]\n", k.Does, k.Action, strings.Join(quoted, ", "))
	}
	out.WriteString(profilesHeading)
	_, err := io.WriteString(w, out.String())
	return err //nolint:wrapcheck // the caller knows where it writes
}

func writeRules(out *strings.Builder) {
	out.WriteString(rulesHeading)
	var fixed []string
	for _, e := range entity.All() {
		for _, rule := range e.Rules {
			if rule.Fixed {
				fixed = append(fixed, rule.Name)
				continue
			}
			fmt.Fprintf(out, "\n# %s\n#%s = %q\n", rule.Why, rule.Name, rule.Default)
		}
	}
	if len(fixed) > 0 {
		fmt.Fprintf(out, "\n# Always \"reject\", because the engine's tables could not hold such a row:\n#   %s\n", strings.Join(fixed, "\n#   "))
	}
}

func writePolicies(out *strings.Builder) {
	out.WriteString(policiesHeading)
	defaults := cycle.DefaultPolicies()
	for _, name := range cycle.PolicyNames() {
		value := defaults.Get(name)
		if _, err := strconv.ParseFloat(value, 64); err != nil {
			value = strconv.Quote(value)
		}
		fmt.Fprintf(out, "\n# %s\n#%s = %s\n", PolicyUsage(name), name, value)
	}
}

// PolicyUsage says in a line what a policy decides.
func PolicyUsage(name string) string {
	switch name {
	case engine.PolicyThrottle:
		return `Runs read at most so many source rows a second, all workers of all processes together; "none" does not hold them. It counts at once.`
	case engine.PolicyBatchRows:
		return `A batch has at most so many rows; "auto" has batches adapt to about a second each. It counts at once.`
	case "deletes":
		return `Engine rows whose source row is gone: "report" lists them and lets them stay, "delete" has them leave.`
	case "vanish-share":
		return "A run stops and asks if a larger share of an entity's rows than this is gone since the cycle before."
	case "vanish-rows":
		return "A run stops and asks if more of an entity's rows than this are gone since the cycle before."
	case "refused-share":
		return "A run pauses if the engine database refuses more than this share of the rows of a step."
	case "sweep-every":
		return "The ids of both sides are compared at least so often."
	case "proof-age":
		return "Rows that were compared longer ago than this are no longer proven to agree."
	case "proof-every":
		return "While ticks are kept, all rows are compared in small budgets at least so often; 0s: only when asked."
	}
	return cmp.Or(monitor.Usage(name), name)
}

// literal is a setting's default as TOML.
func literal(s Setting) string {
	switch s.Kind {
	case Number, Share, Switch:
		return s.Default
	case Channels:
		return "[]"
	case Text, Database, OfSides, Span, Address:
	}
	return strconv.Quote(s.Default)
}
