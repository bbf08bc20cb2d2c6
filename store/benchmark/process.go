package benchmark

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"

	"ferry/engine/redact"
)

// cost is what a process took.
type cost struct {
	wall, cpu time.Duration
	peak      int64 // resident memory, bytes
}

// command is a process to be measured: what it is told comes by its environment and its input, for nothing secret may be on a
// command line.
type command struct {
	argv  []string
	env   []string
	stdin string
	exits int // the exit code that is well beside 0
}

// killDelay is how long a process may take to end once it was told to.
const killDelay = 10 * time.Second

func (c command) build(ctx context.Context) *exec.Cmd {
	cmd := exec.CommandContext(ctx, c.argv[0], c.argv[1:]...) //nolint:gosec // what the benchmark consists of
	cmd.Env = c.env
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = killDelay
	return cmd
}

// run carries out a command. What it wrote comes back, whatever became of it.
func (c command) run(ctx context.Context) (string, cost, error) {
	cmd := c.build(ctx)
	cmd.Stdin = strings.NewReader(c.stdin)
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	began := time.Now()
	err := cmd.Start()
	var peak func() int64
	if err == nil {
		peak = watchPeak(cmd.Process.Pid)
		err = cmd.Wait()
	}
	took := costOf(cmd, time.Since(began), peak)
	if exited, ok := errors.AsType[*exec.ExitError](err); ok && exited.ExitCode() == c.exits {
		err = nil
	}
	return out.String(), took, c.explain(err, complaints.String())
}

// pipe carries out two commands, the output of the first being the input of the second.
func pipe(ctx context.Context, from, to command) error {
	r, w, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("making a pipe: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	first, second := from.build(ctx), to.build(ctx)
	var complaints [2]bytes.Buffer
	first.Stdout, first.Stderr = w, &complaints[0]
	second.Stdin, second.Stderr = r, &complaints[1]
	starting := errors.Join(from.explain(first.Start(), ""), to.explain(second.Start(), ""))
	_ = r.Close()
	_ = w.Close()
	if starting != nil {
		cancel()
	}
	for i, each := range []*exec.Cmd{first, second} {
		if each.Process != nil {
			starting = errors.Join(starting, [2]command{from, to}[i].explain(each.Wait(), complaints[i].String()))
		}
	}
	return starting
}

// explain says which program failed, and what it said last.
func (c command) explain(err error, said string) error {
	if err == nil {
		return nil
	}
	const most = 1000
	said = strings.TrimSpace(said)
	if len(said) > most {
		said = "… " + said[len(said)-most:]
	}
	return fmt.Errorf("%s: %w: %s", c.argv[0], err, redact.Text(said))
}

// costOf is what a process took that has ended. What getrusage says of its memory is never less than this process's own, from which
// it was forked; so it is only asked where nobody could watch.
func costOf(cmd *exec.Cmd, wall time.Duration, peak func() int64) cost {
	c := cost{wall: wall}
	if peak != nil {
		c.peak = peak()
	}
	if cmd.ProcessState == nil {
		return c
	}
	c.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok && c.peak == 0 {
		c.peak = usage.Maxrss
		if runtime.GOOS != "darwin" { // which counts bytes
			c.peak <<= 10
		}
	}
	return c
}

// peakEvery is how often it is asked how much memory a process has taken at most up to now.
const peakEvery = 100 * time.Millisecond

// watchPeak begins to watch a process; the function that it gives ends that, and says how much resident memory it took at most.
func watchPeak(pid int) func() int64 {
	var peak int64
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		look := time.NewTicker(peakEvery)
		defer look.Stop()
		for {
			peak = max(peak, highWater(pid))
			select {
			case <-look.C:
			case <-stop:
				return
			}
		}
	}()
	return func() int64 {
		close(stop)
		<-stopped
		return peak
	}
}
