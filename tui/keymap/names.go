package keymap

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// named are the keys with names of their own; with ctrl, shift or both those that move have more.
var (
	named  = []string{"enter", "tab", "shift+tab", "esc", "backspace", "delete", "insert"}
	moving = []string{"up", "down", "left", "right", "home", "end", "pgup", "pgdown"}
)

// KeyNames lists the keys that have a name longer than one character, as they are written in the config.
func KeyNames() []string {
	names := append(slices.Clone(named), "space")
	for _, key := range moving {
		names = append(names, key, "ctrl+"+key)
		if key != "pgup" && key != "pgdown" {
			names = append(names, "shift+"+key, "ctrl+shift+"+key)
		}
	}
	for n := 1; n <= 20; n++ {
		names = append(names, fmt.Sprintf("f%d", n))
	}
	for r := 'a'; r <= 'z'; r++ {
		if r != 'i' && r != 'm' { // a terminal sends tab and enter for these
			names = append(names, "ctrl+"+string(r))
		}
	}
	return append(names, `ctrl+\`, "ctrl+]", "ctrl+^", "ctrl+_", "ctrl+@")
}

// parseKey is a key as a terminal sends it, by the name that people write; false: there is none of that name.
func parseKey(name string) (string, bool) {
	key, alt := strings.CutPrefix(name, "alt+")
	switch {
	case key == "space":
		key = " "
	case slices.Contains(KeyNames(), key):
	default:
		r, size := utf8.DecodeRuneInString(key)
		if size == 0 || size != len(key) || r == utf8.RuneError || !unicode.IsPrint(r) {
			return "", false
		}
	}
	if alt {
		key = "alt+" + key
	}
	return key, true
}
