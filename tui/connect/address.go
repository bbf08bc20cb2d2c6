package connect

import (
	"regexp"
	"strings"

	"ferry/engine/redact"
	"ferry/tui/widget"
)

// mask is what package redact puts where a password was.
const mask = "***"

// withoutMask takes out of an address the places where its password was.
var withoutMask = regexp.MustCompile(`(:)\*\*\*(@)|[?&]\w*password=\*\*\*|\s*\w*password\s*=\s*'?\*\*\*'?`)

// address is what a field was given by the configuration. Until it is edited it is used as it was given. A secret in it is
// never shown, and not carried along to another address: editing drops it.
type address struct {
	original string // empty once the field was edited, or if nothing was given
	secret   bool   // there is a password in it
}

// shown is the text of a field for an address that was given.
func shown(given string) (text string, a address) {
	hidden := redact.Text(given)
	return hidden, address{original: given, secret: hidden != given}
}

// drop prepares a field for being edited: what was given no longer counts, and the place of its password goes. The cursor
// stays at its character.
func (a *address) drop(in *widget.Input) {
	secret := a.secret
	*a = address{}
	if !secret {
		return
	}
	before := in.String()
	behind := len([]rune(before)) - in.At()
	at := in.At()
	*in = widget.NewInput(unmasked(before))
	if head, _, found := strings.Cut(before, mask); !found || at > len([]rune(head)) {
		in.Move(-behind)
		return
	}
	in.Home()
	in.Move(at)
}

// unmasked is a masked address without the place of its password.
func unmasked(text string) string {
	text = withoutMask.ReplaceAllStringFunc(text, func(s string) string {
		if strings.HasSuffix(s, "@") {
			return "@"
		}
		return ""
	})
	return strings.TrimSpace(text)
}

// withoutPassword is an address without its password; false says that it has none.
func withoutPassword(text string) (string, bool) {
	hidden := redact.Text(text)
	if hidden == text && !strings.Contains(text, mask) {
		return text, false
	}
	return unmasked(hidden), true
}

const noPassword = ": no password here: it would stand on the screen and in the configuration, so it was taken out. Put it into the " +
	"password file (PGPASSFILE, ~/.pgpass), a service, or PGPASSWORD"

// refusal says why an address cannot be used, or nothing.
func refusal(what, text string) string {
	if strings.TrimSpace(text) == "" {
		return what + ": give its address"
	}
	if _, has := withoutPassword(text); has {
		return what + noPassword
	}
	return ""
}

var profileName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$`)

// profileRefusal says why a profile cannot have a name, or nothing.
func profileRefusal(text string) string {
	if text == "" || profileName.MatchString(text) {
		return ""
	}
	return "profile: up to 32 letters, digits, dots, dashes and underscores, the first a letter or digit"
}
