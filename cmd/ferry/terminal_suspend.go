package main

import (
	"os"
	"os/signal"
	"syscall"
	"time"

	tea "github.com/charmbracelet/bubbletea"
)

// stopLimit is how long it takes at most until this process has stopped, if there is a shell that lets it.
const stopLimit = 300 * time.Millisecond

// suspending answers ctrl+z in Bubble Tea's place. Bubble Tea waits for ever to be continued, and never is where nobody
// stopped it: without a shell that controls jobs, as under `ssh -t host ferry`, the system ignores the request. And it
// takes the terminal back from the shell when the process is only continued in the background: there the work goes on,
// and the console waits for `fg`.
func (t *terminal) suspending(program func() *tea.Program) func(tea.Model, tea.Msg) tea.Msg {
	return func(_ tea.Model, msg tea.Msg) tea.Msg {
		if _, ok := msg.(tea.SuspendMsg); !ok {
			return msg
		}
		t.suspend(program())
		return tea.ResumeMsg{} // the console draws itself
	}
}

func (t *terminal) suspend(program *tea.Program) {
	if err := program.ReleaseTerminal(); err != nil {
		return // the terminal is gone, as the next write will show
	}
	continued := make(chan os.Signal, 1)
	signal.Notify(continued, syscall.SIGCONT)
	defer signal.Stop(continued)
	_ = syscall.Kill(0, syscall.SIGTSTP)
	stopped := time.NewTimer(stopLimit)
	defer stopped.Stop()
	for {
		select {
		case <-continued:
		case <-stopped.C:
		case <-t.ended:
			if !t.foreground() {
				// Bubble Tea would set the shell's terminal now, and be stopped for it. The process ends without it.
				select {}
			}
			return
		}
		if t.foreground() {
			_ = program.RestoreTerminal()
			return
		}
	}
}
