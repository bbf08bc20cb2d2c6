package embedded

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	loopback = "127.0.0.1"
	pidName  = "postmaster.pid"
	// bootAttempts bounds how often a start is repeated whose port was taken, or whose predecessor was not quite gone.
	bootAttempts = 5
)

// boot starts the server and returns once it accepts connections.
func (s *Server) boot(ctx context.Context, settings map[string]string) error {
	if err := s.makeSockets(); err != nil {
		return err
	}
	for attempt := 1; ; attempt++ {
		if err := stopOrphan(ctx, s.room.data(), s.log); err != nil {
			return err
		}
		err := s.tryBoot(ctx, settings)
		if err == nil {
			return nil
		}
		if attempt == bootAttempts || !passing(err) || ctx.Err() != nil {
			return err
		}
		s.log.Debug("starting PostgreSQL again", "attempt", attempt, "error", err)
		if err := pause(ctx, 20*pollInterval); err != nil {
			return fmt.Errorf("start PostgreSQL: %w", err)
		}
	}
}

// tryBoot launches the server once, on a port that was free a moment ago.
func (s *Server) tryBoot(ctx context.Context, settings map[string]string) error {
	port, err := freePort(ctx)
	if err != nil {
		return err
	}
	s.port = port
	log, err := s.room.openLog()
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	argv := append([]string{filepath.Join(s.bin.Dir, "postgres")}, s.room.arguments(settings, port)...)
	if s.proc, err = launch(s.room.account, log, argv...); err != nil {
		return err
	}
	if err := s.awaitReady(ctx); err != nil {
		hurry, cancel := context.WithCancel(ctx)
		cancel()
		_, stopErr := s.proc.stop(hurry)
		return errors.Join(fmt.Errorf("start PostgreSQL %s in %s: %w%s", s.bin.Version, s.room.home, err, s.room.logTail()), stopErr)
	}
	return nil
}

// awaitReady follows the state that the server writes to its pid file, so that no connection is refused on the way,
// and then connects once, which proves that the password is right.
func (s *Server) awaitReady(ctx context.Context) error {
	for {
		if seen := postmaster(s.room.data()); seen.pid == s.proc.pid() && seen.ready {
			break
		}
		timer := time.NewTimer(pollInterval)
		select {
		case <-timer.C:
		case <-s.proc.ended:
			timer.Stop()
			return fmt.Errorf("the server ended at once (%s)", s.proc.how())
		case <-ctx.Done():
			timer.Stop()
			return fmt.Errorf("the server is not ready: %w", context.Cause(ctx))
		}
	}
	conn, err := pgx.Connect(ctx, s.DSN(superuser))
	if err != nil {
		return fmt.Errorf("connect to the server: %w", err)
	}
	_ = conn.Close(ctx) // it has served
	return nil
}

// makeSockets makes the directory of the unix socket, the server's own.
func (s *Server) makeSockets() error {
	dir, ok := s.room.sockets()
	if !ok {
		s.log.Debug("no unix socket: its path would not do", "dir", dir)
		return nil
	}
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("clear the socket's directory: %w", err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return fmt.Errorf("make the socket's directory: %w", err)
	}
	return s.room.account.give(dir)
}

// freePort asks the kernel for one. Another process may take it before the server does; boot then tries again.
func freePort(ctx context.Context) (int, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", net.JoinHostPort(loopback, "0"))
	if err != nil {
		return 0, fmt.Errorf("find a free port on %s: %w", loopback, err)
	}
	defer func() { _ = l.Close() }()
	addr, ok := l.Addr().(*net.TCPAddr)
	if !ok {
		return 0, fmt.Errorf("find a free port on %s: it listens on %s", loopback, l.Addr())
	}
	return addr.Port, nil
}

// passing reports whether a failed start is worth repeating: the port was taken meanwhile, or the last backends of a
// killed server were still there.
func passing(err error) bool {
	for _, said := range []string{
		"Address already in use",
		"could not create any TCP/IP sockets",
		"is still in use",                  // shared memory
		`"` + pidName + `" already exists`, // lock file
	} {
		if strings.Contains(err.Error(), said) {
			return true
		}
	}
	return false
}

// state is what a server says of itself.
type state struct {
	pid   int // 0 if there is no server
	ready bool
}

// postmaster reads a cluster's pid file: pid, directory, start, port, socket, address, shared memory, state.
func postmaster(data string) state {
	content, err := os.ReadFile(filepath.Join(data, pidName))
	if err != nil {
		return state{}
	}
	lines := strings.Split(string(content), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(lines[0]))
	if err != nil || pid <= 1 {
		return state{}
	}
	if len(lines) <= 7 {
		return state{pid: pid}
	}
	status := strings.TrimSpace(lines[7])
	return state{pid: pid, ready: status == "ready" || status == "standby"} // a standby lets readers in
}
