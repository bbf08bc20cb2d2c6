// Package pgcopy reads and writes PostgreSQL's binary COPY format: bytes only, no connection and no meaning.
//
// A Splitter is the io.Writer at the end of a COPY … TO STDOUT: it cuts the stream into tuples and hands each one's
// fields to a function, without copying them. A Tuples value collects encoded tuples and is the io.Reader at the
// beginning of a COPY … FROM STDIN, as a whole or by any part of its rows.
//
// The encoding of a value is canonical: two values are equal exactly if their bytes are. So "did this row change?" is
// a comparison of bytes, and there is no second notion of equality anywhere.
package pgcopy

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// signature begins every binary COPY stream; flags and the length of the header's extension follow it.
const signature = "PGCOPY\n\xff\r\n\x00"

const headerSize = len(signature) + 4 + 4

// maxField bounds a field's length: PostgreSQL's own limit on one value is 1 GiB.
const maxField = 1 << 30

var (
	header  = append([]byte(signature), 0, 0, 0, 0, 0, 0, 0, 0)
	trailer = []byte{0xff, 0xff}
)

// ErrFormat says that a stream is not binary COPY as this package knows it.
var ErrFormat = errors.New("not a binary COPY stream")

// Splitter cuts a binary COPY stream into tuples.
type Splitter struct {
	each    func(fields [][]byte) error
	fields  [][]byte
	rest    []byte // an unfinished header or tuple of earlier writes
	started bool
	ended   bool
	rows    int64
}

// NewSplitter calls each for every tuple. A nil field is NULL. The fields are only valid during the call.
func NewSplitter(each func(fields [][]byte) error) *Splitter {
	return &Splitter{each: each}
}

// Rows is how many tuples have been handed on.
func (s *Splitter) Rows() int64 { return s.rows }

// Write takes the next bytes of the stream, cut anywhere. It fails with ErrFormat, or with what each returned.
func (s *Splitter) Write(p []byte) (int, error) {
	data := p
	if len(s.rest) > 0 {
		s.rest = append(s.rest, p...)
		data = s.rest
	}
	used, err := s.consume(data)
	if err != nil {
		return 0, err
	}
	s.rest = append(s.rest[:0], data[used:]...)
	return len(p), nil
}

// Close checks that the stream came to its proper end.
func (s *Splitter) Close() error {
	if !s.ended || len(s.rest) > 0 {
		return fmt.Errorf("%w: it stops in the middle", ErrFormat)
	}
	return nil
}

func (s *Splitter) consume(data []byte) (int, error) {
	used := 0
	if !s.started {
		n, err := skipHeader(data)
		if n == 0 || err != nil {
			return 0, err
		}
		s.started, used = true, n
	}
	for !s.ended {
		n, err := s.tuple(data[used:])
		if err != nil {
			return used, err
		}
		if n == 0 {
			return used, nil
		}
		used += n
	}
	if used < len(data) {
		return used, fmt.Errorf("%w: bytes after its end", ErrFormat)
	}
	return used, nil
}

// skipHeader gives the header's size, or 0 if data does not hold all of it yet.
func skipHeader(data []byte) (int, error) {
	if n := min(len(data), len(signature)); string(data[:n]) != signature[:n] {
		return 0, fmt.Errorf("%w: wrong signature", ErrFormat)
	}
	if len(data) < headerSize {
		return 0, nil
	}
	if flags := binary.BigEndian.Uint32(data[len(signature):]); flags&0xffff0000 != 0 {
		return 0, fmt.Errorf("%w: unknown critical flags %#x", ErrFormat, flags)
	}
	extension := binary.BigEndian.Uint32(data[len(signature)+4:])
	if extension > maxField {
		return 0, fmt.Errorf("%w: header extension of %d bytes", ErrFormat, extension)
	}
	size := headerSize + int(extension)
	if len(data) < size {
		return 0, nil
	}
	return size, nil
}

// tuple hands on the tuple at the beginning of data and gives its size, or 0 if data does not hold all of it yet.
func (s *Splitter) tuple(data []byte) (int, error) {
	if len(data) < 2 {
		return 0, nil
	}
	count := int(int16(binary.BigEndian.Uint16(data))) //nolint:gosec // the format's field count is signed
	if count == -1 {
		s.ended = true
		return 2, nil
	}
	if count < 0 {
		return 0, fmt.Errorf("%w: a tuple of %d fields", ErrFormat, count)
	}
	s.fields = s.fields[:0]
	at := 2
	for range count {
		field, next, err := cutField(data, at)
		if next == 0 || err != nil {
			return 0, err
		}
		s.fields = append(s.fields, field)
		at = next
	}
	s.rows++
	return at, s.each(s.fields)
}

// cutField gives the field that begins at the offset and the offset behind it, 0 if data does not hold all of it.
func cutField(data []byte, at int) (field []byte, next int, err error) {
	if len(data) < at+4 {
		return nil, 0, nil
	}
	length := int(int32(binary.BigEndian.Uint32(data[at:]))) //nolint:gosec // -1 is NULL
	at += 4
	switch {
	case length == -1:
		return nil, at, nil
	case length < 0 || length > maxField:
		return nil, 0, fmt.Errorf("%w: a field of %d bytes", ErrFormat, length)
	case len(data) < at+length:
		return nil, 0, nil
	}
	return data[at : at+length : at+length], at + length, nil
}

// Tuples are encoded tuples in order, each with the id that it belongs to.
type Tuples struct {
	data []byte
	ids  []int64
	ends []int
}

// Len is the number of tuples.
func (t *Tuples) Len() int { return len(t.ids) }

// Size is the number of bytes that they take.
func (t *Tuples) Size() int { return len(t.data) }

// ID is the id of tuple i.
func (t *Tuples) ID(i int) int64 { return t.ids[i] }

// IDs are all ids, in order; not to be changed.
func (t *Tuples) IDs() []int64 { return t.ids }

// Reset empties the collection and keeps its memory.
func (t *Tuples) Reset() {
	t.data, t.ids, t.ends = t.data[:0], t.ids[:0], t.ends[:0]
}

// Append adds a tuple: fn appends its fields, count of them, each with one of the Append functions.
func (t *Tuples) Append(id int64, count int, fn func(dst []byte) []byte) {
	t.data = binary.BigEndian.AppendUint16(t.data, uint16(count)) //nolint:gosec // a table has at most 1,600 columns
	t.data = fn(t.data)
	t.ids = append(t.ids, id)
	t.ends = append(t.ends, len(t.data))
}

// AppendRaw adds a tuple of fields as a Splitter hands them on.
func (t *Tuples) AppendRaw(id int64, fields [][]byte) {
	t.Append(id, len(fields), func(dst []byte) []byte {
		for _, f := range fields {
			dst = AppendField(dst, f)
		}
		return dst
	})
}

// Bytes are the bytes of tuple i, its field count included.
func (t *Tuples) Bytes(i int) []byte {
	from := 0
	if i > 0 {
		from = t.ends[i-1]
	}
	return t.data[from:t.ends[i]]
}

// Fields are the fields of tuple i; nil is NULL.
func (t *Tuples) Fields(i int) ([][]byte, error) {
	var out [][]byte
	s := Splitter{started: true, each: func(fields [][]byte) error {
		out = fields
		return nil
	}}
	if _, err := s.tuple(t.Bytes(i)); err != nil {
		return nil, err
	}
	return out, nil
}

// Reader streams the tuples from (included) to until (excluded) as one binary COPY.
func (t *Tuples) Reader(from, until int) io.Reader {
	begin, end := 0, 0
	if from > 0 {
		begin = t.ends[from-1]
	}
	if until > 0 {
		end = t.ends[until-1]
	}
	return &reader{parts: [3][]byte{header, t.data[begin:max(begin, end)], trailer}}
}

type reader struct {
	parts [3][]byte
	at    int
}

func (r *reader) Read(p []byte) (int, error) {
	for r.at < len(r.parts) {
		if len(r.parts[r.at]) == 0 {
			r.at++
			continue
		}
		n := copy(p, r.parts[r.at])
		r.parts[r.at] = r.parts[r.at][n:]
		return n, nil
	}
	return 0, io.EOF
}
