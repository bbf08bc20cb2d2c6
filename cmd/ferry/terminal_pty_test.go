package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/vt"
	"github.com/creack/pty"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// Variables that make the test binary play ferry, so that what is tested is a whole process.
const (
	childEnv = "FERRY_TEST_CHILD"
	panicEnv = "FERRY_TEST_PANIC" // where the console panics once `!` is pressed: update, view or command, or with an address; or it hangs
)

// playFerry is what TestMain does in a child.
func playFerry() {
	if where := os.Getenv(panicEnv); where != "" {
		between = func(model tea.Model) tea.Model { return &explosive{Model: model, where: where} }
	}
	os.Exit(run(os.Args[1:], streams{in: os.Stdin, out: os.Stdout, err: os.Stderr}, os.Getenv)) //nolint:forbidigo // this is main
}

// explosive is a console that panics on demand.
type explosive struct {
	tea.Model

	where string
	armed bool
}

func (e *explosive) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	if key, ok := msg.(tea.KeyMsg); ok && key.String() == "!" {
		switch e.where {
		case "update":
			panic("boom in update")
		case "view":
			e.armed = true
		case "hang":
			select {}
		case "address":
			panic("boom at " + os.Getenv("FERRY_SOURCE"))
		default:
			return e, func() tea.Msg { panic("boom in command") }
		}
	}
	model, cmd := e.Model.Update(msg)
	e.Model = model
	return e, cmd
}

func (e *explosive) View() string {
	if e.armed {
		panic("boom in view")
	}
	return e.Model.View()
}

// within bounds every wait: far above what is measured, far below what a hang costs.
const within = 20 * time.Second

// process is a ferry on a pseudo-terminal, and the terminal emulator at the other end.
type process struct {
	t             *testing.T
	cmd           *exec.Cmd
	master, slave *os.File
	before        *term.State
	state         string // where its log is
	size          *pty.Winsize

	mu      sync.Mutex
	changed chan struct{} // closed, and made anew, with all that the terminal receives
	screen  *vt.Emulator
	modes   map[ansi.Mode]bool
	raw     bytes.Buffer
	hold    chan struct{} // not nil: the terminal has stopped reading, until it is closed

	done  chan struct{}
	code  int
	ended time.Time
}

// launch starts ferry on a terminal. With control, that terminal controls it, as a login's does.
func launch(t *testing.T, env map[string]string, control bool, args ...string) *process {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	return launchCommand(t, env, control, exec.CommandContext(t.Context(), self, args...))
}

// launchCommand is launch for any command; its standard output may be something else.
func launchCommand(t *testing.T, env map[string]string, control bool, cmd *exec.Cmd, out ...*os.File) *process {
	t.Helper()
	p := &process{
		t: t, cmd: cmd, size: &pty.Winsize{Rows: 24, Cols: 80}, changed: make(chan struct{}), done: make(chan struct{}),
		screen: vt.NewEmulator(80, 24), modes: map[ansi.Mode]bool{ansi.ModeTextCursorEnable: true}, state: t.TempDir(),
	}
	p.screen.SetCallbacks(vt.Callbacks{
		EnableMode:  func(m ansi.Mode) { p.modes[m] = true },
		DisableMode: func(m ansi.Mode) { delete(p.modes, m) },
	})
	var err error
	p.master, p.slave, err = pty.Open()
	require.NoError(t, err)
	require.NoError(t, pty.Setsize(p.master, p.size))
	p.before = p.termios()
	p.cmd.Env = []string{
		childEnv + "=1", "XDG_STATE_HOME=" + p.state, "COLORTERM=truecolor",
		"GORACE=atexit_sleep_ms=0 " + os.Getenv("GORACE"), "PATH=" + os.Getenv("PATH"),
	}
	for name, value := range env {
		p.cmd.Env = append(p.cmd.Env, name+"="+value)
	}
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = p.slave, p.slave, p.slave
	if len(out) > 0 {
		p.cmd.Stdout = out[0]
	}
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: control}
	require.NoError(t, p.cmd.Start())
	read := make(chan struct{})
	go func() { defer close(read); p.receive() }()
	go func() {
		_ = p.cmd.Wait()
		p.ended = time.Now()
		p.code = p.cmd.ProcessState.ExitCode()
		close(p.done)
	}()
	t.Cleanup(func() {
		p.read()
		_ = p.cmd.Process.Kill()
		<-p.done
		_ = p.slave.Close()
		_ = p.master.Close()
		<-read
		if t.Failed() {
			t.Logf("the terminal showed:\n%s\nreceived: %q\nlog:\n%s", p.screen.String(), last(p.raw.String(), 2000), p.log())
		}
	})
	return p
}

func last(text string, n int) string { return text[max(0, len(text)-n):] }

// receive is the terminal: it reads until it is closed, except while it is on hold.
func (p *process) receive() {
	buffer := make([]byte, 32<<10)
	for {
		p.mu.Lock()
		hold := p.hold
		p.mu.Unlock()
		if hold != nil {
			<-hold
		}
		n, err := p.master.Read(buffer)
		p.mu.Lock()
		_, _ = p.screen.Write(buffer[:n])
		p.raw.Write(buffer[:n])
		close(p.changed)
		p.changed = make(chan struct{})
		p.mu.Unlock()
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			return
		}
	}
}

// stall lets the terminal stop reading, and fills what lies between it and the process.
func (p *process) stall() {
	p.t.Helper()
	p.mu.Lock()
	p.hold = make(chan struct{})
	p.mu.Unlock()
	require.NoError(p.t, p.master.SetReadDeadline(time.Now())) // wakes the reader, which then holds
	file, err := os.OpenFile(p.slave.Name(), os.O_WRONLY|syscall.O_NOCTTY|syscall.O_NONBLOCK, 0)
	require.NoError(p.t, err)
	defer file.Close()
	for size := 4096; size > 0; { // in the end byte by byte: where much no longer fits, a little still does
		require.NoError(p.t, file.SetWriteDeadline(time.Now().Add(50*time.Millisecond)))
		if _, err := file.Write(make([]byte, size)); err != nil {
			require.ErrorIs(p.t, err, os.ErrDeadlineExceeded)
			size /= 64
		}
	}
}

// read lets the terminal read again.
func (p *process) read() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.hold != nil {
		_ = p.master.SetReadDeadline(time.Time{})
		close(p.hold)
		p.hold = nil
	}
}

// text is what the terminal shows.
func (p *process) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.screen.String()
}

// received is all that the terminal ever got.
func (p *process) received() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.raw.String()
}

// says waits until the terminal has received a text, in one line however long.
func (p *process) says(text string) {
	p.t.Helper()
	p.await(fmt.Sprintf("the terminal to receive %q", text), func() bool { return strings.Contains(p.received(), text) })
}

// shows waits until the terminal shows all of the texts at once.
func (p *process) shows(texts ...string) {
	p.t.Helper()
	p.await(fmt.Sprintf("the terminal to show %q", texts), func() bool {
		shown := p.text()
		for _, text := range texts {
			if !strings.Contains(shown, text) {
				return false
			}
		}
		return true
	})
}

// await waits until something has come true; it looks whenever the terminal received something.
func (p *process) await(what string, is func() bool) {
	p.t.Helper()
	deadline := time.NewTimer(within)
	defer deadline.Stop()
	for {
		p.mu.Lock()
		changed := p.changed
		p.mu.Unlock()
		if is() {
			return
		}
		select {
		case <-changed:
		case <-time.After(20 * time.Millisecond): // what the terminal does not see: files and databases
		case <-deadline.C:
			require.FailNow(p.t, "waited in vain for "+what)
		}
	}
}

func (p *process) press(keys string) {
	p.t.Helper()
	_, err := p.master.WriteString(keys)
	require.NoError(p.t, err)
}

func (p *process) signal(s syscall.Signal) {
	p.t.Helper()
	require.NoError(p.t, p.cmd.Process.Signal(s))
}

// alive reports whether the process runs.
func (p *process) alive() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// exits waits for the end of the process and gives its exit code.
func (p *process) exits() int {
	p.t.Helper()
	select {
	case <-p.done:
		return p.code
	case <-time.After(within):
		require.FailNow(p.t, "the process does not end")
		return -1
	}
}

// log is what the process wrote into its log.
func (p *process) log() string {
	text, _ := os.ReadFile(filepath.Join(p.state, "ferry", "ferry.log"))
	return string(text)
}

func (p *process) termios() *term.State {
	p.t.Helper()
	state, err := term.GetState(int(p.slave.Fd()))
	require.NoError(p.t, err)
	return state
}

// sane waits until the terminal is as the process found it.
func (p *process) sane() {
	p.t.Helper()
	p.await("a terminal as it was found", func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return reflect.DeepEqual(p.before, p.termios()) && !p.screen.IsAltScreen() && p.modes[ansi.ModeTextCursorEnable] && !p.modes[ansi.ModeBracketedPaste] &&
			!p.modes[ansi.ModeMouseButtonEvent] && !p.modes[ansi.ModeMouseAnyEvent] && !p.modes[ansi.ModeMouseExtSgr]
	})
}

// full reports whether the console has the terminal.
func (p *process) full() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.screen.IsAltScreen()
}

// flags of the process's own standard output, which it shares with the shell.
func (p *process) flags() int {
	p.t.Helper()
	flags, err := unix.FcntlInt(p.slave.Fd(), unix.F_GETFL, 0)
	require.NoError(p.t, err)
	return flags
}
