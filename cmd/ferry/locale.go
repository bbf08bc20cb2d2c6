package main

import "strings"

// onlyASCII reports whether the locale says that the terminal shows no more than ASCII, such as LANG=C or a charset other than UTF-8.
// Where nothing says anything, as in many containers, the terminal is taken for one of today's.
func onlyASCII(getenv func(string) string) bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} { // the first one that is set counts
		locale := strings.ToLower(getenv(name))
		if locale == "" {
			continue
		}
		return !strings.Contains(locale, "utf-8") && !strings.Contains(locale, "utf8")
	}
	return false
}
