package session

import (
	"net/url"
	"strings"
)

// Parameters gives what a connection string itself says, by libpq's keywords; what service files and the environment
// add is not there, nor are a URL's hosts and path. It is for strings that the driver has accepted: of others it gives
// what it understands.
func Parameters(dsn string) map[string]string {
	if rest, ok := afterScheme(dsn); ok {
		return ofURL(rest)
	}
	return ofKeywords(dsn)
}

// WithPassfile names a password file in a connection string that names none.
func WithPassfile(dsn, file string) string {
	if _, named := Parameters(dsn)["passfile"]; named || file == "" || dsn == "" {
		return dsn
	}
	rest, isURL := afterScheme(dsn)
	if !isURL {
		return dsn + " passfile='" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(file) + "'"
	}
	separator := "?"
	if _, rest = login(rest); strings.Contains(rest, "?") {
		separator = "&"
	}
	return dsn + separator + "passfile=" + strings.ReplaceAll(url.QueryEscape(file), "+", "%20")
}

func afterScheme(dsn string) (rest string, ok bool) {
	if rest, ok = strings.CutPrefix(dsn, "postgres://"); ok {
		return rest, true
	}
	return strings.CutPrefix(dsn, "postgresql://")
}

// login cuts "user:password" off. As in libpq an @ before the first slash ends it, even after a question mark.
func login(s string) (who, rest string) {
	if at := strings.IndexAny(s, "@/"); at >= 0 && s[at] == '@' {
		return s[:at], s[at+1:]
	}
	return "", s
}

// ofURL reads user, password and the arguments. As in libpq a plus sign is one, not a blank.
func ofURL(rest string) map[string]string {
	out := map[string]string{}
	who, rest := login(rest)
	user, password, _ := strings.Cut(who, ":")
	set(out, "user", user)
	set(out, "password", password)
	_, arguments, _ := strings.Cut(rest, "?")
	for pair := range strings.SplitSeq(arguments, "&") {
		if name, value, ok := strings.Cut(pair, "="); ok {
			if plain, err := url.PathUnescape(name); err == nil {
				name = plain
			}
			delete(out, name) // an empty argument still counts
			out[name] = ""
			set(out, name, value)
		}
	}
	return out
}

func set(out map[string]string, name, escaped string) {
	escaped = strings.Trim(escaped, " ")
	if escaped == "" {
		return
	}
	plain, err := url.PathUnescape(escaped)
	if err != nil {
		plain = escaped
	}
	out[name] = plain
}

const blanks = " \t\n\r\v\f"

// ofKeywords reads "name = value": a value ends at a blank unless it is in quotes, and a backslash takes the next
// character as it is.
func ofKeywords(rest string) map[string]string {
	out := map[string]string{}
	for {
		name, after, ok := strings.Cut(rest, "=")
		if !ok {
			return out
		}
		var value string
		value, rest = keywordValue(strings.TrimLeft(after, blanks))
		out[strings.Trim(name, blanks)] = value
	}
}

// keywordValue cuts a value off, without its quotes and backslashes.
func keywordValue(s string) (value, rest string) {
	end := blanks
	if strings.HasPrefix(s, "'") {
		end, s = "'", s[1:]
	}
	var out strings.Builder
	for i := 0; i < len(s); i++ {
		if strings.IndexByte(end, s[i]) >= 0 {
			return out.String(), s[i+1:]
		}
		if s[i] == '\\' {
			i++
		}
		if i < len(s) {
			out.WriteByte(s[i])
		}
	}
	return out.String(), ""
}
