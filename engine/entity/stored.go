package entity

import "ferry/engine/pgcopy"

// StoredValue is what a column of an engine row holds, in the form of a source row's value; field is as binary COPY sends
// it, nil for NULL.
func StoredValue(kind Kind, field []byte) (Value, error) {
	if field == nil {
		return Value{}, nil
	}
	switch kind {
	case KindText:
		return Value{State: Present, Text: string(field)}, nil
	case KindPoints:
		n, err := pgcopy.DecodeNumeric(field)
		if err != nil {
			return Value{}, err
		}
		return PointsFromNumeric(n), nil
	case KindInt, KindTime:
	}
	v, err := pgcopy.Int(field)
	if kind == KindTime && (v == pgcopy.TimeInfinity || v == pgcopy.TimeNegInfinity) {
		return Value{State: Endless, Int: v}, err
	}
	return Value{State: Present, Int: v}, err
}

// Format writes a value as reports show it, in one form for both databases; "" for NULL.
func (v Value) Format(kind Kind) string {
	if v.State == Null {
		return ""
	}
	return v.format(kind)
}
