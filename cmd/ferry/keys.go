package main

import (
	"errors"
	"fmt"

	"ferry/cmd/ferry/internal/config"
	"ferry/tui/keymap"
)

// keymap is the console's keys, with those that the config gives to actions.
func (s *settings) keymap() (keymap.Map, error) {
	keys, err := keymap.Default().Remap(s.Keys())
	if unknown, ok := errors.AsType[*keymap.UnknownError](err); ok {
		return keys, fmt.Errorf("%w%s", err, config.Suggest(unknown.Name, unknown.Known))
	}
	return keys, err
}
