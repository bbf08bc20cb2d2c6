package session

import (
	"fmt"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// boundSilence makes a connection fail once its peer has acknowledged nothing for too long, whether data or a question
// whether it is there.
func boundSilence(network, _ string, conn syscall.RawConn) error {
	if !strings.HasPrefix(network, "tcp") {
		return nil // the peer is on this machine
	}
	var set error
	err := conn.Control(func(fd uintptr) {
		set = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(silence.Milliseconds()))
	})
	if err != nil {
		return fmt.Errorf("bounding the silence of a connection: %w", err)
	}
	if set != nil {
		return fmt.Errorf("bounding the silence of a connection: %w", set)
	}
	return nil
}
