package grid

import (
	"maps"
	"slices"
	"strings"

	"ferry/engine"
	"ferry/themes"
	"ferry/tui/canvas"
	"ferry/tui/keymap"
	"ferry/tui/widget"
)

// filter is the filter in force, and the line in which another is typed.
type filter struct {
	text  string // as it was typed
	terms engine.Filter
	typed bool // the line has the keys
	input widget.Input
	wrong error // what is wrong with what is typed
}

func (f *filter) open() {
	f.typed, f.wrong = true, nil
	f.input = widget.NewInput(f.text)
}

// Typing reports whether a filter is being typed, so that the grid has all keys; see screen.Text.
func (g *Grid[T]) Typing() bool { return g.filter.typed }

// Type puts text into the filter that is typed.
func (g *Grid[T]) Type(text string) {
	g.filter.input.Insert(text)
	g.check()
}

// Edit carries out an action of a field on the filter that is typed; false says that it is none of a single line.
func (g *Grid[T]) Edit(action keymap.Action) bool {
	in := &g.filter.input
	switch action { //nolint:exhaustive // the others are of several fields
	case keymap.FieldAccept:
		g.endTyping(true)
		return true
	case keymap.FieldClose:
		g.endTyping(false)
		return true
	}
	if !in.Do(action) {
		return false
	}
	g.check()
	return true
}

// Fields lists what a filter can name.
func (g *Grid[T]) Fields() []string {
	var names []string
	for _, c := range g.config.Columns {
		if c.Name != "" {
			names = append(names, c.Name)
		}
	}
	return append(names, g.config.Fields...)
}

// titles are the columns that a filter can name by what stands above them, in one word.
func (g *Grid[T]) titles() map[string]string {
	titles, names := map[string]string{}, g.Fields()
	for _, c := range g.config.Columns {
		if c.Name != "" && c.Title != "" && !strings.Contains(c.Title, " ") && !slices.Contains(names, c.Title) {
			titles[c.Title] = c.Name
		}
	}
	return titles
}

// parse reads a filter, in which a column may be called by its title or by its name.
func (g *Grid[T]) parse(text string) (engine.Filter, error) {
	titles := g.titles()
	terms, err := engine.ParseFilter(text, append(g.Fields(), slices.Collect(maps.Keys(titles))...))
	for i := range terms {
		if name, ok := titles[terms[i].Field]; ok {
			terms[i].Field = name
		}
	}
	return terms, err
}

// hints are the columns as an operator would call them: by what stands above them.
func (g *Grid[T]) hints() string {
	words := g.Fields()
	for title, name := range g.titles() {
		words[slices.Index(words, name)] = title
	}
	return strings.Join(words, ", ")
}

func (g *Grid[T]) check() {
	_, g.filter.wrong = g.parse(g.filter.input.String())
}

// endTyping puts what was typed in force, or leaves all as it was. What is no filter stays to be mended.
func (g *Grid[T]) endTyping(accept bool) {
	if !accept {
		g.filter.typed = false
		return
	}
	text := strings.TrimSpace(g.filter.input.String())
	terms, err := g.parse(text)
	if g.filter.wrong = err; err != nil {
		return
	}
	g.filter.typed = false
	if text != g.filter.text {
		g.setFilter(text, terms)
	}
}

// SetFilter filters by a text, as if it had been typed. What is wrong with it is an error.
func (g *Grid[T]) SetFilter(text string) error {
	terms, err := g.parse(text)
	if err != nil {
		return err
	}
	g.setFilter(strings.TrimSpace(text), terms)
	return nil
}

// lines shows the filter in force, or the line in which it is typed and what is wrong with it.
func (g *Grid[T]) filterLines(width int) []canvas.Line {
	lead := canvas.Of(themes.Accent, " / ")
	if !g.filter.typed {
		if len(g.filter.terms) == 0 {
			return nil
		}
		hint := canvas.Of(themes.Muted, "  "+g.keys.Key(keymap.Back)+" clears the filter ")
		text := canvas.Of(themes.Title, g.filter.text)
		if room := width - lead.Width() - hint.Width(); room < text.Width() {
			text = text.Fit(max(0, width-lead.Width()))
			return []canvas.Line{*lead.Add(text)}
		}
		return []canvas.Line{*lead.Add(text).Add(hint)}
	}
	below := canvas.Of(themes.Muted, "   word · !word · column:word · columns: "+g.hints())
	if g.filter.wrong != nil {
		below = canvas.Of(themes.Bad, "   ✗ "+g.filter.wrong.Error())
	}
	input := g.filter.input.Line(max(1, width-lead.Width()-1), true)
	return []canvas.Line{*lead.Add(input), below}
}
