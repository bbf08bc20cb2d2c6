package crossing_test

import (
	"io"
	"net"
	"sync"
	"time"
)

// line is one session's way through a wire.
type line struct {
	client, server net.Conn
	up, down       *lane // what the client sends, and what it is sent
	forgotten      bool  // no healing brings it back

	gone  chan struct{}
	close func()
	done  sync.WaitGroup
}

func newLine(client, server net.Conn) *line {
	l := &line{client: client, server: server, gone: make(chan struct{})}
	l.close = sync.OnceFunc(func() {
		close(l.gone)
		_ = client.Close()
		_ = server.Close()
	})
	l.up, l.down = newLane(client, l), newLane(server, l)
	return l
}

// lane carries the bytes of one direction. It can be slow, and it can be shut: what is sent then waits, and comes in the
// end, as over a network whose senders send again. The end of a stream waits like its bytes.
type lane struct {
	line   *line
	chunks chan chunk
	rest   []byte

	mu    sync.Mutex
	delay time.Duration
	pass  chan struct{} // closed while the lane is open
}

// chunk is what came at once.
type chunk struct {
	at    time.Time
	bytes []byte
}

func newLane(from io.Reader, l *line) *lane {
	// Many chunks: a slow lane is not a narrow one.
	n := &lane{line: l, chunks: make(chan chunk, 256), pass: make(chan struct{})}
	close(n.pass)
	l.done.Go(func() {
		defer close(n.chunks)
		for {
			bytes := make([]byte, 16<<10)
			length, err := from.Read(bytes)
			if err != nil {
				return
			}
			select {
			case n.chunks <- chunk{time.Now(), bytes[:length]}:
			case <-l.gone:
				return
			}
		}
	})
	return n
}

// set shuts or opens the lane, and makes it as slow as that.
func (n *lane) set(shut bool, delay time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.delay = delay
	isShut := true
	select {
	case <-n.pass:
		isShut = false
	default:
	}
	switch {
	case shut && !isShut:
		n.pass = make(chan struct{})
	case !shut && isShut:
		close(n.pass)
	}
}

func (n *lane) Read(p []byte) (int, error) {
	if len(n.rest) == 0 {
		var next chunk
		var more bool
		select {
		case next, more = <-n.chunks:
		case <-n.line.gone:
			return 0, io.EOF
		}
		if err := n.wait(next.at); err != nil || !more {
			return 0, io.EOF
		}
		n.rest = next.bytes
	}
	length := copy(p, n.rest)
	n.rest = n.rest[length:]
	return length, nil
}

// wait returns when what came at a moment may go on.
func (n *lane) wait(since time.Time) error {
	n.mu.Lock()
	pass, delay := n.pass, n.delay
	n.mu.Unlock()
	if delay > 0 {
		late := time.NewTimer(time.Until(since.Add(delay)))
		defer late.Stop()
		select {
		case <-late.C:
		case <-n.line.gone:
			return io.EOF
		}
	}
	select {
	case <-pass:
		return nil
	case <-n.line.gone:
		return io.EOF
	}
}

// reset ends a connection as a firewall does that says so.
func reset(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}
