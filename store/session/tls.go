package session

import (
	"crypto/tls"
	"fmt"
	"net/netip"
	"strings"

	"github.com/jackc/pgx/v5"
)

// UnverifiedError says that a session would trust whoever answers.
type UnverifiedError struct {
	Host string
	Mode string // the sslmode in force, given or by default
}

func (e *UnverifiedError) Error() string {
	return fmt.Sprintf("the connection to %s is not verified: sslmode=%s %s; write sslmode=verify-full (with sslrootcert=FILE if the "+
		"server's certificate comes from an authority of your own)", e.Host, e.Mode, weakness[e.Mode])
}

// weakness is what each sslmode short of verify-full lets happen.
var weakness = map[string]string{
	"disable":   "sends everything in the clear",
	"allow":     "encrypts only if the server insists",
	"prefer":    "falls back to plain text without a word",
	"require":   "encrypts for anyone who answers",
	"verify-ca": "takes the certificate of any other host",
}

// CheckTLS fails with an UnverifiedError unless every server that a connection string may lead to is either on this
// machine or verified by certificate and name. Where the operator has allowed it, it fails no more; Unverified then
// still tells, so that it can be shown.
//
// It looks at what will be tried and not at the words of the string: those may come from a service file or the
// environment, and a list of hosts has as many chances to be wrong.
func CheckTLS(config *pgx.ConnConfig, allowed bool) error {
	if found := Unverified(config); found != nil && !allowed {
		return found
	}
	return nil
}

// Unverified is the first server that would be trusted unseen; nil if there is none.
func Unverified(config *pgx.ConnConfig) *UnverifiedError {
	for _, host := range hosts(config) {
		if mode := sslmode(host.tries); !Local(host.name) && mode != verified {
			return &UnverifiedError{Host: host.name, Mode: mode}
		}
	}
	return nil
}

// Local reports whether a host is this machine: a unix socket's folder, localhost, or an address of the loopback
// interface. Any other name may lead anywhere.
func Local(host string) bool {
	if strings.HasPrefix(host, "/") || strings.EqualFold(host, "localhost") {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.Unmap().IsLoopback()
}

// tried is one server, and how it is spoken to: in this order until one works.
type tried struct {
	name  string
	port  uint16
	tries []*tls.Config
}

// hosts gives the servers that will be tried. The driver keeps one list of attempts, in which sslmode allow and prefer
// put two for each server.
func hosts(config *pgx.ConnConfig) []tried {
	all := []tried{{config.Host, config.Port, []*tls.Config{config.TLSConfig}}}
	for _, next := range config.Fallbacks {
		last := &all[len(all)-1]
		if last.name == next.Host && last.port == next.Port {
			last.tries = append(last.tries, next.TLSConfig)
			continue
		}
		all = append(all, tried{next.Host, next.Port, []*tls.Config{next.TLSConfig}})
	}
	return all
}

const verified = "verify-full"

// sslmode names the mode that makes the driver try a server like this. A server that stands twice in the list counts
// by its worst attempt.
func sslmode(tries []*tls.Config) string {
	open, openFirst := 0, tries[0] == nil
	worst := verified
	for _, c := range tries {
		switch {
		case c == nil:
			open++
		case c.InsecureSkipVerify && c.VerifyPeerCertificate == nil:
			worst = "require"
		case c.InsecureSkipVerify && worst == verified:
			worst = "verify-ca"
		}
	}
	switch {
	case open == 0:
		return worst
	case open == len(tries):
		return "disable"
	case openFirst:
		return "allow"
	}
	return "prefer"
}
