package embedded

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// lockName is the file whose lock says that a directory has a living owner.
const lockName = "owner.lock"

// errVanished means that a directory was removed while its lock was being taken.
var errVanished = errors.New("directory vanished")

// lock holds a directory for this process. It is the kernel's: it ends with the process, however that ends, and cannot
// be mistaken for a later process of the same pid.
type lock struct{ file *os.File }

// takeLock locks a directory and writes our pid there, for the others to name. The lock file is created if create is
// set. It fails with ErrInUse if someone has it, this process included.
func takeLock(dir string, create bool) (*lock, error) {
	flags := os.O_RDWR
	if create {
		flags |= os.O_CREATE
	}
	path := filepath.Join(dir, lockName)
	f, err := os.OpenFile(path, flags, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the lock of %s: %w", dir, err)
	}
	if err := lockFile(f, dir); err != nil {
		_ = f.Close()
		return nil, err
	}
	return &lock{f}, nil
}

func lockFile(f *os.File, dir string) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		content, _ := os.ReadFile(f.Name())
		pid, _ := strconv.Atoi(strings.TrimSpace(string(content)))
		return &InUseError{Dir: dir, PID: pid}
	}
	if err != nil {
		return fmt.Errorf("lock %s: %w", dir, err)
	}
	// Whoever had the lock before may have removed the directory: the lock would then be on a file nobody else sees.
	held, err := f.Stat()
	if err != nil {
		return fmt.Errorf("lock %s: %w", dir, err)
	}
	if seen, err := os.Stat(f.Name()); err != nil || !os.SameFile(held, seen) {
		return fmt.Errorf("lock %s: %w", dir, errVanished)
	}
	if err := f.Truncate(0); err != nil {
		return fmt.Errorf("write the lock of %s: %w", dir, err)
	}
	if _, err := f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0); err != nil {
		return fmt.Errorf("write the lock of %s: %w", dir, err)
	}
	return nil
}

// release lets go of the directory. A nil lock is fine.
func (l *lock) release() {
	if l != nil {
		_ = l.file.Close()
	}
}
