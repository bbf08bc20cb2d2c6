package app

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// File is a new file that is being written.
type File interface {
	io.WriteCloser
	// Discard closes the file and takes it away again.
	Discard() error
}

// NewFile makes a file that is not there yet, for its owner alone. It fails if there is one of that name.
func NewFile(name string) (File, error) {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	switch {
	case errors.Is(err, fs.ErrExist):
		return nil, fmt.Errorf("%s is there already, and nothing is overwritten; choose another name", name)
	case err != nil:
		return nil, fmt.Errorf("make the file: %w", err)
	}
	return newFile{f}, nil
}

type newFile struct{ *os.File }

func (f newFile) Discard() error { return errors.Join(f.Close(), os.Remove(f.Name())) }
