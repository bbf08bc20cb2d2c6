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
	"sync"

	"github.com/jackc/pgx/v5/pgconn"
)

// wire stands between a ferry and its engine database and sees every message on the way there. The server behind it may
// change.
type wire struct {
	dsn      string
	listener net.Listener
	done     sync.WaitGroup

	mu       sync.Mutex
	upstream *pgconn.Config
	open     map[net.Conn]bool
}

// sessionState is what a watcher keeps of a session.
type sessionState struct{ writes bool }

type watcher func(s *sessionState, kind byte, body []byte, forward func() error) error

func newWire(ctx context.Context, dsn string, watch watcher) (*wire, error) {
	upstream, err := pgconn.ParseConfig(dsn)
	if err != nil {
		return nil, err
	}
	var listen net.ListenConfig
	listener, err := listen.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	w := &wire{listener: listener, upstream: upstream, open: map[net.Conn]bool{}}
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
	for conn := range w.open {
		_ = conn.Close()
	}
	w.mu.Unlock()
	w.done.Wait()
}

func (w *wire) keep(conn net.Conn, on bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if on {
		w.open[conn] = true
		return
	}
	delete(w.open, conn)
	_ = conn.Close()
}

func (w *wire) serve(client net.Conn, watch watcher) {
	w.keep(client, true)
	defer w.keep(client, false)
	w.mu.Lock()
	network, address := pgconn.NetworkAddress(w.upstream.Host, w.upstream.Port)
	w.mu.Unlock()
	var dial net.Dialer
	server, err := dial.DialContext(context.Background(), network, address)
	if err != nil {
		return // the client sees a session that ends, as when the server is away
	}
	w.keep(server, true)
	defer w.keep(server, false)
	w.done.Go(func() {
		_, _ = io.Copy(client, server)
		w.keep(client, false)
	})
	_ = forward(server, client, watch)
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
