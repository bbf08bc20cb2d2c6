package embedded

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	// pollInterval is how often a state is looked at that no signal announces.
	pollInterval = 10 * time.Millisecond
	// sweepAge spares temporary directories that may be about to get their lock.
	sweepAge = time.Hour
)

// sweep removes temporary clusters whose owners died without removing them. It only touches this user's, and only
// under their lock, which a living owner holds. Failing to is no reason not to start: the next start tries again.
func (m machine) sweep(ctx context.Context, log *slog.Logger) {
	for i, base := range m.temp {
		if slices.Contains(m.temp[:i], base) {
			continue
		}
		found, _ := filepath.Glob(filepath.Join(escapeGlob(base), temporaryPrefix+"*"))
		for _, dir := range found {
			info, err := os.Lstat(dir)
			if err != nil || !info.IsDir() || !ours(info) {
				continue
			}
			removed, err := sweepOne(ctx, dir, info, log)
			if err != nil {
				log.Warn("could not remove what a dead process left", "dir", dir, "error", err)
			} else if removed {
				log.Info("removed the temporary cluster of a dead process", "dir", dir)
			}
		}
	}
}

func sweepOne(ctx context.Context, dir string, info fs.FileInfo, log *slog.Logger) (bool, error) {
	l, err := takeLock(dir, false)
	switch {
	case errors.Is(err, ErrInUse), errors.Is(err, errVanished):
		return false, nil
	case errors.Is(err, fs.ErrNotExist):
		if time.Since(info.ModTime()) < sweepAge {
			return false, nil
		}
	case err != nil:
		return false, err
	}
	defer l.release()
	if err := stopOrphan(ctx, filepath.Join(dir, dataName), log); err != nil {
		return false, err
	}
	if err := os.RemoveAll(dir); err != nil {
		return false, fmt.Errorf("remove it: %w", err)
	}
	return true, nil
}

// stopOrphan ends a server that runs on a cluster without an owner: its watchdog is still at it, or was killed too. The
// caller holds the cluster's lock. A stale postmaster.pid is left to PostgreSQL, which also checks for surviving
// backends by it, unless its pid has come to belong to another process, at which PostgreSQL would give up.
func stopOrphan(ctx context.Context, data string, log *slog.Logger) error {
	pid := postmaster(data).pid
	if pid == 0 {
		return nil
	}
	if !serves(ctx, pid, data) {
		if alive := syscall.Kill(pid, 0) == nil; !alive {
			return nil
		}
		if err := os.Remove(filepath.Join(data, pidName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove the stale %s: %w", pidName, err)
		}
		return nil
	}
	log.Info("stopping a PostgreSQL server without owner", "pid", pid, "data", data)
	steps := []struct {
		sig   syscall.Signal
		limit time.Duration
	}{{syscall.SIGINT, fastLimit}, {syscall.SIGQUIT, immediateLimit}, {syscall.SIGKILL, killLimit}}
	for _, step := range steps {
		if err := syscall.Kill(pid, step.sig); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("stop the PostgreSQL server (pid %d) that still runs on %s: %w", pid, data, err)
		}
		for end := time.Now().Add(step.limit); time.Now().Before(end); {
			if !serves(ctx, pid, data) {
				return nil
			}
			if err := pause(ctx, pollInterval); err != nil {
				return fmt.Errorf("wait for the PostgreSQL server (pid %d) that still runs on %s: %w", pid, data, err)
			}
		}
	}
	return fmt.Errorf("the PostgreSQL server (pid %d) that still runs on %s does not end: end it by hand", pid, data)
}

// serves reports whether a process is the server of a cluster: a server's working directory is its cluster.
func serves(ctx context.Context, pid int, data string) bool {
	if exists("/proc/self/cwd") {
		cwd, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", pid))
		return err == nil && cwd == data
	}
	out, err := exec.CommandContext(ctx, "ps", "-o", "command=", "-p", strconv.Itoa(pid)).Output() //nolint:gosec // a number
	return err == nil && strings.Contains(string(out), data)
}

// pause waits, unless the context is done first.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
