//go:build !linux

package crossing_test

// drop does nothing here: what is sent is acknowledged by this machine, and then held.
func drop(any, bool) {}
