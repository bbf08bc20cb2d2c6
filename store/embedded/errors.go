package embedded

import (
	"errors"
	"fmt"
)

var (
	// ErrNoServer means that the machine has no PostgreSQL server that fits and none could be downloaded. The text of
	// the error names the command that installs one.
	ErrNoServer = errors.New("no PostgreSQL server found")
	// ErrInUse means that another server runs in the directory; errors.As to *InUseError gives its owner.
	ErrInUse = errors.New("directory in use")
)

// InUseError names the process that holds a directory. It is an ErrInUse.
type InUseError struct {
	Dir string
	PID int // 0 when unknown
}

// Error says who holds the directory and what to do.
func (e *InUseError) Error() string {
	if e.PID == 0 {
		return e.Dir + " is in use by another process: stop that, or choose another directory"
	}
	return fmt.Sprintf("%s is in use by process %d: stop that, or choose another directory", e.Dir, e.PID)
}

// Is makes the error an ErrInUse.
func (e *InUseError) Is(target error) bool { return target == ErrInUse }
