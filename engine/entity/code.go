package entity

import "strings"

// CleanCode is a card's code as the engine knows it: Unicode white space trimmed at both ends, upper case rune by rune
// (so "straße" becomes "STRAßE" and never grows).
func CleanCode(code string) string {
	if plainCode(code) {
		return code
	}
	return strings.ToUpper(strings.TrimSpace(code))
}

// MaxCode is the longest code in bytes: the engine's unique index, with what a card that lost its code gets appended,
// must hold it.
const MaxCode = 1000

// plainCode reports whether cleaning leaves a code as it is, without looking at Unicode's tables.
func plainCode(code string) bool {
	for i := range len(code) {
		if c := code[i]; c <= ' ' || c >= 0x7f || 'a' <= c && c <= 'z' {
			return false
		}
	}
	return true
}
