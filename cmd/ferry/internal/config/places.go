package config

import (
	"slices"
	"sort"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// places finds where every key of a document stands, by its path. The decoder keeps no positions, and its strict mode
// gives up at the first value of a wrong type; an operator wants to hear of everything at once. The document has been
// decoded before, so it has no faults of form.
type places struct {
	file   string
	lines  []int // where each line begins
	at     map[string]Place
	values map[string][2]int // where the text of a key begins and ends
	tables map[string]int    // where the name of a table begins
}

func findPlaces(file string, text []byte) places {
	p := places{file: file, lines: []int{0}, at: map[string]Place{}, values: map[string][2]int{}, tables: map[string]int{}}
	for i, c := range text {
		if c == '\n' {
			p.lines = append(p.lines, i+1)
		}
	}
	var parser unstable.Parser
	parser.Reset(text)
	var table []string
	for parser.NextExpression() {
		switch e := parser.Expression(); e.Kind { //nolint:exhaustive // an expression is one of these, or a comment
		case unstable.Table, unstable.ArrayTable:
			name := e.Key()
			table = p.note(nil, name)
			if name.Next() {
				p.tables[pathKey(table)] = int(name.Node().Raw.Offset)
			}
		case unstable.KeyValue:
			p.keyValue(table, e)
		}
	}
	return p
}

func (p *places) keyValue(table []string, e *unstable.Node) {
	path := p.note(table, e.Key())
	value := e.Value()
	if value.Kind == unstable.String {
		begin := int(value.Raw.Offset)
		p.values[pathKey(path)] = [2]int{begin, begin + int(value.Raw.Length)}
	}
	if value.Kind != unstable.InlineTable {
		return
	}
	for inner := value.Children(); inner.Next(); {
		p.keyValue(path, inner.Node())
	}
}

// note keeps the place of every part of a dotted key that was not seen before, and gives the whole path.
func (p *places) note(table []string, key unstable.Iterator) []string {
	path := slices.Clone(table)
	for key.Next() {
		part := key.Node()
		path = append(path, string(part.Data))
		if _, seen := p.at[pathKey(path)]; !seen {
			p.at[pathKey(path)] = p.place(int(part.Raw.Offset))
		}
	}
	return path
}

func (p *places) place(offset int) Place {
	line := sort.SearchInts(p.lines, offset+1)
	return Place{p.file, line, offset - p.lines[line-1] + 1}
}

// of is where a path stands.
func (p *places) of(path []string) Place {
	if place, ok := p.at[pathKey(path)]; ok {
		return place
	}
	return Place{File: p.file}
}

func pathKey(path []string) string { return strings.Join(path, "\x00") }
