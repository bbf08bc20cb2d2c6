package embedded

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// tailLimit is how much of the server's log an error carries.
const tailLimit = 2000

// clusterVersion is the major version of the cluster in the room, 0 if there is none yet.
func (r *room) clusterVersion() (int, error) {
	if !exists(r.data()) {
		return 0, nil
	}
	content, err := os.ReadFile(filepath.Join(r.data(), "PG_VERSION"))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, fmt.Errorf("%s is not a PostgreSQL cluster: remove it, or choose another directory", r.data())
	}
	if err != nil {
		return 0, fmt.Errorf("read the cluster's version: %w", err)
	}
	major, err := strconv.Atoi(strings.TrimSpace(string(content)))
	if err != nil {
		return 0, fmt.Errorf("read the cluster's version in %s: %w", r.data(), err)
	}
	return major, nil
}

func (r *room) readPassword() (string, error) {
	content, err := os.ReadFile(r.password())
	if err != nil {
		return "", fmt.Errorf("read the password of the cluster (remove %s to start over without its data): %w", r.data(), err)
	}
	return strings.TrimSpace(string(content)), nil
}

// makeCluster runs initdb and returns the superuser's new password. The cluster gets its name only when it is whole,
// so that a start that was cut short is simply repeated. It is never a copy of a cached one, which would save half a
// second and give every cluster the same system identifier.
func (r *room) makeCluster(ctx context.Context, bin Binaries, durable bool) (_ string, err error) {
	if err := r.discard(); err != nil {
		return "", err
	}
	password := rand.Text()
	if err := os.WriteFile(r.password(), []byte(password+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("keep the server's password: %w", err)
	}
	handover, err := r.handOver(password)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, os.Remove(handover)) }()

	staging, err := os.MkdirTemp(r.home, stagingName)
	if err != nil {
		return "", fmt.Errorf("make the cluster's directory: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(staging))
		}
	}()
	if err := r.account.give(staging); err != nil {
		return "", err
	}
	argv := []string{
		filepath.Join(bin.Dir, "initdb"), "-D", staging, "-U", superuser,
		"--auth", "scram-sha-256", "--pwfile", handover, "--encoding", "UTF8", "--locale", "C",
	}
	if !durable {
		argv = append(argv, "--no-sync")
	}
	if err := r.run(ctx, argv...); err != nil {
		return "", fmt.Errorf("make a PostgreSQL cluster in %s: %w", r.home, err)
	}
	if err := os.Rename(staging, r.data()); err != nil {
		return "", fmt.Errorf("put the cluster in place: %w", err)
	}
	return password, nil
}

// handOver writes the password where initdb, perhaps another user, can read it.
func (r *room) handOver(password string) (string, error) {
	f, err := os.CreateTemp(r.home, handoverName)
	if err != nil {
		return "", fmt.Errorf("hand the password to initdb: %w", err)
	}
	_, err = f.WriteString(password + "\n")
	if err = errors.Join(err, f.Close(), r.account.give(f.Name())); err != nil {
		return "", errors.Join(fmt.Errorf("hand the password to initdb: %w", err), os.Remove(f.Name()))
	}
	return f.Name(), nil
}

// run runs one of PostgreSQL's tools to its end, under the watchdog like the server itself.
func (r *room) run(ctx context.Context, argv ...string) error {
	log, err := r.openLog()
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	p, err := launch(r.account, log, argv...)
	if err != nil {
		return err
	}
	if err := p.wait(ctx); err != nil {
		return fmt.Errorf("%s: %w%s", filepath.Base(argv[0]), err, r.logTail())
	}
	return nil
}

// openLog begins the log anew: it is read for what the last start said.
func (r *room) openLog() (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(r.home, logName), os.O_WRONLY|os.O_CREATE|os.O_TRUNC|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the server's log: %w", err)
	}
	return f, nil
}

// logTail is the end of the server's log, ready to follow an error's text.
func (r *room) logTail() string {
	f, err := os.Open(filepath.Join(r.home, logName))
	if err != nil {
		return ""
	}
	defer func() { _ = f.Close() }()
	cut := false
	if info, err := f.Stat(); err == nil && info.Size() > tailLimit {
		_, err = f.Seek(-tailLimit, io.SeekEnd)
		cut = err == nil
	}
	content, _ := io.ReadAll(io.LimitReader(f, tailLimit))
	tail := strings.TrimSpace(string(content))
	if _, rest, ok := strings.Cut(tail, "\n"); cut && ok {
		tail = rest
	}
	if tail == "" {
		return "; its log is empty"
	}
	return "; the end of its log:\n" + tail
}
