package entity

import (
	"fmt"
	"strings"

	"ferry/engine/pgcopy"
)

// Wire is the form in which a column arrives.
type Wire uint8

// The wire forms. Integers and texts are cast in the query; points and times arrive as the source stores them.
const (
	WireAbsent Wire = iota // an optional column that this source does not have
	WireInt
	WireText
	WireFloat8
	WireNumeric
	WireTime
	WireInt8 // integers that may be wider than Odoo makes them
)

// Shape is how a source has an entity's columns; found once a connection by looking at its catalog.
type Shape []Wire

// Decoder turns the tuples of one source into rows. It is not safe for concurrent use.
type Decoder struct {
	entity *Entity
	shape  Shape
	texts  map[string]string // few texts repeat often (states, origins): keep one of each
	chunk  strings.Builder   // holds the others, many in one piece of memory
	clean  []byte            // a code on its way
	values []Value           // for the next rows
	row    Row               // on its way
}

// maxTexts bounds the decoder's memory of texts.
const maxTexts = 4096

// chunkSize is how many bytes of texts share one piece of memory, and valueRows how many rows do. Whoever keeps one of them
// keeps them all: they are small against a batch.
const (
	chunkSize = 64 << 10
	valueRows = 128
)

// NewDecoder decodes tuples of id and the entity's columns in order, absent ones left out.
func NewDecoder(e *Entity, shape Shape) *Decoder {
	return &Decoder{entity: e, shape: shape, texts: make(map[string]string)}
}

// Decode makes the canonical row of one tuple. Values that the engine cannot hold are marked, not refused: the rules
// decide about them. An error means that the tuple is not what the query asked for.
func (d *Decoder) Decode(fields [][]byte) (Row, error) {
	count := len(d.entity.Columns)
	if len(d.values) < count {
		d.values = make([]Value, valueRows*count)
	}
	d.row.Values = d.values[:count:count]
	d.values = d.values[count:]
	err := d.DecodeInto(&d.row, fields)
	return d.row, err
}

// DecodeInto is Decode into a row that held another one: its values are overwritten, and stay as long as its texts do.
func (d *Decoder) DecodeInto(row *Row, fields [][]byte) error {
	if len(fields) == 0 || fields[0] == nil {
		return fmt.Errorf("%s: a row without id", d.entity.Name)
	}
	id, err := pgcopy.Int(fields[0])
	if err != nil {
		return fmt.Errorf("%s: id: %w", d.entity.Name, err)
	}
	row.ID = id
	next := 1
	for i := range d.entity.Columns {
		c := &d.entity.Columns[i]
		if d.shape[i] == WireAbsent {
			row.Values[i] = Value{}
			continue
		}
		if next >= len(fields) {
			return fmt.Errorf("%s %d: %d fields, column %s is missing", d.entity.Name, id, len(fields), c.Source)
		}
		field := fields[next]
		if i == d.entity.Code {
			field = d.code(field)
		}
		row.Values[i], err = d.value(d.shape[i], field)
		if err != nil {
			return fmt.Errorf("%s %d: %s: %w", d.entity.Name, id, c.Source, err)
		}
		next++
		if c.Kind == KindPoints && row.Values[i].State == Null {
			row.Values[i].State = Present // no points are 0 points
		}
	}
	if next != len(fields) {
		return fmt.Errorf("%s %d: %d fields, expected %d", d.entity.Name, id, len(fields), next)
	}
	if d.entity.Clean != nil {
		d.entity.Clean(row)
	}
	return nil
}

// code cleans a code of ASCII before it becomes a text, so that it becomes one only once; others are left to Clean.
func (d *Decoder) code(field []byte) []byte {
	if field == nil {
		return nil
	}
	cleaned, ok := appendASCIICode(d.clean[:0], field)
	d.clean = cleaned
	if !ok {
		return field
	}
	return cleaned
}

func (d *Decoder) value(wire Wire, field []byte) (Value, error) {
	if field == nil {
		return Value{}, nil
	}
	switch wire {
	case WireInt, WireInt8:
		v, err := pgcopy.Int(field)
		return Value{State: Present, Int: v}, err
	case WireText:
		return Value{State: Present, Text: d.text(field)}, nil
	case WireFloat8:
		f, err := pgcopy.Float8(field)
		return PointsFromFloat(f), err
	case WireNumeric:
		n, err := pgcopy.DecodeNumeric(field)
		if err != nil {
			return Value{}, err
		}
		return PointsFromNumeric(n), nil
	case WireTime:
		v, err := pgcopy.Int(field)
		if v == pgcopy.TimeInfinity || v == pgcopy.TimeNegInfinity {
			return Value{State: Endless, Int: v}, err
		}
		return Value{State: Present, Int: v}, err
	case WireAbsent:
	}
	return Value{}, fmt.Errorf("no wire form %d", wire)
}

// text gives a text that outlives the field's memory.
func (d *Decoder) text(field []byte) string {
	switch {
	case len(field) == 0:
		return ""
	case len(field) > 64:
		return string(field)
	}
	if s, ok := d.texts[string(field)]; ok {
		return s
	}
	if len(d.texts) < maxTexts {
		s := string(field)
		d.texts[s] = s
		return s
	}
	// What has been written to a builder is never written again, so parts of it are texts of their own.
	if d.chunk.Cap()-d.chunk.Len() < len(field) {
		d.chunk = strings.Builder{}
		d.chunk.Grow(chunkSize)
	}
	from := d.chunk.Len()
	d.chunk.Write(field)
	return d.chunk.String()[from:]
}
