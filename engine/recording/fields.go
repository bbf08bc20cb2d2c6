package recording

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"

	"ferry/engine"
	"ferry/engine/redact"
)

// unrecorded is the field of a snapshot that says whether it is recorded.
const unrecorded = "Tape"

// fields writes each field of a snapshot down, by its name.
func fields(s *engine.Snapshot) (map[string]json.RawMessage, error) {
	value := reflect.ValueOf(s).Elem()
	out := make(map[string]json.RawMessage, value.NumField())
	for i := range value.NumField() {
		name := value.Type().Field(i).Name
		if name == unrecorded {
			continue
		}
		text, err := encode(value.Field(i).Interface())
		if err != nil {
			return nil, fmt.Errorf("%s of snapshot %d: %w", name, s.Sequence, err)
		}
		out[name] = text
	}
	return out, nil
}

// apply puts fields into a snapshot. What was there before is left as it is for others that hold it.
func apply(s *engine.Snapshot, set map[string]json.RawMessage) error {
	value := reflect.ValueOf(s).Elem()
	for name, text := range set {
		field := value.FieldByName(name)
		if !field.IsValid() || name == unrecorded { // of a later ferry
			continue
		}
		fresh := reflect.New(field.Type())
		if err := json.Unmarshal(text, fresh.Interface()); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		field.Set(fresh.Elem())
	}
	return nil
}

// encode is a value as JSON on one line.
func encode(value any) (json.RawMessage, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return nil, err //nolint:wrapcheck // the caller says of what
	}
	return bytes.TrimRight(out.Bytes(), "\n"), nil
}

// clean takes the secrets out of every text in a piece of JSON.
func clean(text json.RawMessage) json.RawMessage {
	var out []byte
	from := 0
	for at := 0; at < len(text); at++ {
		if text[at] != '"' {
			continue
		}
		end := at + 1
		for ; end < len(text) && text[end] != '"'; end++ {
			if text[end] == '\\' {
				end++
			}
		}
		end = min(end+1, len(text))
		if masked := mask(text[at:end]); masked != nil {
			out = append(append(out, text[from:at]...), masked...)
			from = end
		}
		at = end - 1
	}
	if from == 0 {
		return text
	}
	return append(out, text[from:]...)
}

// mask gives a quoted text without its secrets, or nil if it has none.
func mask(quoted json.RawMessage) json.RawMessage {
	if !bytes.Contains(quoted, []byte("://")) && bytes.IndexByte(quoted, '=') < 0 { // every form of a secret has one of them
		return nil
	}
	var text string
	if json.Unmarshal(quoted, &text) != nil {
		return json.RawMessage(`"***"`)
	}
	masked := redact.Text(text)
	if masked == text {
		return nil
	}
	out, err := encode(masked)
	if err != nil {
		return json.RawMessage(`"***"`)
	}
	return out
}

// detail is an engine.RunDetail in a form whose fields do not hide each other.
type detail struct {
	Summary      engine.RunSummary
	Steps        []engine.StepView
	Batches      []engine.BatchView
	BatchesTotal int64
}

func detailOf(d *engine.RunDetail) *detail {
	if d == nil {
		return nil
	}
	return &detail{d.RunSummary, d.Steps, d.Batches, d.BatchesTotal}
}

func (d *detail) run() *engine.RunDetail {
	if d == nil {
		return nil
	}
	return &engine.RunDetail{RunSummary: d.Summary, Steps: d.Steps, Batches: d.Batches, BatchesTotal: d.BatchesTotal}
}
