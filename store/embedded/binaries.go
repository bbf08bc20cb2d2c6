package embedded

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// oldest is the first major version that ferry works with.
const oldest = 13

// Binaries is an installation of PostgreSQL's server.
type Binaries struct {
	Dir     string // has postgres and initdb
	Version string // like "15.13"
	Major   int
}

// FindBinaries looks for a PostgreSQL server of version 13 or newer: on PATH, where pg_config says, in the directories
// of the distributions, the newest first; and downloads one if there is none, which takes 10 s at most. It fails with
// ErrNoServer.
func FindBinaries(ctx context.Context) (Binaries, error) {
	a, err := serverAccount("")
	if err != nil {
		return Binaries{}, err
	}
	return newFinder(a).find(ctx, 0)
}

// finder knows where servers may be.
type finder struct {
	path     []string // the directories of PATH
	usual    []string // patterns of directories
	pgConfig func(ctx context.Context) (string, error)
	probe    func(ctx context.Context, dir string) (Binaries, error)
	fetch    func(ctx context.Context, major int) (string, error)
	install  func() string // the command to install a server
}

func newFinder(a account) finder {
	return finder{
		path: filepath.SplitList(os.Getenv("PATH")),
		usual: []string{
			"/usr/lib/postgresql/*/bin",         // Debian
			"/usr/pgsql-*/bin",                  // PostgreSQL's own packages for Red Hat and SUSE
			"/usr/lib/postgresql*/bin",          // SUSE
			"/usr/libexec/postgresql*",          // Alpine
			"/opt/homebrew/opt/postgresql*/bin", // Homebrew
			"/usr/local/opt/postgresql*/bin",    // Homebrew on Intel
			"/opt/local/lib/postgresql*/bin",    // MacPorts
			"/usr/local/pgsql/bin",              // built from source
			"/Library/PostgreSQL/*/bin",         // the installer for macOS
			"/Applications/Postgres.app/Contents/Versions/*/bin",
		},
		pgConfig: func(ctx context.Context) (string, error) {
			out, err := exec.CommandContext(ctx, "pg_config", "--bindir").Output()
			return strings.TrimSpace(string(out)), err
		},
		probe:   a.probe,
		fetch:   fetch,
		install: installCommand,
	}
}

// find returns the first server of the wanted major version, 0 meaning any that is new enough.
func (f finder) find(ctx context.Context, major int) (Binaries, error) {
	var rejected []string
	for _, dir := range f.candidates(ctx) {
		bin, err := f.probe(ctx, dir)
		if err == nil {
			err = bin.suits(major)
		}
		if err == nil {
			return bin, nil
		}
		rejected = append(rejected, fmt.Sprintf("%s: %v", dir, err))
	}
	if ctx.Err() != nil {
		return Binaries{}, fmt.Errorf("look for a PostgreSQL server: %w", context.Cause(ctx))
	}
	dir, err := f.fetch(ctx, major)
	if err == nil {
		var bin Binaries
		if bin, err = f.probe(ctx, dir); err == nil {
			return bin, nil
		}
		err = fmt.Errorf("the downloaded one does not run: %w", err)
	}
	return Binaries{}, f.missing(major, rejected, err)
}

// missing explains what was looked for and what to do.
func (f finder) missing(major int, rejected []string, fetchErr error) error {
	wanted := fmt.Sprintf("version %d or newer", oldest)
	if major != 0 {
		wanted = fmt.Sprintf("version %d", major)
	}
	text := fmt.Sprintf("looked for postgres and initdb, %s, on PATH, at pg_config --bindir, in %s", wanted, strings.Join(f.usual, ", "))
	if len(rejected) > 0 {
		text += "; found but not usable: " + strings.Join(rejected, "; ")
	}
	if fetchErr != nil {
		text += "; download: " + fetchErr.Error()
	}
	return fmt.Errorf("%w: install one with `%s` (%s)", ErrNoServer, f.install(), text)
}

// candidates are the directories with a postgres in them, in the order of preference, each once.
func (f finder) candidates(ctx context.Context) []string {
	dirs := slices.Clone(f.path)
	if dir, err := f.pgConfig(ctx); err == nil && dir != "" {
		dirs = append(dirs, dir)
	}
	for _, pattern := range f.usual {
		found, _ := filepath.Glob(pattern)
		slices.SortStableFunc(found, func(a, b string) int { return cmp.Compare(versionInPath(b), versionInPath(a)) })
		dirs = append(dirs, found...)
	}
	var candidates []string
	for _, dir := range dirs {
		// PATH often has links to the tools alone; the server's own directory has all of them.
		tool, err := filepath.EvalSymlinks(filepath.Join(dir, "postgres"))
		if err != nil {
			continue
		}
		if own := filepath.Dir(tool); exists(filepath.Join(own, "initdb")) {
			dir = own
		}
		if dir, err = filepath.Abs(dir); err == nil && !slices.Contains(candidates, dir) {
			candidates = append(candidates, dir)
		}
	}
	return candidates
}

var digits = regexp.MustCompile(`\d+`)

// versionInPath is the number in a directory like /usr/lib/postgresql/15/bin, 0 if there is none.
func versionInPath(dir string) int {
	n, _ := strconv.Atoi(digits.FindString(dir))
	return n
}

// suits refuses a server that is too old, or cannot open a cluster of the wanted version.
func (b Binaries) suits(major int) error {
	if b.Major < oldest {
		return fmt.Errorf("version %s is older than %d", b.Version, oldest)
	}
	if major != 0 && b.Major != major {
		return fmt.Errorf("version %s is not %d", b.Version, major)
	}
	return nil
}

// versionLine finds the version in "postgres (PostgreSQL) 15.13 (Debian 15.13-0+deb12u1)" or "postgres (PostgreSQL) 18beta1".
var versionLine = regexp.MustCompile(`\(PostgreSQL\) ((\d+)\S*)`)

// probe asks a server for its version, as the user who will run it.
func (a account) probe(ctx context.Context, dir string) (Binaries, error) {
	if !exists(filepath.Join(dir, "initdb")) {
		return Binaries{}, errors.New("no initdb beside it")
	}
	out, err := a.output(ctx, filepath.Join(dir, "postgres"), "--version")
	if err != nil {
		return Binaries{}, fmt.Errorf("does not run as user %s: %w", a.name, err)
	}
	m := versionLine.FindStringSubmatch(out)
	if m == nil {
		return Binaries{}, fmt.Errorf("does not name its version: %q", strings.TrimSpace(out))
	}
	major, err := strconv.Atoi(m[2])
	if err != nil {
		return Binaries{}, fmt.Errorf("does not name its version: %w", err)
	}
	return Binaries{Dir: dir, Version: m[1], Major: major}, nil
}

// installCommand names the one command that installs a server on this system.
func installCommand() string { return installCommandFor(exec.LookPath, os.Geteuid() == 0) }

func installCommandFor(look func(string) (string, error), root bool) string {
	managers := []struct{ tool, command string }{
		{"brew", "brew install postgresql@17"},
		{"apt-get", "apt-get install postgresql"},
		{"dnf", "dnf install postgresql-server"},
		{"yum", "yum install postgresql-server"},
		{"apk", "apk add postgresql"},
		{"zypper", "zypper install postgresql-server"},
		{"pacman", "pacman -S postgresql"},
	}
	for _, m := range managers {
		if _, err := look(m.tool); err != nil {
			continue
		}
		if root || m.tool == "brew" { // Homebrew refuses to run as root
			return m.command
		}
		return "sudo " + m.command
	}
	return "your system's package manager (package postgresql)"
}
