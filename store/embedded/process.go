package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// supervised is the shell script that starts a server. It leaves a watchdog behind and then becomes the server, so
// that the watchdog is there before the server is, and both know the pid: $$ is the server's.
//
// The watchdog waits on a pipe from the owner. A line means the server has ended and there is nothing to do; the end of
// the pipe means the owner is dead, so the server is stopped: fast, then immediately, then by force. Compared with
// Linux's parent death signal this does not hang on the life of one thread, works on every unix, and escalates. It is
// a grandchild, since PostgreSQL takes an unknown child that dies for a crashed backend. A kill that takes the whole
// process group does not reach it: server and watchdog are in a session of their own. A process without a working
// directory is a zombie, which stays one in a container whose first process does not wait for orphans.
const supervised = `
( (
	trap '' HUP INT QUIT TERM
	exec >/dev/null 2>&1
	read -r line <&3 && exit 0
	kill -INT $$
	n=0
	while kill -0 $$ && { [ ! -e /proc/self/cwd ] || [ -e /proc/$$/cwd ]; }; do
		n=$((n + 1))
		[ $n -eq 100 ] && kill -QUIT $$
		[ $n -eq 150 ] && kill -KILL $$
		[ $n -gt 200 ] && exit 0
		sleep 0.1 || sleep 1
	done
) & )
exec "$@" 3<&-
`

// How long a server may take over each way of ending it. The first one includes a checkpoint.
const (
	fastLimit      = 20 * time.Second
	immediateLimit = 5 * time.Second
	killLimit      = 5 * time.Second
)

// process is a program under the watchdog.
type process struct {
	cmd   *exec.Cmd
	life  *os.File      // the watchdog's pipe
	ended chan struct{} // closed once the program is gone
}

// launch starts a program as the given account, in its own session so that the terminal's signals do not reach it, and
// with an environment that has nothing of the caller's PG variables. Its output goes to log.
func launch(a account, log *os.File, argv ...string) (*process, error) {
	watched, life, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("make the watchdog's pipe: %w", err)
	}
	defer func() { _ = watched.Close() }()

	//nolint:gosec,noctx // the program is the PostgreSQL that was found; it outlives the context of its start
	cmd := exec.Command("/bin/sh", append([]string{"-c", supervised, "ferry-postgres"}, argv...)...)
	cmd.Dir = "/" // the account may not see ours
	cmd.Env = environment()
	cmd.Stdout, cmd.Stderr = log, log
	cmd.ExtraFiles = []*os.File{watched}
	cmd.SysProcAttr = a.attributes()
	cmd.SysProcAttr.Setsid = true
	if err := cmd.Start(); err != nil {
		_ = life.Close()
		return nil, fmt.Errorf("start %s as user %s: %w", argv[0], a.name, err)
	}
	p := &process{cmd: cmd, life: life, ended: make(chan struct{})}
	go p.reap()
	return p, nil
}

// environment is what a server needs of ours: the way to its tools and libraries. LC_ALL also keeps macOS from making
// the server multi-threaded, which it refuses.
func environment() []string {
	env := []string{"LC_ALL=C", "TZ=UTC"}
	for _, name := range []string{"PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"} {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	return env
}

// reap waits for the program's end and dismisses the watchdog before the pid can belong to anyone else.
func (p *process) reap() {
	_ = p.cmd.Wait() // how tells
	_, _ = p.life.WriteString("ended\n")
	_ = p.life.Close()
	close(p.ended)
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// how says how the program ended, like "exit status 1"; only once it has.
func (p *process) how() string {
	if p.cmd.ProcessState == nil {
		return "unknown"
	}
	return p.cmd.ProcessState.String()
}

// wait returns when the program has ended well; it stops it when the context is done first.
func (p *process) wait(ctx context.Context) error {
	select {
	case <-p.ended:
	case <-ctx.Done():
		_, err := p.stop(ctx)
		return errors.Join(context.Cause(ctx), err)
	}
	if !p.cmd.ProcessState.Success() {
		return errors.New(p.how())
	}
	return nil
}

// stop ends the server and says which way did it. A context that is done shortens the polite one.
func (p *process) stop(ctx context.Context) (string, error) {
	steps := []struct {
		how   string
		sig   os.Signal
		limit time.Duration
		hurry <-chan struct{}
	}{
		{"fast shutdown", syscall.SIGINT, fastLimit, ctx.Done()},
		{"immediate shutdown", syscall.SIGQUIT, immediateLimit, nil},
		{"kill", syscall.SIGKILL, killLimit, nil},
	}
	for _, step := range steps {
		if err := p.cmd.Process.Signal(step.sig); errors.Is(err, os.ErrProcessDone) {
			<-p.ended
			return "had ended", nil
		}
		select {
		case <-p.ended:
			return step.how, nil
		case <-step.hurry:
		case <-time.After(step.limit):
		}
	}
	return "", fmt.Errorf("the PostgreSQL server (pid %d) does not end: end it by hand", p.pid())
}
