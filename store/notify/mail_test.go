package notify

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// mailServer takes mail as a server does, and hangs or refuses as a test wants.
type mailServer struct {
	net.Listener

	mu    sync.Mutex
	mails []string
	mood  string // "", "refuse", "hang"
}

func serveMail(t *testing.T) *mailServer {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &mailServer{Listener: listener}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go s.talk(conn)
			t.Cleanup(func() { _ = conn.Close() })
		}
	}()
	t.Cleanup(func() { _ = listener.Close() })
	return s
}

func (s *mailServer) set(mood string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mood = mood
}

func (s *mailServer) got() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string{}, s.mails...)
}

// talk is one session.
func (s *mailServer) talk(conn net.Conn) {
	defer conn.Close()
	s.mu.Lock()
	mood := s.mood
	s.mu.Unlock()
	in := bufio.NewReader(conn)
	if mood == "hang" {
		_, _ = io.Copy(io.Discard, in)
		return
	}
	say := func(line string) { fmt.Fprintf(conn, "%s\r\n", line) }
	say("220 mail here")
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		switch verb := strings.ToUpper(strings.Fields(line + " .")[0]); {
		case verb == "RCPT" && mood == "refuse":
			say("550 no such user, hunter2canary")
		case verb == "DATA":
			say("354 go on")
			var mail strings.Builder
			for {
				line, err := in.ReadString('\n')
				if err != nil {
					return
				}
				if line == ".\r\n" {
					break
				}
				mail.WriteString(line)
			}
			s.mu.Lock()
			s.mails = append(s.mails, mail.String())
			s.mu.Unlock()
			say("250 taken")
		case verb == "QUIT":
			say("221 bye")
			return
		default:
			say("250 well")
		}
	}
}

func TestMailGetsThrough(t *testing.T) {
	t.Parallel()
	s := serveMail(t)
	channel := open(t, "smtp://"+s.Addr().String()+"/?from=ferry@example.com&to=ops@example.com")
	require.NoError(t, channel.Send(t.Context(), message()))
	require.Len(t, s.got(), 1)
	head, body, ok := strings.Cut(s.got()[0], "\r\n\r\n")
	require.True(t, ok)
	require.Contains(t, head, "Subject: ferry CRITICAL: freshness of loyalty_card")
	require.Contains(t, head, "To: ops@example.com")
	require.NotContains(t, head, "Bcc", "no text makes a header")
	require.Contains(t, body, "Late → ≥ 5 min")
	s.set("refuse")
	require.ErrorContains(t, channel.Send(t.Context(), message()), "550")
}

func TestMailServersThatHangAreGivenUpAndNotWithoutEnd(t *testing.T) {
	t.Parallel()
	s := serveMail(t)
	s.set("hang")
	channel := open(t, "smtp://"+s.Addr().String()+"/?from=ferry@example.com&to=ops@example.com")
	for range mostAbandoned {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		require.ErrorContains(t, channel.Send(ctx, message()), "not answered in time")
		cancel()
	}
	require.ErrorContains(t, channel.Send(t.Context(), message()), "never answered")
}

func TestAPasswordIsNotSentOverAnOpenWire(t *testing.T) {
	t.Parallel()
	s := serveMail(t)
	channel := open(t, "smtp://user:hunter2canary@"+s.Addr().String()+"/?from=ferry@example.com&to=ops@example.com")
	err := channel.Send(t.Context(), message())
	require.ErrorContains(t, err, "StartTLS")
	require.NotContains(t, err.Error(), "canary")
	require.Empty(t, s.got())
}
