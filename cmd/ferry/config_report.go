package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"ferry/cmd/ferry/internal/config"
	"ferry/engine"
	"ferry/engine/redact"
	"ferry/store/enginedb"
	"ferry/store/notify"
	"ferry/store/session"
	"ferry/tui/sanitize"
)

// configReport is the result of `ferry config check`: fields are only ever added.
type configReport struct {
	V         int                     `json:"v"`
	Type      string                  `json:"type"`
	OK        bool                    `json:"ok"`
	File      engine.Maybe[string]    `json:"file"`
	Profile   engine.Maybe[string]    `json:"profile"`
	Settings  map[string]valueReport  `json:"settings,omitempty"`
	Rules     map[string]valueReport  `json:"rules,omitempty"`    // that the file names
	Policies  map[string]valueReport  `json:"policies,omitempty"` // likewise
	Keys      map[string][]string     `json:"keys,omitempty"`     // likewise
	Databases map[string]*factsReport `json:"databases,omitempty"`
	Differing engine.Maybe[[]string]  `json:"differing_rules"` // unknown if the engine database did not say
	NotRead   string                  `json:"differing_rules_unknown,omitempty"`
	// DifferingPolicies are unknown for the same reason.
	DifferingPolicies engine.Maybe[[]string] `json:"differing_policies"`
	Themes            []string               `json:"themes,omitempty"`      // of the operator's own folder
	ThemeNotes        []string               `json:"theme_notes,omitempty"` // which of them are hard to read, and where
	Faults            []faultReport          `json:"faults"`
}

type valueReport struct {
	Value   any                  `json:"value"` // null: nothing is set
	From    string               `json:"from"`
	Where   string               `json:"where,omitempty"`
	Profile engine.Maybe[string] `json:"profile"`
}

type factsReport struct {
	Address  string `json:"address"`
	TLS      string `json:"tls"`
	Insecure bool   `json:"insecure"`
	Password string `json:"password"`
}

type faultReport struct {
	File    string              `json:"file,omitempty"`
	Line    engine.Maybe[int64] `json:"line"`
	Column  engine.Maybe[int64] `json:"column"`
	Message string              `json:"message"`
}

// String is for people: the place, then what is wrong there.
func (r faultReport) String() string {
	if !r.Line.Known {
		return strings.TrimPrefix(r.File+": "+r.Message, ": ")
	}
	return fmt.Sprintf("%s:%d:%d: %s", r.File, r.Line.Value, r.Column.Value, r.Message)
}

// faultsOf takes an error about settings apart.
func faultsOf(err error) []faultReport {
	inFile, ok := errors.AsType[*config.Error](err)
	if !ok {
		return []faultReport{{Message: redact.Text(err.Error())}}
	}
	var out []faultReport
	for _, fault := range inFile.Faults {
		r := faultReport{File: fault.File, Message: fault.Message}
		if fault.Line > 0 {
			r.Line, r.Column = engine.Known(int64(fault.Line)), engine.Known(int64(fault.Column))
		}
		out = append(out, r)
	}
	return out
}

// effective gathers what is in force.
func (f *ferry) effective(ctx context.Context) configReport {
	s := &f.settings
	r := configReport{
		V: 1, Type: "result", Settings: map[string]valueReport{}, Rules: map[string]valueReport{}, Keys: s.Keys(),
		Policies:  map[string]valueReport{},
		Databases: map[string]*factsReport{}, Faults: []faultReport{},
		File: known(s.file.Path), Profile: known(s.Profile),
	}
	for _, x := range table {
		o := s.said[x.Name]
		value := valueReport{Value: typed(x.Setting, o.value), From: o.from, Where: o.String(x.Setting), Profile: known(o.place.Profile)}
		r.Settings[x.Name] = value
	}
	for name, v := range s.file.Rules(s.Profile) {
		r.Rules[name] = valueReport{Value: v.Text, From: fromFile, Where: v.Place.String(), Profile: known(v.Profile)}
	}
	for name, v := range s.file.Policies(s.Profile) {
		r.Policies[name] = valueReport{Value: v.Text, From: fromFile, Where: v.Place.String(), Profile: known(v.Profile)}
	}
	for _, side := range sides {
		if s.dsn(side.Side) == "" {
			r.Databases[side.setting] = nil
			continue
		}
		facts, err := s.facts(side.Side)
		if err != nil {
			r.Faults = append(r.Faults, faultReport{Message: redact.Text(s.where(side.setting) + ": " + err.Error())})
			continue
		}
		r.Databases[side.setting] = &factsReport{facts.Address, facts.TLS, facts.Insecure, facts.Password}
	}
	if _, err := s.keymap(); err != nil {
		r.Faults = append(r.Faults, faultReport{File: s.file.Path, Message: "[keys]: " + err.Error()})
	}
	f.checkThemes(&r)
	f.compareRules(ctx, &r)
	r.OK = len(r.Faults) == 0
	return r
}

// known is a text that is there unless it is empty.
func known(text string) engine.Maybe[string] {
	return engine.Maybe[string]{Value: text, Known: text != ""}
}

// typed is a setting's value as JSON has it, without secrets.
func typed(x config.Setting, text string) any {
	if text == "" {
		return nil
	}
	switch x.Kind {
	case config.Number:
		if n, err := strconv.Atoi(text); err == nil {
			return n
		}
	case config.Share:
		if share, err := strconv.ParseFloat(text, 64); err == nil {
			return share
		}
	case config.Switch:
		if is, err := strconv.ParseBool(text); err == nil {
			return is
		}
	case config.Channels:
		return notify.Names(notify.Split(text))
	case config.Text, config.Database, config.OfSides, config.Span, config.Address:
	}
	if shown := redact.Text(text); shown != text || x.Kind != config.Database || !config.HoldsPassword(text) {
		return shown
	}
	return "***" // a password in a form that only the driver sees
}

// compareRules asks the engine database for the rules and policies in force, if the config names any. That it does not
// answer is no fault of the config.
func (f *ferry) compareRules(ctx context.Context, r *configReport) {
	rules, policies := f.settings.Rules(), f.settings.Policies()
	switch {
	case len(rules)+len(policies) == 0:
		return
	case r.Databases["target"] == nil:
		r.NotRead = "no engine database to ask"
		return
	}
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	db, err := enginedb.Open(ctx, f.settings.Target, "ferry config check", 0, true)
	if err != nil {
		r.NotRead = redact.Text(err.Error())
		return
	}
	defer db.Close()
	stored, err := db.Rules(ctx)
	if err != nil {
		r.NotRead = redact.Text(err.Error())
		return
	}
	decided, err := db.Policies(ctx)
	if err != nil {
		r.NotRead = redact.Text(err.Error())
		return
	}
	r.Differing = engine.Known(append([]string{}, config.DifferingRules(rules, stored)...))
	r.DifferingPolicies = engine.Known(append([]string{}, config.DifferingPolicies(policies, decided)...))
}

// writeConfig writes a report for people.
func (f *ferry) writeConfig(r configReport) {
	columns := tabwriter.NewWriter(f.out, 0, 0, 2, ' ', 0)
	row := func(name, value, where string) {
		fmt.Fprintf(columns, "%s\t%s\t%s\n", name, sanitize.Text(cmp.Or(value, "–")), sanitize.Text(where))
	}
	looked := ""
	if usual := usualConfig(f.getenv); !r.File.Known && usual != "" {
		looked = usual + " is not there"
	}
	row("file", r.File.Or("none"), looked)
	for _, x := range table {
		if x.Outside {
			continue
		}
		v := r.Settings[x.Name]
		row(x.Key(), text(v.Value), v.Where)
	}
	for _, name := range slices.Sorted(maps.Keys(r.Rules)) {
		row("rules."+name, text(r.Rules[name].Value), r.Rules[name].Where)
	}
	for _, name := range slices.Sorted(maps.Keys(r.Policies)) {
		row("policies."+name, text(r.Policies[name].Value), r.Policies[name].Where)
	}
	for _, action := range slices.Sorted(maps.Keys(r.Keys)) {
		row("keys."+action, strings.Join(r.Keys[action], ", "), f.settings.file.Keys[action].Place.String())
	}
	_ = columns.Flush() // to a terminal or a pipe: there is nobody to tell
	for _, side := range sides {
		facts := r.Databases[side.setting]
		if facts == nil {
			continue
		}
		verified := "TLS " + facts.TLS
		if facts.TLS == session.OnThisMachine {
			verified = "on this machine"
		}
		if facts.Insecure {
			verified = "NOT VERIFIED: sslmode=" + facts.TLS + ", allowed by " + r.Settings["allow-unverified-tls"].Where
		}
		fmt.Fprintf(f.out, "%s is %s, %s, password from %s\n", side.setting, sanitize.Text(facts.Address), sanitize.Text(verified),
			sanitize.Text(facts.Password))
	}
	if len(r.Themes) > 0 {
		fmt.Fprintf(f.out, "themes of your own: %s\n", sanitize.Text(strings.Join(r.Themes, ", ")))
	}
	for _, difference := range slices.Concat(r.Differing.Value, r.DifferingPolicies.Value, r.ThemeNotes) {
		fmt.Fprintf(f.out, "! %s\n", sanitize.Text(difference))
	}
	if r.NotRead != "" {
		fmt.Fprintf(f.out, "? rules and policies were not compared with the engine database's: %s\n", sanitize.Text(r.NotRead))
	}
}

func text(value any) string {
	if value == nil {
		return ""
	}
	if list, ok := value.([]string); ok {
		return strings.Join(list, ", ")
	}
	return fmt.Sprint(value)
}
