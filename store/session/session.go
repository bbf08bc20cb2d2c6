// Package session opens pools of sessions on a PostgreSQL with the settings that both of ferry's databases need: their
// names for people, timeouts for connecting, and the means by which each end notices that the other one has vanished.
package session

import (
	"context"
	"maps"
	"net"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	connectTimeout = 5 * time.Second
	idleTime       = time.Minute
)

// silence is how long a peer may acknowledge nothing before it counts as gone, at either end. Without a bound the system
// sends again, and waits, for a quarter of an hour: too long for a worker, and for a snapshot that keeps the source's
// dead rows. It also bounds how long a peer may read nothing of what it is sent, so it is longer than a wait for a lock.
const silence = 12 * time.Second

// keepAlive asks an idle peer whether it is there, so that its silence shows. Where the system knows no bound, as many
// questions without an answer stand in for it.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: 4 * time.Second, Interval: 4 * time.Second, Count: 2}

// both hold for every session, at the server's end.
var both = map[string]string{
	"TimeZone":                "UTC",
	"client_encoding":         "UTF8",
	"extra_float_digits":      "1",
	"search_path":             "public",
	"tcp_keepalives_idle":     "4",
	"tcp_keepalives_interval": "4",
	"tcp_keepalives_count":    "2",
	"tcp_user_timeout":        strconv.FormatInt(silence.Milliseconds(), 10),
}

// Open prepares at most conns sessions; it does not connect yet. It fails on a connection string that cannot be read.
func Open(ctx context.Context, dsn, application string, conns int, settings map[string]string) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return nil, err //nolint:wrapcheck // the caller says whose string it is
	}
	maps.Copy(config.ConnConfig.RuntimeParams, both)
	maps.Copy(config.ConnConfig.RuntimeParams, settings)
	config.ConnConfig.RuntimeParams["application_name"] = application
	config.ConnConfig.ConnectTimeout = connectTimeout
	config.ConnConfig.DialFunc = (&net.Dialer{KeepAliveConfig: keepAlive, Timeout: connectTimeout, Control: boundSilence}).DialContext
	config.PingTimeout = connectTimeout // of a session that lay idle, before it is used again
	config.MaxConns = int32(conns)      //nolint:gosec // a number of connections
	config.MaxConnIdleTime = idleTime
	return pgxpool.NewWithConfig(ctx, config) //nolint:wrapcheck // as above
}

// Address names a database without secrets: "odoo@10.0.4.7/prod".
func Address(c *pgx.ConnConfig) string {
	host := c.Host
	switch {
	case host == "" || host[0] == '/':
		host = "local" // a socket's path is long and says nothing
	case c.Port != 5432:
		host = net.JoinHostPort(host, strconv.Itoa(int(c.Port)))
	}
	return c.User + "@" + host + "/" + c.Database
}
