package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"ferry/engine"
	"ferry/themes"
)

// themesFolder is where an operator's themes are looked for; empty if there is no home.
func themesFolder(getenv func(string) string) string {
	file := usualConfig(getenv)
	if file == "" {
		return ""
	}
	return filepath.Join(filepath.Dir(file), "themes")
}

// loadThemes gives all themes, and what is wrong with those of the operator's folder.
func (f *ferry) loadThemes() (themes.Set, []themes.Fault) {
	set, err := themes.Load(themesFolder(f.getenv))
	if found, ok := errors.AsType[*themes.FaultsError](err); ok {
		return set, found.Faults
	}
	return set, nil
}

// themes gives all themes, the wanted one first. A broken one does not keep the console from opening: it is left out,
// and said; if it is the wanted one, another stands in.
func (f *ferry) themes(fallback string) (list []themes.Theme, said []string, err error) {
	set, faults := f.loadThemes()
	name, instead := f.settings.Theme, ""
	if name == "" {
		name = fallback
	}
	first, err := set.Get(name)
	if err != nil && slices.ContainsFunc(faults, func(fault themes.Fault) bool { return fault.Theme == name }) {
		first, err = set.Get(fallback)
		instead = "; " + fallback + " stands in for it"
	}
	if err != nil {
		return nil, nil, usage("%s: %w", f.settings.where("theme"), err)
	}
	list = []themes.Theme{first}
	for _, other := range set.Names() {
		if other != first.Name {
			list = append(list, set[other])
		}
	}
	for i, fault := range faults {
		if i > 0 && instead == "" {
			said = append(said, fmt.Sprintf("themes: `ferry config check` names %d more faults", len(faults)-1))
			break
		}
		if instead != "" && fault.Theme != name {
			continue
		}
		said = append(said, "theme "+fault.Theme+" is left out: "+fault.String()+instead)
		if instead != "" {
			break
		}
	}
	return list, said, nil
}

// checkThemes adds to a report what there is in the operator's folder of themes, what is broken, and what can be read
// but poorly.
func (f *ferry) checkThemes(r *configReport) {
	set, faults := f.loadThemes()
	for _, fault := range faults {
		told := faultReport{File: fault.File, Message: fault.Text}
		if fault.Line > 0 {
			told.Line, told.Column = engine.Known(int64(fault.Line)), engine.Known(int64(fault.Column))
		}
		r.Faults = append(r.Faults, told)
	}
	for _, name := range set.Own() {
		r.Themes = append(r.Themes, name)
		for _, poor := range set[name].Faults() {
			r.ThemeNotes = append(r.ThemeNotes, "theme "+name+" is hard to read: "+poor)
		}
	}
	if name := f.settings.Theme; name != "" && !slices.ContainsFunc(faults, func(fault themes.Fault) bool { return fault.Theme == name }) {
		if _, err := set.Get(name); err != nil {
			r.Faults = append(r.Faults, faultReport{Message: f.settings.where("theme") + ": " + err.Error()})
		}
	}
}
