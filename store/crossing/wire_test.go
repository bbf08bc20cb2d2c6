package crossing_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// wire stands between a ferry and a database, sees every message on the way there, and can be as bad as a network gets
// (trouble_test.go). The server behind it may change.
type wire struct {
	dsn      string
	listener *net.TCPListener
	done     sync.WaitGroup

	mu       sync.Mutex
	upstream *pgconn.Config
	now      trouble
	open     map[*line]bool
}

// sessionState is what a watcher keeps of a session.
type sessionState struct{ writes bool }

// commits reports whether a message commits a batch.
func (s *sessionState) commits(kind byte, body []byte) bool {
	text := strings.ToLower(strings.TrimRight(string(body), "\x00"))
	switch {
	case kind == 'Q' && strings.HasPrefix(text, "set constraints"):
		s.writes = true
	case kind == 'Q' && text == "commit" && s.writes:
		s.writes = false
		return true
	}
	return false
}

type watcher func(s *sessionState, kind byte, body []byte, forward func() error) error

func newWire(ctx context.Context, dsn string, watch watcher) (*wire, error) {
	upstream, err := pgconn.ParseConfig(dsn)
	if err != nil {
		return nil, err
	}
	// A client that vanished unheard is noticed, as a server would, but no trouble lasts too long for a session.
	listen := net.ListenConfig{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 5 * time.Second, Interval: 5 * time.Second, Count: 127}}
	listen.SetMultipathTCP(false) // a filter is for plain sockets
	listener, err := listen.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	w := &wire{listener: listener.(*net.TCPListener), upstream: upstream, open: map[*line]bool{}} //nolint:errcheck // tcp it is
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword(upstream.User, upstream.Password), Host: listener.Addr().String(),
		Path: "/" + upstream.Database, RawQuery: "sslmode=disable",
	}
	w.dsn = u.String()
	w.done.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			w.done.Go(func() { w.serve(conn, watch) })
		}
	})
	return w, nil
}

// lead makes new sessions go to another server.
func (w *wire) lead(dsn string) error {
	upstream, err := pgconn.ParseConfig(dsn)
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.upstream = upstream
	return nil
}

func (w *wire) close() {
	_ = w.listener.Close()
	w.mu.Lock()
	for l := range w.open {
		l.close()
	}
	w.mu.Unlock()
	w.done.Wait()
}

// serve carries one session. If the server is away, the client sees a session that ends.
func (w *wire) serve(client net.Conn, watch watcher) {
	w.mu.Lock()
	network, address := pgconn.NetworkAddress(w.upstream.Host, w.upstream.Port)
	cut := w.now.cut
	w.mu.Unlock()
	if cut {
		reset(client)
		return
	}
	var dial net.Dialer
	server, err := dial.DialContext(context.Background(), network, address)
	if err != nil {
		_ = client.Close()
		return
	}
	l := newLine(client, server)
	w.mu.Lock()
	w.open[l] = true
	w.now.befall(l)
	w.mu.Unlock()
	w.done.Go(func() {
		_, _ = io.Copy(client, l.down)
		l.close()
	})
	_ = forward(server, l.up, watch)
	l.close()
	l.done.Wait()
	w.mu.Lock()
	delete(w.open, l)
	w.mu.Unlock()
}

// forward reads the client's messages and hands each to the watcher, which decides when it goes on.
func forward(server io.Writer, client io.Reader, watch watcher) error {
	state := &sessionState{}
	first := true // the first message has no kind
	for {
		head := make([]byte, 5)
		if first {
			head = head[:4]
		}
		if _, err := io.ReadFull(client, head); err != nil {
			return err
		}
		length := int(binary.BigEndian.Uint32(head[len(head)-4:]))
		if length < 4 || length > 1<<30 {
			return fmt.Errorf("a message of %s bytes", strconv.Itoa(length))
		}
		body := make([]byte, length-4)
		if _, err := io.ReadFull(client, body); err != nil {
			return err
		}
		write := func() error {
			_, err := server.Write(slices.Concat(head, body))
			return err
		}
		if first || watch == nil {
			first = false
			if err := write(); err != nil {
				return err
			}
			continue
		}
		if err := watch(state, head[0], body, write); err != nil {
			return err
		}
	}
}
