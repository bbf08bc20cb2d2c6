package entity

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"ferry/engine/pgcopy"
)

// MappedText gives a tuple's mapped columns as canonical text, by name; what follows them is left out, and so are NULL columns.
// Two texts are equal exactly if the values are: one that is too long to be kept is cut, and named by its hash.
func (e *Entity) MappedText(fields [][]byte) (map[string]string, error) {
	if len(fields) < len(e.mapped) {
		return nil, fmt.Errorf("%s: %d fields, expected %d", e.Target, len(fields), len(e.mapped))
	}
	kinds := e.mappedKinds()
	out := make(map[string]string, len(e.mapped))
	for i, field := range fields[:len(e.mapped)] {
		if field == nil {
			continue
		}
		text, err := storedText(kinds[i], field)
		if err != nil {
			return nil, fmt.Errorf("%s.%s: %w", e.Target, e.mapped[i], err)
		}
		out[e.mapped[i]] = text
	}
	return out, nil
}

// mappedKinds are the kinds of the mapped columns; ids and links are integers.
func (e *Entity) mappedKinds() []Kind {
	out := []Kind{KindInt, KindInt}
	for i, c := range e.Columns {
		if c.Target != "" {
			out = append(out, c.Kind)
		}
		if e.linkOf(i) != "" {
			out = append(out, KindInt)
		}
	}
	return out
}

// storedText is one field of the engine's as text.
func storedText(kind Kind, field []byte) (string, error) {
	v := Value{State: Present}
	var err error
	switch kind {
	case KindText:
		return wholeText(string(field)), nil
	case KindPoints:
		n, err := pgcopy.DecodeNumeric(field)
		if err != nil {
			return "", err
		}
		v = PointsFromNumeric(n)
	case KindTime:
		if v.Int, err = pgcopy.Int(field); v.Int == pgcopy.TimeInfinity || v.Int == pgcopy.TimeNegInfinity {
			v.State = Endless
		}
	case KindInt:
		v.Int, err = pgcopy.Int(field)
	}
	return v.format(kind), err
}

// wholeText is a text as it is, or what tells it from every other where it is too long.
func wholeText(text string) string {
	if len(text) <= maxShown {
		return text
	}
	sum := sha256.Sum256([]byte(text))
	return shorten(text) + " " + hex.EncodeToString(sum[:])
}
