package pgtest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"ferry/store/embedded"
)

// Elsewhere is the shared server as other machines see a server: over TLS, at an address that is not loopback.
type Elsewhere struct {
	Address  string // "192.0.2.2:4711"; the server's certificate names this host and no other
	CA       string // the file of the authority that signed the certificate
	Stranger string // the file of an authority of the same name that did not
}

// encrypted is what was made for the shared server's TLS, once.
var encrypted struct {
	once          sync.Once
	host          string
	authority     []byte
	stranger      []byte
	whyNot        error // nil: the server speaks TLS
	noAddressHere bool
}

// OverTLS makes the shared server speak TLS too, and gives it an address that is not loopback for the length of a test. The
// test is skipped on a machine that has no such address.
func OverTLS(tb testing.TB) Elsewhere {
	tb.Helper()
	server := Server(tb)
	encrypted.once.Do(func() { encrypted.whyNot = encrypt(server) })
	if encrypted.noAddressHere {
		tb.Skip("this machine has no address but loopback, where the rule for servers elsewhere does not hold")
	}
	if encrypted.whyNot != nil {
		tb.Fatalf("let the test server speak TLS: %v", encrypted.whyNot)
	}
	dir := tb.TempDir()
	e := Elsewhere{CA: filepath.Join(dir, "ca.pem"), Stranger: filepath.Join(dir, "stranger.pem")}
	for file, certificate := range map[string][]byte{e.CA: encrypted.authority, e.Stranger: encrypted.stranger} {
		if err := os.WriteFile(file, certificate, 0o600); err != nil {
			tb.Fatal(err)
		}
	}
	var err error
	if e.Address, err = relay(tb, encrypted.host, server.Addr()); err != nil {
		tb.Fatalf("lead from %s to the test server: %v", encrypted.host, err)
	}
	return e
}

// DSN turns a connection string of this package into one that leads there; parameters are the URL's, like
// "sslmode=require".
func (e Elsewhere) DSN(tb testing.TB, dsn, parameters string) string {
	tb.Helper()
	config, err := pgconn.ParseConfig(dsn)
	if err != nil {
		tb.Fatal(err)
	}
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword(config.User, config.Password), Host: e.Address,
		Path: "/" + config.Database, RawQuery: parameters,
	}
	return u.String()
}

// encrypt gives the server a certificate for this machine's address. Its files are written through the server, because it
// runs as a user who alone may own the key.
func encrypt(server *embedded.Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	address, err := ownAddress()
	if err != nil || address == nil {
		encrypted.noAddressHere = err == nil
		return err
	}
	encrypted.host = address.String()
	authority, err := newAuthority()
	if err != nil {
		return err
	}
	stranger, err := newAuthority()
	if err != nil {
		return err
	}
	encrypted.authority, encrypted.stranger = authority.certificate, stranger.certificate
	certificate, key, err := authority.sign(address)
	if err != nil {
		return err
	}
	conn, err := pgconn.Connect(ctx, server.DSN("postgres"))
	if err != nil {
		return fmt.Errorf("connect to the test server: %w", err)
	}
	defer func() { _ = conn.Close(ctx) }()
	for name, content := range map[string][]byte{"server.crt": certificate, "server.key": key} {
		program := `COPY (SELECT unnest(string_to_array('` + strings.TrimSpace(string(content)) + `', E'\n'))) TO PROGRAM 'umask 077; cat > ` + name + `'`
		if _, err := conn.Exec(ctx, program).ReadAll(); err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
	}
	for _, sql := range []string{`ALTER SYSTEM SET ssl = on`, `SELECT pg_reload_conf()`} {
		if _, err := conn.Exec(ctx, sql).ReadAll(); err != nil {
			return fmt.Errorf("%s: %w", sql, err)
		}
	}
	return awaitTLS(ctx, server.Addr())
}

// awaitTLS asks a server whether it speaks TLS until it says so: it takes up its settings a moment after it was told to.
func awaitTLS(ctx context.Context, addr string) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		answer, err := askTLS(ctx, addr)
		if err != nil || answer == 'S' {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("it does not take up TLS: %w", context.Cause(ctx))
		}
	}
}

// askTLS sends the protocol's SSLRequest and gives the one byte that answers it.
func askTLS(ctx context.Context, addr string) (byte, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return 0, fmt.Errorf("ask for TLS: %w", err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := conn.Write([]byte{0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f}); err != nil {
		return 0, fmt.Errorf("ask for TLS: %w", err)
	}
	answer := make([]byte, 1)
	if _, err = io.ReadFull(conn, answer); err != nil {
		return 0, fmt.Errorf("ask for TLS: %w", err)
	}
	return answer[0], nil
}

// ownAddress is an address of this machine that others could reach it by; nil if there is none.
func ownAddress() (net.IP, error) {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return nil, fmt.Errorf("look for an address of this machine: %w", err)
	}
	for _, each := range all {
		if network, ok := each.(*net.IPNet); ok && network.IP.To4() != nil && network.IP.IsGlobalUnicast() {
			return network.IP.To4(), nil
		}
	}
	return nil, nil
}

// authority signs certificates.
type authority struct {
	certificate []byte // PEM
	parsed      *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newAuthority() (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make an authority's key: %w", err)
	}
	a := &authority{key: key, parsed: valid(&x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "an authority of one's own"},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	})}
	der, err := x509.CreateCertificate(rand.Reader, a.parsed, a.parsed, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("make an authority: %w", err)
	}
	a.certificate = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return a, nil
}

// sign makes a server's certificate, and its key.
func (a *authority) sign(host net.IP) (certificate, key []byte, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("make a server's key: %w", err)
	}
	template := valid(&x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "a server"}, IPAddresses: []net.IP{host},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
	der, err := x509.CreateCertificate(rand.Reader, template, a.parsed, private.Public(), a.key)
	if err != nil {
		return nil, nil, fmt.Errorf("make a server's certificate: %w", err)
	}
	encoded, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		return nil, nil, fmt.Errorf("write a server's key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: encoded}), nil
}

// valid makes a certificate good for as long as tests run, whatever the clock of a machine does meanwhile.
func valid(c *x509.Certificate) *x509.Certificate {
	c.NotBefore, c.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour)
	return c
}

// relay leads what connects to a port of this host to an address, byte by byte, until the test ends.
func relay(tb testing.TB, host, to string) (from string, err error) {
	tb.Helper()
	listener, err := (&net.ListenConfig{}).Listen(tb.Context(), "tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		return "", fmt.Errorf("listen: %w", err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(tb.Context()))
	var running sync.WaitGroup
	running.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			running.Go(func() { join(ctx, client, to) })
		}
	})
	tb.Cleanup(func() {
		_ = listener.Close()
		cancel()
		running.Wait()
	})
	return listener.Addr().String(), nil
}

// join copies between a client and a server until one of them ends, or the context does.
func join(ctx context.Context, client net.Conn, to string) {
	defer func() { _ = client.Close() }()
	server, err := (&net.Dialer{}).DialContext(ctx, "tcp", to)
	if err != nil {
		return // the client sees a session that ends
	}
	shut := func() {
		_ = client.Close()
		_ = server.Close()
	}
	defer context.AfterFunc(ctx, shut)()
	var running sync.WaitGroup
	running.Go(func() { _, _ = io.Copy(server, client); shut() })
	_, _ = io.Copy(client, server)
	shut()
	running.Wait()
}
