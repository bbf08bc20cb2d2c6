package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/aymanbagabas/go-osc52/v2"
)

// clipboardLimit is how many bytes terminals take in one piece: xterm's 100,000, before they are encoded.
const clipboardLimit = 74_994

// clipboard hands text to the clipboard of the terminal that the operator sits at, be it behind SSH, tmux or screen. The
// terminal does not say whether it took it.
func clipboard(screen io.Writer, getenv func(string) string) func(text string) error {
	return func(text string) error {
		if len(text) > clipboardLimit {
			return fmt.Errorf("%d bytes are more than the %d that terminals take; copy fewer rows", len(text), clipboardLimit)
		}
		sequence := osc52.New(text)
		switch {
		case getenv("TMUX") != "":
			sequence = sequence.Tmux()
		case strings.HasPrefix(getenv("TERM"), "screen"):
			sequence = sequence.Screen()
		}
		if _, err := sequence.WriteTo(screen); err != nil {
			return fmt.Errorf("writing to the terminal: %w", err)
		}
		return nil
	}
}
