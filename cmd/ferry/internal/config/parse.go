package config

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"ferry/engine/entity"
	"ferry/engine/redact"
)

// The file's tables that hold no settings.
const (
	rulesTable    = "rules"
	policiesTable = "policies"
	keysTable     = "keys"
	profilesTable = "profiles"
)

// byteOrderMark is what some editors put before everything.
const byteOrderMark = "\ufeff"

// Parse reads a config; name is what its faults call it.
func Parse(name string, text []byte, settings []Setting) (*File, error) {
	text = bytes.TrimPrefix(text, []byte(byteOrderMark))
	var tree map[string]any
	if err := toml.Unmarshal(text, &tree); err != nil {
		return nil, &Error{[]Fault{malformed(name, err)}}
	}
	r := reader{settings: settings, places: findPlaces(name, text)}
	file := &File{Path: name, Profiles: map[string]Layer{}, Keys: map[string]Binding{}}
	file.Common = r.layer(tree, nil, "")
	r.profiles(tree, file.Profiles)
	r.keys(tree, file.Keys)
	if len(r.faults) > 0 {
		inOrder(r.faults)
		return nil, &Error{r.faults}
	}
	return file, nil
}

// malformed is what the decoder says of a document that is no TOML.
func malformed(name string, err error) Fault {
	place := Place{File: name}
	if decode, ok := errors.AsType[*toml.DecodeError](err); ok {
		place.Line, place.Column = decode.Position()
	}
	return Fault{place, redact.Text(strings.TrimPrefix(err.Error(), "toml: "))}
}

// reader goes through a decoded document and collects what is wrong with it.
type reader struct {
	settings []Setting
	places   places
	faults   []Fault
}

func (r *reader) faultf(path []string, format string, args ...any) {
	r.faults = append(r.faults, Fault{r.places.of(path), fmt.Sprintf(format, args...)})
}

// layer reads the part for everybody, or one profile.
func (r *reader) layer(tree map[string]any, path []string, profile string) Layer {
	out := Layer{Values: map[string]Value{}, Rules: map[string]Value{}, Policies: map[string]Value{}}
	r.section(tree, path, "", profile, out.Values)
	for _, section := range r.sections() {
		if body, ok := r.table(tree, path, section); ok {
			r.section(body, join(path, section), section, profile, out.Values)
		}
	}
	if body, ok := r.table(tree, path, rulesTable); ok {
		r.rules(body, join(path, rulesTable), nil, profile, out.Rules)
	}
	if body, ok := r.table(tree, path, policiesTable); ok {
		r.policies(body, join(path, policiesTable), profile, out.Policies)
	}
	return out
}

// section reads the settings of one table.
func (r *reader) section(tree map[string]any, path []string, section, profile string, out map[string]Value) {
	known := r.known(section, profile)
	for name, value := range tree {
		at := join(path, name)
		setting, ok := known[name]
		if !ok {
			if section != "" || !slices.Contains(r.tables(profile), name) {
				r.unknown(at, section, profile)
			}
			continue
		}
		text, ok := asText(setting.Kind, value)
		if !ok {
			r.faultf(at, "%s: want %s, found %s", dotted(at), wanted(setting.Kind), describe(value))
			continue
		}
		if setting.Kind == Database && HoldsPassword(text) {
			r.faultf(at, "%s holds a password, and this file is no place for one: put it into a password file (passfile = …, or PGPASSFILE), "+
				"a service file, or the environment", dotted(at))
			continue
		}
		if err := setting.Check(text); err != nil {
			r.faultf(at, "%s = %s: %v", dotted(at), setting.Shown(text), err)
			continue
		}
		out[setting.Name] = Value{text, r.places.of(at), profile}
	}
}

// known gives the settings that a table may hold, by their keys.
func (r *reader) known(section, profile string) map[string]Setting {
	out := map[string]Setting{}
	for _, s := range r.settings {
		if s.Section == section && !s.Outside && (profile == "" || !s.Once) {
			out[s.key()] = s
		}
	}
	return out
}

// sections gives the tables that hold settings.
func (r *reader) sections() []string {
	out := map[string]bool{}
	for _, s := range r.settings {
		if s.Section != "" {
			out[s.Section] = true
		}
	}
	return slices.Sorted(maps.Keys(out))
}

// tables gives all tables that may stand at the top of the file, or in a profile.
func (r *reader) tables(profile string) []string {
	out := append(r.sections(), rulesTable, policiesTable)
	if profile == "" {
		out = append(out, keysTable, profilesTable)
	}
	return out
}

// unknown says that a key means nothing, and what may have been meant.
func (r *reader) unknown(path []string, section, profile string) {
	name := path[len(path)-1]
	candidates := slices.Collect(maps.Keys(r.known(section, profile)))
	if section == "" {
		candidates = append(candidates, r.tables(profile)...)
	}
	hint := suggest(name, candidates)
	if hint == "" {
		hint = r.elsewhere(name)
	}
	if strings.Contains(strings.ToLower(name), "password") {
		hint = "; passwords come from a password file (passfile = …, or PGPASSFILE), a service file, or the environment"
	}
	r.faultf(path, "unknown key %q%s", dotted(path), hint)
}

// elsewhere says where a setting belongs that stands in the wrong table.
func (r *reader) elsewhere(name string) string {
	for _, s := range r.settings {
		switch {
		case s.key() != name:
		case s.Outside:
			return fmt.Sprintf("; it cannot stand in the file: say %s or %s", s.Flag(), s.Variable())
		case s.Section != "":
			return fmt.Sprintf("; it belongs into [%s]", s.Section)
		default:
			return "; it belongs to the top of the file, before any table"
		}
	}
	if slices.Contains(r.tables(""), name) {
		return "; that table belongs to the top of the file"
	}
	return ""
}

// table gives the table of a name, if there is one.
func (r *reader) table(tree map[string]any, path []string, name string) (map[string]any, bool) {
	value, ok := tree[name]
	if !ok {
		return nil, false
	}
	body, ok := value.(map[string]any)
	if !ok {
		r.faultf(join(path, name), "%s: want a table, found %s", dotted(join(path, name)), describe(value))
	}
	return body, ok
}

// profiles reads every profile, also those that nobody has chosen: a fault is found today and not in the night when one
// is.
func (r *reader) profiles(tree map[string]any, out map[string]Layer) {
	all, _ := r.table(tree, nil, profilesTable)
	for name := range all {
		path := []string{profilesTable, name}
		if name == "" {
			r.faultf(path, "a profile needs a name")
			continue
		}
		if body, ok := r.table(all, path[:1], name); ok {
			out[name] = r.layer(body, path, name)
		}
	}
}

// rules reads severities: a rule's name has dots, so it may be spread over tables.
func (r *reader) rules(tree map[string]any, path, name []string, profile string, out map[string]Value) {
	for part, value := range tree {
		at, rule := join(path, part), join(name, part)
		switch value := value.(type) {
		case map[string]any:
			r.rules(value, at, rule, profile, out)
		case string:
			if err := checkRule(strings.Join(rule, "."), value); err != nil {
				r.faultf(at, "%v", err)
				continue
			}
			out[strings.Join(rule, ".")] = Value{value, r.places.of(at), profile}
		default:
			r.faultf(at, `%s: want "reject", "warn" or "off", found %s`, dotted(at), describe(value))
		}
	}
}

// keys reads which keys an action has. What actions there are is the console's affair.
func (r *reader) keys(tree map[string]any, out map[string]Binding) {
	body, _ := r.table(tree, nil, keysTable)
	for action, value := range body {
		at := []string{keysTable, action}
		list, ok := asList(value)
		if !ok {
			r.faultf(at, "%s: want a key or a list of keys, found %s", dotted(at), describe(value))
			continue
		}
		out[action] = Binding{list, r.places.of(at)}
	}
}

func asList(value any) ([]string, bool) {
	if one, ok := value.(string); ok {
		return []string{one}, true
	}
	list, ok := value.([]any)
	out := make([]string, len(list))
	for i, each := range list {
		var isText bool
		out[i], isText = each.(string)
		ok = ok && isText
	}
	return out, ok && len(list) > 0
}

// asText is a value in the form of a flag, if it is of the right type.
func asText(kind Kind, value any) (text string, ok bool) {
	switch v := value.(type) {
	case string:
		return v, kind == Text || kind == Database || kind == OfSides || kind == Channels || kind == Span || kind == Address
	case []any:
		list, ok := asList(value)
		return strings.Join(list, " "), kind == Channels && (ok || len(v) == 0)
	case bool:
		return strconv.FormatBool(v), kind == Switch || kind == OfSides
	case int64:
		return strconv.FormatInt(v, 10), kind == Number || kind == Share
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64), kind == Share
	}
	return "", false
}

func wanted(kind Kind) string {
	switch kind {
	case Number:
		return "a whole number"
	case Share:
		return "a number from 0 to 1"
	case Switch:
		return "true or false"
	case OfSides:
		return `true, false, "source" or "target"`
	case Channels:
		return "a list of URLs in quotes"
	case Span:
		return "a duration in quotes"
	case Address:
		return "host:port in quotes"
	case Text, Database:
	}
	return "text in quotes"
}

// describe names a value's type. The value itself is left out: it may be a secret in the wrong place.
func describe(value any) string {
	switch value.(type) {
	case string:
		return "text"
	case bool:
		return "true or false"
	case int64:
		return "a whole number"
	case float64:
		return "a fraction"
	case []any:
		return "a list"
	case map[string]any:
		return "a table"
	}
	return "a date or time"
}

// dotted is a path as it is written in the file.
func dotted(path []string) string {
	parts := make([]string, len(path))
	for i, part := range path {
		parts[i] = part
		if part == "" || strings.ContainsFunc(part, func(c rune) bool {
			return c != '_' && c != '-' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z')
		}) {
			parts[i] = strconv.Quote(part)
		}
	}
	return strings.Join(parts, ".")
}

// join makes a path longer without touching what others hold of it.
func join(path []string, name string) []string { return append(slices.Clone(path), name) }

// checkRule fails for a rule or a severity that does not exist, and for a rule that cannot be switched.
func checkRule(name, severity string) error {
	if names := slices.Sorted(maps.Keys(entity.DefaultRules())); !slices.Contains(names, name) {
		return fmt.Errorf("no rule %q%s", name, suggestOrList(name, names))
	}
	return entity.Rules{}.Set(name, entity.Severity(severity))
}
