package soak_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// limit bounds every wait that is no part of the soak itself.
const limit = 5 * time.Minute

// ferry is the process under test.
type ferry struct {
	t       *testing.T
	in      io.WriteCloser
	answers chan string
	ended   chan struct{}
	cmd     *exec.Cmd

	mu     sync.Mutex
	vitals []vitals
}

func startFerry(t *testing.T, o orders) *ferry {
	t.Helper()
	text, err := json.Marshal(o)
	require.NoError(t, err)
	self, err := os.Executable()
	require.NoError(t, err)
	f := &ferry{t: t, cmd: exec.Command(self), answers: make(chan string, 10), ended: make(chan struct{})} //nolint:noctx // ended below
	f.cmd.Env = append(os.Environ(), childEnv+"="+string(text))
	f.cmd.Stderr = t.Output()
	f.in, err = f.cmd.StdinPipe()
	require.NoError(t, err)
	out, err := f.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, f.cmd.Start())
	go func() {
		defer close(f.ended)
		defer close(f.answers)
		f.hear(out)
		_ = f.cmd.Wait()
	}()
	t.Cleanup(func() {
		_ = f.cmd.Process.Kill()
		<-f.ended
	})
	return f
}

func (f *ferry) hear(out io.Reader) {
	for lines := bufio.NewScanner(out); lines.Scan(); {
		word, rest, _ := strings.Cut(lines.Text(), " ")
		if word != "vitals" {
			f.answers <- lines.Text()
			continue
		}
		var v vitals
		if err := json.Unmarshal([]byte(rest), &v); err == nil {
			f.mu.Lock()
			f.vitals = append(f.vitals, v)
			f.mu.Unlock()
		}
	}
}

// tell gives an order and waits until it is carried out. It gives the run that this began, if any.
func (f *ferry) tell(order string) (run int64) {
	f.t.Helper()
	_, err := fmt.Fprintln(f.in, order)
	require.NoError(f.t, err)
	select {
	case answer := <-f.answers:
		_, err := fmt.Sscanf(answer, "done "+order+" %d", &run)
		require.NoError(f.t, err, "told %q, the ferry says %q", order, answer)
	case <-time.After(limit):
		require.Fail(f.t, "the ferry does not answer")
	}
	return run
}

// leave lets the process drain and end, and requires that it does so well.
func (f *ferry) leave() {
	f.t.Helper()
	_ = f.in.Close()
	select {
	case <-f.ended:
	case <-time.After(limit):
		require.Fail(f.t, "the ferry does not end")
	}
	require.Equal(f.t, 0, f.cmd.ProcessState.ExitCode(), f.cmd.ProcessState)
}

// seen gives what the ferry has said of itself.
func (f *ferry) seen() []vitals {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]vitals(nil), f.vitals...)
}
