// Package redact is the one place that takes secrets out of text: before it is logged, shown, or kept as an error.
//
// It knows the forms in which a PostgreSQL password appears (URLs, key=value strings) and leaves everything else as it
// is. It is a net under code that does not handle secrets in the first place, not a licence to do so.
package redact

import (
	"errors"
	"regexp"
)

const mask = "***"

var patterns = []*regexp.Regexp{
	// scheme://user:password@host
	regexp.MustCompile(`([a-zA-Z][a-zA-Z0-9+.-]*://[^\s:/@?#]*):[^\s@/]*@`),
	// password = 'with blanks', password=plain; also sslpassword and passfile's neighbours
	regexp.MustCompile(`(?i)\b((?:ssl)?password\s*=\s*)('(?:[^'\\]|\\.)*'|[^\s'&]+)`),
}

// Text masks every password in a text.
func Text(s string) string {
	s = patterns[0].ReplaceAllString(s, "$1:"+mask+"@")
	return patterns[1].ReplaceAllString(s, "${1}"+mask)
}

// Error masks every password in an error's text and keeps what the error is.
func Error(err error) error {
	if err == nil {
		return nil
	}
	clean := Text(err.Error())
	if clean == err.Error() {
		return err
	}
	return &redacted{text: clean, err: err}
}

type redacted struct {
	text string
	err  error
}

func (r *redacted) Error() string { return r.text }

// Is and As look at the original error without handing out its text.
func (r *redacted) Is(target error) bool { return errors.Is(r.err, target) }

func (r *redacted) As(target any) bool { return errors.As(r.err, target) }
