package embedded

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

const (
	dataName     = "pgdata"
	stagingName  = "pgdata.new-*"      // a cluster in the making
	handoverName = "pgdata.password-*" // the password on its way to initdb
	passwordName = "superuser-password"
	socketsName  = "s" // short: the paths of sockets are limited
	logName      = "server.log"
	pointerName  = "cluster-at" // in Dir, when the cluster lies elsewhere

	temporaryPrefix = "ferry-pg-"

	// socketLimit keeps socket paths valid on every system: the kernels allow 103 bytes or more.
	socketLimit = 100
)

// machine is what a start needs to know of the machine, and what tests replace.
type machine struct {
	outside string   // holds root's clusters whose Dir the server's user cannot reach
	temp    []string // where temporary clusters may lie, best first
	find    func(account) finder
}

func thisMachine() machine {
	return machine{
		outside: filepath.Join(string(filepath.Separator), "var", "lib", "ferry"),
		temp:    []string{os.TempDir(), "/tmp", "/var/tmp"},
		find:    newFinder,
	}
}

// room is the directory of one server, held by this process.
type room struct {
	dir       string // the caller's directory, or the temporary one
	home      string // where the cluster lies: dir, or below machine.outside
	temporary bool
	account   account
	locks     []*lock
}

// open makes the directory ready and locks it.
func (m machine) open(ctx context.Context, dir string) (_ *room, err error) {
	if dir == "" {
		return m.openTemporary(ctx)
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, fmt.Errorf("find %s: %w", dir, err)
	}
	if err := makeDir(dir); err != nil {
		return nil, err
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return nil, fmt.Errorf("find the server's directory: %w", err)
	}
	r := &room{dir: dir}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.close())
		}
	}()
	if err := r.lock(dir); err != nil {
		return nil, err
	}
	known, err := r.locate(ctx, m)
	if err != nil {
		return nil, err
	}
	if r.home != r.dir {
		if err := r.moveOut(ctx, m, known); err != nil {
			return nil, err
		}
	}
	reached, err := r.account.reaches(ctx, r.home)
	if err != nil {
		return nil, err
	}
	if !reached {
		return nil, fmt.Errorf("%s cannot be entered by user %s, who runs the server: choose another directory",
			r.home, r.account.name)
	}
	return r, nil
}

// makeDir makes a directory that others may at most pass through, and they only when the server is another user.
func makeDir(dir string) error {
	//nolint:gosec // as open as directories usually are: the umask decides
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return fmt.Errorf("make the server's directory: %w", err)
	}
	mode := fs.FileMode(0o700)
	if os.Geteuid() == 0 {
		mode = 0o711
	}
	if err := os.Mkdir(dir, mode); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("make the server's directory: %w", err)
	}
	return nil
}

// locate decides where the cluster lies and who runs it, and reports whether a cluster outside of Dir is known there.
// An existing cluster stays where it is.
func (r *room) locate(ctx context.Context, m machine) (known bool, err error) {
	r.home = r.dir
	if r.account, err = serverAccount(r.data()); err != nil {
		return false, err
	}
	pointer := filepath.Join(r.dir, pointerName)
	content, err := os.ReadFile(pointer)
	if err == nil {
		r.home = filepath.Clean(strings.TrimSpace(string(content)))
		if filepath.Dir(r.home) != m.outside {
			return false, fmt.Errorf("%s points to %s, which is not below %s: remove it to start over", pointer, r.home, m.outside)
		}
		r.account, err = serverAccount(r.data())
		return true, err
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return false, fmt.Errorf("read where the cluster lies: %w", err)
	}
	if exists(r.data()) {
		return false, nil
	}
	reached, err := r.account.reaches(ctx, r.dir)
	if err != nil || reached {
		return false, err
	}
	sum := sha256.Sum256([]byte(r.dir))
	r.home = filepath.Join(m.outside, hex.EncodeToString(sum[:8]))
	r.account, err = serverAccount(r.data())
	return false, err
}

// moveOut prepares a home outside of Dir. What lies there without Dir pointing to it belongs to a Dir that was removed
// since, and goes.
func (r *room) moveOut(ctx context.Context, m machine, known bool) error {
	if err := os.MkdirAll(m.outside, 0o755); err != nil { //nolint:gosec // the server's user passes through
		return fmt.Errorf("make a directory for the cluster, since user %s cannot enter %s: %w", r.account.name, r.dir, err)
	}
	info, err := os.Lstat(m.outside)
	if err != nil {
		return fmt.Errorf("look at the clusters' directory: %w", err)
	}
	if !info.IsDir() || !ours(info) || info.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("%s must be a directory that only root can write to", m.outside)
	}
	if err := makeDir(r.home); err != nil {
		return err
	}
	if err := r.lock(r.home); err != nil {
		return err
	}
	if known {
		return nil
	}
	if err := stopOrphan(ctx, r.data(), discard); err != nil {
		return err
	}
	if err := r.discard(); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(r.dir, pointerName), []byte(r.home+"\n"), 0o600); err != nil {
		return fmt.Errorf("note where the cluster lies: %w", err)
	}
	return nil
}

// openTemporary makes a directory under a name of its own, and locks it against the sweep of other processes.
func (m machine) openTemporary(ctx context.Context) (*room, error) {
	a, err := serverAccount("")
	if err != nil {
		return nil, err
	}
	var failed error
	for _, base := range m.temp {
		reached, err := a.reaches(ctx, base)
		if err != nil {
			return nil, err
		}
		if !reached {
			failed = errors.Join(failed, fmt.Errorf("%s cannot be entered by user %s", base, a.name))
			continue
		}
		// Another process may sweep the directory between its birth and its lock.
		for range 3 {
			r, err := newTemporary(base, a)
			if err == nil {
				return r, nil
			}
			failed = errors.Join(failed, err)
		}
	}
	return nil, fmt.Errorf("make a temporary directory for the server (set TMPDIR to choose one): %w", failed)
}

func newTemporary(base string, a account) (*room, error) {
	dir, err := os.MkdirTemp(base, fmt.Sprintf("%s%d-*", temporaryPrefix, os.Getpid()))
	if err != nil {
		return nil, fmt.Errorf("make it: %w", err)
	}
	r := &room{dir: dir, home: dir, temporary: true, account: a}
	err = r.lock(dir)
	if err == nil && a.switched {
		err = os.Chmod(dir, 0o711) //nolint:gosec // the server's user passes through
	}
	if err == nil {
		r.dir, err = filepath.EvalSymlinks(dir)
		r.home = r.dir
	}
	if err != nil {
		r.dir = dir
		return nil, errors.Join(err, r.close())
	}
	return r, nil
}

func (r *room) lock(dir string) error {
	l, err := takeLock(dir, true)
	if inUse, ok := errors.AsType[*InUseError](err); ok {
		inUse.Dir = r.dir // the name the caller knows
	}
	if err != nil {
		return err
	}
	r.locks = append(r.locks, l)
	return nil
}

// close gives the directory up; a temporary one is removed first.
func (r *room) close() error {
	var err error
	if r.temporary {
		if err = os.RemoveAll(r.dir); err != nil {
			err = fmt.Errorf("remove the temporary cluster: %w", err)
		}
	}
	for _, l := range r.locks {
		l.release()
	}
	return err
}

// discard deletes the cluster and what belongs to it; never anything else that may lie in the directory.
func (r *room) discard() error {
	if exists(r.data()) && !exists(r.password()) {
		return fmt.Errorf("%s was not made by ferry: remove it by hand", r.data())
	}
	paths := []string{filepath.Join(r.home, socketsName), filepath.Join(r.home, logName)}
	for _, pattern := range []string{stagingName, handoverName} {
		found, _ := filepath.Glob(filepath.Join(escapeGlob(r.home), pattern))
		paths = append(paths, found...)
	}
	// The password goes last: it is the proof that the cluster is ours.
	for _, path := range append(paths, r.data(), r.password()) {
		if err := os.RemoveAll(path); err != nil {
			return fmt.Errorf("remove the cluster: %w", err)
		}
	}
	return nil
}

func (m machine) remove(ctx context.Context, dir string) (err error) {
	dir, err = filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("find %s: %w", dir, err)
	}
	if !exists(filepath.Join(dir, lockName)) {
		return nil
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return fmt.Errorf("find the server's directory: %w", err)
	}
	r := &room{dir: dir}
	defer func() { err = errors.Join(err, r.close()) }()
	if err := r.lock(dir); err != nil {
		return err
	}
	if _, err := r.locate(ctx, m); err != nil {
		return err
	}
	if r.home != r.dir && exists(r.home) {
		if err := r.lock(r.home); err != nil {
			return err
		}
	}
	if err := stopOrphan(ctx, r.data(), discard); err != nil {
		return err
	}
	return r.demolish()
}

// demolish deletes the cluster, the notes about it, and the directories if nothing else is in them.
func (r *room) demolish() error {
	if err := r.discard(); err != nil {
		return err
	}
	for _, dir := range []string{r.home, r.dir} {
		for _, name := range []string{pointerName, lockName} {
			if err := os.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("remove the cluster: %w", err)
			}
		}
		_ = os.Remove(dir) // stays if the caller keeps more in it
	}
	return nil
}

func (r *room) data() string     { return filepath.Join(r.home, dataName) }
func (r *room) password() string { return filepath.Join(r.home, passwordName) }

// sockets is the directory of the unix socket, and whether one can be had there: the kernel limits the path, and
// PostgreSQL reads the setting as a list.
func (r *room) sockets() (string, bool) {
	dir := filepath.Join(r.home, socketsName)
	return dir, len(dir)+len("/.s.PGSQL.65535") <= socketLimit && !strings.ContainsAny(dir, `,"\`)
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// ours reports whether a file belongs to this process's user.
func ours(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(st.Uid) == os.Geteuid()
}

// escapeGlob makes a directory's name mean itself in a pattern.
func escapeGlob(dir string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(dir)
}
