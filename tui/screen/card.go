package screen

import (
	"strconv"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"ferry/engine"
)

// OpenCard is what a screen says to have a card shown. The console turns to the card view; back leads to where one was.
type OpenCard struct {
	Key engine.CardKey
}

// ShowCard is the command that says so.
func ShowCard(key engine.CardKey) tea.Cmd {
	return func() tea.Msg { return OpenCard{key} }
}

// CardViewer is the screen on which a card is shown.
type CardViewer interface {
	Screen
	// Show turns to a card.
	Show(key engine.CardKey)
	// Shown is the card that was asked for last; the zero key if none was.
	Shown() engine.CardKey
}

// ParseCard reads what an operator types for a card: a number is an id, and may also be a code.
func ParseCard(text string) engine.CardKey {
	key := engine.CardKey{Code: text}
	if id, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64); err == nil && id > 0 {
		key.ID = id
	}
	return key
}

// CardName is a card as it was asked for: its id, its code, or a row that belongs to it.
func CardName(key engine.CardKey) string {
	switch {
	case key.Entity != "":
		return "of " + RowName(key.Entity, key.Row)
	case key.ID != 0:
		return strconv.FormatInt(key.ID, 10)
	}
	return key.Code
}

// RowName names a row of a card in two words: "move 502", "line 992".
func RowName(entity string, row int64) string {
	switch entity {
	case "loyalty_point_move":
		entity = "move"
	case "loyalty_point_history":
		entity = "line"
	}
	return entity + " " + strconv.FormatInt(row, 10)
}

// CardOf is the card that a row is, or belongs to.
func CardOf(entity string, row int64) engine.CardKey {
	if entity == "loyalty_card" {
		return engine.CardKey{ID: row}
	}
	return engine.CardKey{Entity: entity, Row: row}
}
