package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"ferry/store/crossing/oracle"
)

// host is a network namespace with a cable to this machine: another machine, as far as TCP can tell.
type host struct {
	t      *testing.T
	name   string
	cable  string // our end
	server string // where its programs reach the databases
}

// newHost makes the nth host of this process. Where that is not allowed the test is skipped.
func newHost(t *testing.T, n int, databases string) *host {
	t.Helper()
	h := &host{t: t, name: fmt.Sprintf("ferry-%d-%d", os.Getpid(), n), cable: fmt.Sprintf("fy%d-%d", os.Getpid()%1_000_000, n)}
	if err := h.ip("netns", "add", h.name); err != nil {
		t.Skipf("there are no network namespaces here: %v", err)
	}
	t.Cleanup(func() { require.NoError(t, h.ip("netns", "del", h.name)) })
	net30 := func(last int) string { return fmt.Sprintf("198.18.%d.%d", os.Getpid()%256, 4*n+last) } // a range for tests of networks
	for _, args := range []string{
		"link add " + h.cable + " type veth peer name eth0 netns " + h.name,
		"addr add " + net30(1) + "/30 dev " + h.cable,
		"link set " + h.cable + " up",
		"-n " + h.name + " addr add " + net30(2) + "/30 dev eth0",
		"-n " + h.name + " link set lo up",
		"-n " + h.name + " link set eth0 up",
	} {
		require.NoError(t, h.ip(strings.Fields(args)...))
	}
	h.server = relayed(t, net30(1), databases)
	return h
}

func (h *host) ip(args ...string) error {
	out, err := exec.CommandContext(context.WithoutCancel(h.t.Context()), "ip", args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("ip %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}

// plug pulls the cable, or puts it back.
func (h *host) plug(state string) {
	h.t.Helper()
	require.NoError(h.t, h.ip("link", "set", h.cable, state))
}

// relayed is an address at which a server answers that listens on the loopback only. Of a peer that has vanished it takes leave as a
// server does that ferry's sessions have asked to: its probes are not answered, and it closes.
func relayed(t *testing.T, address, to string) string {
	t.Helper()
	probes := net.KeepAliveConfig{Enable: true, Idle: 5 * time.Second, Interval: 2 * time.Second, Count: 3}
	listening, err := (&net.ListenConfig{KeepAliveConfig: probes}).Listen(t.Context(), "tcp", net.JoinHostPort(address, "0"))
	require.NoError(t, err)
	t.Cleanup(func() { listening.Close() })
	go func() {
		for {
			theirs, err := listening.Accept()
			if err != nil {
				return
			}
			ours, err := (&net.Dialer{}).DialContext(context.WithoutCancel(t.Context()), "tcp", to)
			if err != nil {
				theirs.Close()
				continue
			}
			pass := func(to, from net.Conn) {
				_, _ = io.Copy(to, from)
				to.Close()
				from.Close()
			}
			go pass(ours, theirs)
			go pass(theirs, ours)
		}
	}()
	return listening.Addr().String()
}

// reaching is a connection string to the same database by way of another address.
func reaching(t *testing.T, dsn, address string) string {
	t.Helper()
	c, err := pgx.ParseConfig(dsn)
	require.NoError(t, err)
	u := url.URL{Scheme: "postgres", User: url.UserPassword(c.User, c.Password), Host: address, Path: c.Database, RawQuery: "sslmode=disable"}
	return u.String()
}

// Workers on other hosts share a run over the network. The cable of one is pulled in the middle of its batch: nobody closes its
// sessions, and others take the batch over all the same. Once it is back it is one of them again, and its batch is none of its business.
func TestWorkersOnOtherHostsAndOneWhoseCableIsPulled(t *testing.T) {
	t.Parallel()
	b := demoBench(t, 2000)
	server, err := pgx.ParseConfig(b.target.DSN)
	require.NoError(t, err)
	databases := net.JoinHostPort("127.0.0.1", strconv.Itoa(int(server.Port)))
	var hosts []*host
	var workers []*unattended
	for n := range 3 {
		h := newHost(t, n, databases)
		there := &bench{source: b.source, target: b.target, launcher: []string{"ip", "netns", "exec", h.name}, env: map[string]string{
			"FERRY_SOURCE": reaching(t, b.env["FERRY_SOURCE"], h.server), "FERRY_TARGET": reaching(t, b.env["FERRY_TARGET"], h.server),
			"HOME": t.TempDir(), "USER": "tester",
		}}
		hosts, workers = append(hosts, h), append(workers, there.unattend(t, "worker", "--workers", "1", "--allow-unverified-tls=both"))
		workers[n].await("ready")
	}
	g := b.shut(t, "loyalty_card") // which a first load comes to last
	id := b.startFull(t)
	g.holds(3)
	require.Equal(t, "3", b.text(t, `SELECT count(DISTINCT worker)::text FROM ferry.batch WHERE state = 'running'`), "each is at one")
	held := b.text(t, fmt.Sprintf(`SELECT id::text FROM ferry.batch WHERE state = 'running' AND worker LIKE '%%:%d:%%'`, workers[0].cmd.Process.Pid))
	hosts[0].plug("down")
	pulled := time.Now()
	g.open()
	b.comes(t, "true", fmt.Sprintf(`SELECT (attempt > 1 AND worker <> '' AND worker NOT LIKE '%%:%d:%%')::text FROM ferry.batch WHERE id = %s`,
		workers[0].cmd.Process.Pid, held))
	t.Logf("batch %s of the host that vanished was taken over after %.1f s", held, time.Since(pulled).Seconds())
	b.awaitDone(t, id)
	source, target := b.source.Pool(t), b.target.Pool(t)
	oracle.Faithful(t, source, target)
	oracle.FirstLoad(t, source, target, int64(id))
	oracle.Balanced(t, source, target)

	hosts[0].plug("up")
	b.comes(t, "3", `SELECT count(*)::text FROM ferry.worker WHERE workers > 0 AND seen_at > clock_timestamp() - interval '5 s'`)
	for _, w := range workers {
		require.NoError(t, w.cmd.Process.Signal(syscall.SIGTERM))
	}
	for _, w := range workers {
		require.Equal(t, exitClean, w.exits(), w.log())
	}
	oracle.Balanced(t, source, target)
}
