package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// discardOutput throws away what was written and not yet read, which makes room where a terminal has stopped reading.
func discardOutput(terminal *os.File) {
	_ = unix.IoctlSetInt(int(terminal.Fd()), unix.TCFLSH, unix.TCOFLUSH)
}
