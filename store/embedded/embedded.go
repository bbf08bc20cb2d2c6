// Package embedded runs a real PostgreSQL server that belongs to the process that started it: the demo's databases and
// those of the tests.
//
// The binaries are the machine's own, or downloaded ones as a last resort. The cluster lives in a directory the caller
// names and is reopened from there, or in a temporary one that disappears with the server. Nobody else on the machine
// gets in: every connection needs a password (scram-sha-256), the superuser's is random, TCP listens on 127.0.0.1
// alone, and the unix socket lies in a directory of mode 0700.
//
// A server never outlives its owner. A tiny shell beside it holds a pipe from this process; when the pipe ends,
// whatever the reason (exit, panic, kill -9), the shell stops the server. What a crash of the machine leaves behind is
// found and cleared by the next Start. Started by root, the server runs as an unprivileged user, since PostgreSQL
// refuses to run as root.
package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

// startLimit bounds a start whose context has no deadline: generous, since a cluster that crashed recovers first.
const startLimit = time.Minute

// discard is the logger of those who want none.
var discard = slog.New(slog.DiscardHandler)

// superuser is the role initdb creates.
const superuser = "postgres"

// Options say where a server keeps its cluster and how it runs. The zero value is a temporary server, fast and careless
// with its data.
type Options struct {
	// Dir keeps the cluster, and is created if missing. An existing cluster there is reopened. Empty means a temporary
	// directory, removed by Stop. When root cannot let the server's user into Dir (below a 0700 home), the cluster
	// itself lies in /var/lib/ferry and Dir only points to it.
	Dir string
	// Durable makes the data survive a crash of the machine: fsync, synchronous commits and full page writes are on.
	Durable bool
	// Settings are server parameters, over the defaults. Ports and sockets are not among them.
	Settings map[string]string
	// Logger is told of starts, stops and leftovers; nil means silence. Passwords are never logged.
	Logger *slog.Logger
}

// Server is a running PostgreSQL server. Its methods may be called from several goroutines.
type Server struct {
	room     *room
	proc     *process
	bin      Binaries
	password string
	port     int
	reused   bool
	log      *slog.Logger

	stopOnce sync.Once
	stopping chan struct{} // closed when Stop begins
	stopErr  error         // valid after stopOnce
	done     chan struct{} // closed when the server ended by itself
	err      error         // valid once done is closed
}

// Start finds PostgreSQL, makes or reopens the cluster, and returns once the server accepts connections. The context
// bounds the start alone; the server runs until Stop, or until this process ends.
//
// It fails with ErrNoServer if there is no PostgreSQL and none could be downloaded, with ErrInUse (an *InUseError) if
// another process has a server on Dir, and otherwise with the end of the server's log.
func Start(ctx context.Context, o Options) (*Server, error) {
	return thisMachine().start(ctx, o)
}

// Remove deletes the cluster that Start keeps for dir, and dir itself if nothing else is in it. A server left running
// there is stopped first. It fails with ErrInUse while its owner lives. A directory that was never used is no error.
func Remove(ctx context.Context, dir string) error {
	return thisMachine().remove(ctx, dir)
}

func (m machine) start(ctx context.Context, o Options) (_ *Server, err error) {
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	log := o.Logger
	if log == nil {
		log = discard
	}

	m.sweep(ctx, log)
	r, err := m.open(ctx, o.Dir)
	if err != nil {
		return nil, err
	}
	s := &Server{
		room: r, log: log,
		stopping: make(chan struct{}), done: make(chan struct{}),
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.close())
		}
	}()
	if err := s.prepare(ctx, m, o.Durable); err != nil {
		return nil, err
	}
	if err := s.boot(ctx, serverSettings(o)); err != nil {
		return nil, err
	}
	go s.watch()
	log.Info("server started", "version", s.bin.Version, "dir", r.dir, "pid", s.proc.pid(), "addr", s.Addr(),
		"reused", s.reused, "took", time.Since(began).Round(time.Millisecond))
	return s, nil
}

// prepare finds the binaries that fit the cluster, and makes the cluster if there is none.
func (s *Server) prepare(ctx context.Context, m machine, durable bool) (err error) {
	major, err := s.room.clusterVersion()
	if err != nil {
		return err
	}
	s.bin, err = m.find(s.room.account).find(ctx, major)
	if err != nil && major != 0 {
		return fmt.Errorf("open the cluster in %s, which is of PostgreSQL %d: %w", s.room.dir, major, err)
	}
	if err != nil {
		return err
	}
	s.reused = major != 0
	if s.reused {
		s.password, err = s.room.readPassword()
		return err
	}
	s.password, err = s.room.makeCluster(ctx, s.bin, durable)
	return err
}

// DSN is the superuser's connection string to a database of the server. It contains the password: hand it on, never
// log it.
func (s *Server) DSN(database string) string {
	return s.DSNAs(superuser, s.password, database)
}

// DSNAs is the connection string of a role. It prefers the unix socket; TCP stands in where the socket's path would be
// too long.
func (s *Server) DSNAs(user, password, database string) string {
	u := url.URL{Scheme: "postgres", User: url.UserPassword(user, password), Path: "/" + database}
	q := url.Values{"sslmode": {"disable"}}
	if dir, ok := s.room.sockets(); ok {
		q.Set("host", dir)
		q.Set("port", strconv.Itoa(s.port))
	} else {
		u.Host = s.Addr()
	}
	// libpq takes a plus sign literally, and a directory may have spaces.
	u.RawQuery = strings.ReplaceAll(q.Encode(), "+", "%20")
	return u.String()
}

// Addr is the server's TCP address, "127.0.0.1:port", for what cannot speak to a unix socket, such as a proxy.
func (s *Server) Addr() string {
	return net.JoinHostPort(loopback, strconv.Itoa(s.port))
}

// Version is the server's version, like "15.13" or "18beta1".
func (s *Server) Version() string { return s.bin.Version }

// Reused reports whether an existing cluster in Dir was reopened.
func (s *Server) Reused() bool { return s.reused }

// Done is closed when the server process has ended by itself; Stop does not close it. Err then says why.
func (s *Server) Done() <-chan struct{} { return s.done }

// Err is nil until Done is closed; then it says how the server ended, with the end of its log.
func (s *Server) Err() error {
	select {
	case <-s.done:
		return s.err
	default:
		return nil
	}
}

// watch notices a server that ends without having been asked to.
func (s *Server) watch() {
	<-s.proc.ended
	select {
	case <-s.stopping:
		return
	default:
	}
	s.err = fmt.Errorf("the PostgreSQL server ended by itself (%s)%s", s.proc.how(), s.room.logTail())
	s.log.Error("server ended by itself", "dir", s.room.dir, "how", s.proc.how())
	close(s.done)
}

// Stop ends the server: politely first, disconnecting the clients, then harder once the context is done or the server
// takes too long. It releases Dir, and removes a temporary one. Every call returns the same, once the server is gone;
// the error tells of files that could not be removed, or of a process that would not die.
func (s *Server) Stop(ctx context.Context) error {
	s.stopOnce.Do(func() {
		close(s.stopping)
		began := time.Now()
		how, err := s.proc.stop(ctx)
		s.stopErr = errors.Join(err, s.room.close())
		s.log.Info("server stopped", "dir", s.room.dir, "how", how, "took", time.Since(began).Round(time.Millisecond))
	})
	return s.stopErr
}
