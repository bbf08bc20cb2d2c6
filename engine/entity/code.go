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

// appendASCIICode is CleanCode for a code of ASCII; it gives false for any other.
func appendASCIICode(dst, code []byte) ([]byte, bool) {
	for len(code) > 0 && asciiSpace(code[0]) {
		code = code[1:]
	}
	for len(code) > 0 && asciiSpace(code[len(code)-1]) {
		code = code[:len(code)-1]
	}
	for _, c := range code {
		switch {
		case c >= 0x80:
			return dst, false
		case 'a' <= c && c <= 'z':
			c -= 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst, true
}

// asciiSpace is what Unicode calls white space, of ASCII.
func asciiSpace(c byte) bool { return c == ' ' || '\t' <= c && c <= '\r' }
