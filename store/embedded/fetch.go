package embedded

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	embeddedpostgres "github.com/fergusstrange/embedded-postgres"
)

// fetchLimit bounds the search for binaries elsewhere: whoever waits for a demo wants to be told what to install.
const fetchLimit = 10 * time.Second

// fetchable are the versions the library offers, by major version; 0 is the choice for a new cluster.
var fetchable = map[int]embeddedpostgres.PostgresVersion{
	0:  embeddedpostgres.V17,
	13: embeddedpostgres.V13,
	14: embeddedpostgres.V14,
	15: embeddedpostgres.V15,
	16: embeddedpostgres.V16,
	17: embeddedpostgres.V17,
	18: embeddedpostgres.V18,
}

// fetch returns the directory of downloaded binaries, from the cache if they were downloaded before.
func fetch(ctx context.Context, major int) (string, error) {
	version, ok := fetchable[major]
	if !ok {
		return "", fmt.Errorf("version %d is not offered", major)
	}
	cache, err := fetchCache()
	if err != nil {
		return "", err
	}
	return fetchInto(ctx, embeddedpostgres.DefaultConfig(), version, filepath.Join(cache, string(version)))
}

// fetchCache is where downloaded binaries are kept: for root where the server's user can run them.
func fetchCache() (string, error) {
	if os.Geteuid() == 0 {
		return filepath.Join(thisMachine().outside, "postgresql"), nil
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find a directory to keep it in: %w", err)
	}
	return filepath.Join(cache, "ferry", "postgresql"), nil
}

// fetchInto downloads into a directory that is either complete or missing. The library cannot be interrupted: when time
// is up its work goes on, for the next attempt to profit from if this process lives that long.
func fetchInto(
	ctx context.Context, config embeddedpostgres.Config, version embeddedpostgres.PostgresVersion, target string,
) (string, error) {
	bin := filepath.Join(target, "bin")
	if exists(filepath.Join(bin, "postgres")) {
		return bin, nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, fetchLimit, fmt.Errorf("not finished after %s", fetchLimit))
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- extract(context.WithoutCancel(ctx), config, version, target) }()
	select {
	case err := <-done:
		return bin, err
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

// extract has the library download and unpack the binaries, and nothing more. Its only way to do so is to start a
// server; given a data directory that claims to be a cluster but is empty, it unpacks, skips initdb, and then fails to
// start. That failure, which has unpacking behind it, is the one hoped for; any other is real.
func extract(
	ctx context.Context, config embeddedpostgres.Config, version embeddedpostgres.PostgresVersion, target string,
) (err error) {
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil { //nolint:gosec // the server's user runs them
		return fmt.Errorf("make the cache: %w", err)
	}
	staging, err := os.MkdirTemp(filepath.Dir(target), ".fetch-*")
	if err != nil {
		return fmt.Errorf("make the cache: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(staging)) }()

	in := func(name string) string { return filepath.Join(staging, name) }
	if err := os.Mkdir(in("data"), 0o700); err != nil {
		return fmt.Errorf("unpack: %w", err)
	}
	major, _, _ := strings.Cut(string(version), ".")
	if err := os.WriteFile(filepath.Join(in("data"), "PG_VERSION"), []byte(major+"\n"), 0o600); err != nil {
		return fmt.Errorf("unpack: %w", err)
	}
	port, err := freePort(ctx) // the library insists on one
	if err != nil {
		return err
	}
	server := embeddedpostgres.NewDatabase(config.Version(version).
		Port(uint32(port)). //nolint:gosec // a port
		CachePath(in("archive")).RuntimePath(in("run")).BinariesPath(in("postgresql")).DataPath(in("data")).
		Logger(io.Discard))
	startErr := server.Start()
	if startErr == nil {
		startErr = server.Stop()
	}
	if startErr != nil && !strings.HasPrefix(startErr.Error(), "could not start postgres") {
		return fmt.Errorf("fetch the binaries: %w", startErr)
	}
	if err := os.Rename(in("postgresql"), target); err != nil && !exists(filepath.Join(target, "bin", "postgres")) {
		return fmt.Errorf("keep the binaries: %w", err)
	}
	return nil
}
