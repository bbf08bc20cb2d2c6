package discrepancies

import (
	"strconv"
	"strings"
	"time"

	"ferry/engine"
	"ferry/themes"
	"ferry/tui/screen"
	"ferry/tui/widget"
)

// causes are the causes in words: in a list, what they mean, and what cures them.
var causes = map[engine.Cause]struct{ name, why, cure string }{
	engine.CauseMissing: {
		"missing", "The source has the row; neither the engine nor quarantine does.", "a repair writes it as the source has it now",
	},
	engine.CauseExtra: {
		"extra", "The engine has the row; Odoo does not.",
		"a repair deletes it, if that is chosen; otherwise it stays",
	},
	engine.CauseField: {"field", "A field of the row is not what the source says.", "a repair writes the row as the source has it now"},
	engine.CauseQuarantined: {
		"quarantined", "A rule or the database refused the row: that is known, and outside of the rate.", "see quarantine; mend the row in Odoo",
	},
	engine.CauseWaitingParent: {
		"waits", "The row is valid; the one that it belongs to is not in the engine.", "it is loaded by itself once that one is",
	},
	engine.CauseDeletedAtSource: {
		"deleted", "The engine has the row; Odoo does not, or no more. The policy lets such rows stay.",
		"a repair deletes it, if that is chosen; otherwise it stays",
	},
	engine.CauseWrittenOnTarget: {
		"written here", "The engine has made the row its own (synced_to_odoo), and it differs.",
		"ferry never overwrites such a row: settle with the engine's owners which one holds",
	},
}

// causeName is a cause in a word. One that this program does not know is named by its own name.
func causeName(c engine.Cause) string {
	if words, ok := causes[c]; ok {
		return words.name
	}
	return string(c)
}

// number is a discrepancy's own number.
func number(d *engine.Discrepancy) string { return strconv.FormatInt(d.ID, 10) }

func id(d *engine.Discrepancy) string { return strconv.FormatInt(d.Row, 10) }

// field is the field that differs, or that it is the whole row.
func field(d *engine.Discrepancy) string {
	if d.Field == "" {
		return "whole row"
	}
	return d.Field
}

// name is a discrepancy as a sentence names it.
func name(d *engine.Discrepancy) string {
	text := d.Entity + " " + id(d)
	if d.Field != "" {
		text += " " + d.Field
	}
	return text
}

// short is an entity without what all of them have in common.
func short(entity string) string { return strings.TrimPrefix(entity, "loyalty_") }

// value is a value of a field, with quotes where its ends would not be seen; one that is not there is a dash.
func value(v engine.Maybe[string]) widget.Cell {
	switch {
	case !v.Known:
		return widget.Cell{Role: themes.Muted, Text: widget.Unknown}
	case v.Value == "" || strings.TrimSpace(v.Value) != v.Value:
		return widget.Cell{Text: `"` + cut(v.Value) + `"`}
	}
	return widget.Cell{Text: cut(v.Value)}
}

const longValue = 2000

// cut keeps a value to what anybody reads.
func cut(text string) string {
	if len(text) <= longValue {
		return text
	}
	end := longValue
	for end > 0 && text[end]&0xc0 == 0x80 { // not within a character
		end--
	}
	return text[:end] + "… (" + widget.Count(int64(len(text))) + " bytes)"
}

// age is how long ago a discrepancy was found.
func age(d *engine.Discrepancy, now time.Time) string {
	if d.FoundAt.IsZero() {
		return widget.Unknown
	}
	return screen.Age(max(now.Sub(d.FoundAt), 0))
}

// acknowledged says who knows, as long as that counts.
func acknowledged(d *engine.Discrepancy, now time.Time) widget.Cell {
	switch {
	case d.AckBy == "":
		return widget.Cell{}
	case !d.Acknowledged(now):
		return widget.Cell{Role: themes.Muted, Text: "expired"}
	}
	return widget.Cell{Role: themes.Info, Text: d.AckBy}
}

// card is the card that a discrepancy is about; the zero key if that is not said.
func card(d *engine.Discrepancy) engine.CardKey { return screen.CardOf(d.Entity, d.Row) }
