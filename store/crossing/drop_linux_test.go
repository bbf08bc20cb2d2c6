package crossing_test

import (
	"net"
	"net/netip"
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// drop makes a socket lose every packet that arrives, before it is acknowledged, or ends that. A socket within this
// machine loses none.
func drop(at any, on bool) {
	socket, ok := at.(syscall.Conn)
	if !ok {
		return
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return // it has ended
	}
	_ = raw.Control(func(fd uintptr) { filter(int(fd), on) })
}

// dropAtPeer does the same at the other end of a connection, if that is in this process too. What a proxy's system has
// still to send would else arrive there, again and again, and pass for a sign of life.
func dropAtPeer(conn net.Conn, on bool) {
	local, peer := conn.RemoteAddr(), conn.LocalAddr()
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return
	}
	for _, entry := range open {
		fd, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		if at, err := unix.Getsockname(fd); err != nil || address(at) != local.String() {
			continue
		}
		if at, err := unix.Getpeername(fd); err == nil && address(at) == peer.String() {
			filter(fd, on)
		}
	}
}

// address writes a socket's address as package net does.
func address(at unix.Sockaddr) string {
	v4, ok := at.(*unix.SockaddrInet4)
	if !ok {
		return ""
	}
	return netip.AddrPortFrom(netip.AddrFrom4(v4.Addr), uint16(v4.Port)).String()
}

func filter(fd int, on bool) {
	if !on {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DETACH_FILTER, 0)
		return
	}
	nothing := unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K}
	_ = unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: 1, Filter: &nothing})
}
