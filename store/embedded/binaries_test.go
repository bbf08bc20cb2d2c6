package embedded

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	embeddedpostgres "github.com/fergusstrange/embedded-postgres"
	"github.com/stretchr/testify/require"
)

// install fakes a server of a version; "" one that has no initdb.
func install(t *testing.T, dir, version string) string {
	t.Helper()
	require.NoError(t, os.MkdirAll(dir, 0o755))
	script := fmt.Sprintf("#!/bin/sh\necho 'postgres (PostgreSQL) %s (Debian %s-1)'\n", version, version)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "postgres"), []byte(script), 0o755))
	if version != "" {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "initdb"), []byte(script), 0o755))
	}
	return dir
}

// bareFinder finds nothing.
func bareFinder(t *testing.T) finder {
	t.Helper()
	a, err := serverAccount("")
	require.NoError(t, err)
	return finder{
		pgConfig: func(context.Context) (string, error) { return "", exec.ErrNotFound },
		probe:    a.probe,
		fetch:    func(context.Context, int) (string, error) { return "", errors.New("no network") },
		install:  func() string { return "apt-get install postgresql" },
	}
}

func TestFindBinaries(t *testing.T) {
	t.Parallel()
	bin, err := FindBinaries(t.Context())
	require.NoError(t, err)
	require.FileExists(t, filepath.Join(bin.Dir, "postgres"))
	require.FileExists(t, filepath.Join(bin.Dir, "initdb"))
	require.GreaterOrEqual(t, bin.Major, oldest)
	require.Contains(t, bin.Version, strconv.Itoa(bin.Major))
}

func TestOrderOfCandidates(t *testing.T) {
	t.Parallel()
	base := newDir(t)
	usual := filepath.Join(base, "lib", "*", "bin")
	for _, v := range []string{"9.6", "15.1", "100.1"} {
		install(t, filepath.Join(base, "lib", strings.Split(v, ".")[0], "bin"), v)
	}
	f := bareFinder(t)
	f.usual = []string{usual}
	find := func(major int) string {
		bin, err := f.find(t.Context(), major)
		require.NoError(t, err)
		return bin.Version
	}
	require.Equal(t, "100.1", find(0), "the newest, by number")
	require.Equal(t, "15.1", find(15), "what the cluster needs")

	said := install(t, filepath.Join(base, "said"), "16.2")
	f.pgConfig = func(context.Context) (string, error) { return said, nil }
	require.Equal(t, "16.2", find(0), "pg_config before the usual directories")

	links := filepath.Join(base, "links")
	require.NoError(t, os.Mkdir(links, 0o755))
	own := install(t, filepath.Join(base, "own"), "14.3")
	require.NoError(t, os.Symlink(filepath.Join(own, "postgres"), filepath.Join(links, "postgres")))
	f.path = []string{install(t, filepath.Join(base, "client"), ""), links}
	require.Equal(t, "14.3", find(0), "PATH first, links followed, no server without initdb")
}

func TestNoServer(t *testing.T) {
	t.Parallel()
	base := newDir(t)
	f := bareFinder(t)
	f.usual = []string{filepath.Join(base, "*", "bin")}
	_, err := f.find(t.Context(), 0)
	require.ErrorIs(t, err, ErrNoServer)
	require.ErrorContains(t, err, "install one with `apt-get install postgresql`")
	require.ErrorContains(t, err, "no network")

	install(t, filepath.Join(base, "old", "bin"), "12.4")
	_, err = f.find(t.Context(), 0)
	require.ErrorIs(t, err, ErrNoServer)
	require.ErrorContains(t, err, "version 12.4 is older than 13")

	install(t, filepath.Join(base, "new", "bin"), "17.4")
	_, err = f.find(t.Context(), 15)
	require.ErrorIs(t, err, ErrNoServer)
	require.ErrorContains(t, err, "version 17.4 is not 15")

	m := thisMachine()
	m.temp = []string{base}
	m.find = func(account) finder { return bareFinder(t) }
	_, err = m.start(t.Context(), Options{})
	require.ErrorIs(t, err, ErrNoServer)
	left, err := filepath.Glob(filepath.Join(base, temporaryPrefix+"*"))
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestInstallCommand(t *testing.T) {
	t.Parallel()
	having := func(tools ...string) func(string) (string, error) {
		return func(tool string) (string, error) {
			if slices.Contains(tools, tool) {
				return tool, nil
			}
			return "", exec.ErrNotFound
		}
	}
	require.Equal(t, "apt-get install postgresql", installCommandFor(having("apt-get"), true))
	require.Equal(t, "sudo dnf install postgresql-server", installCommandFor(having("dnf", "yum"), false))
	require.Equal(t, "apk add postgresql", installCommandFor(having("apk"), true))
	require.Equal(t, "brew install postgresql@17", installCommandFor(having("brew"), false))
	require.Contains(t, installCommandFor(having(), false), "package manager")
}

func TestFetchGivesUp(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir()) // the library leaves its logs there
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/slow") {
			<-release
		}
		http.NotFound(w, r)
	}))
	base := t.TempDir()
	config := embeddedpostgres.DefaultConfig().BinaryRepositoryURL(server.URL)
	_, err := fetchInto(t.Context(), config, embeddedpostgres.V17, filepath.Join(base, "a"))
	require.ErrorContains(t, err, "no version found")

	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	slow := config.BinaryRepositoryURL(server.URL + "/slow")
	_, err = fetchInto(ctx, slow, embeddedpostgres.V17, filepath.Join(base, "b"))
	require.ErrorIs(t, err, context.DeadlineExceeded)

	close(release)
	require.Eventually(t, func() bool { // the late work cleans up behind itself
		left, err := os.ReadDir(base)
		return err == nil && len(left) == 0
	}, 10*time.Second, 10*time.Millisecond)
	server.CloseClientConnections()
	server.Close()
	http.DefaultClient.CloseIdleConnections()
}
