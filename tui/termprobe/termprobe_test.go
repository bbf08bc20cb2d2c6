package termprobe_test

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/creack/pty"
	"github.com/muesli/termenv"
	"github.com/stretchr/testify/require"

	"ferry/tui/termprobe"
)

const (
	childEnv = "FERRY_TERMPROBE_CHILD"
	greeting = "first frame of ferry"
)

// TestMain lets the test binary play a small console, so that what is tested is a whole process with its real order of
// initialisation.
func TestMain(m *testing.M) {
	switch os.Getenv(childEnv) {
	case "":
		m.Run()
	case "version":
		_, _ = os.Stdout.WriteString(greeting)
	case "console":
		r := termprobe.NewRenderer(os.Stdout)
		model := hello{r.NewStyle().Bold(true).Render(greeting)}
		_, _ = tea.NewProgram(model, tea.WithAltScreen()).Run()
	}
}

type hello struct{ text string }

func (hello) Init() tea.Cmd { return nil }

func (h hello) View() string { return h.text }

func (h hello) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	if _, key := msg.(tea.KeyMsg); key {
		return h, tea.Quit
	}
	return h, nil
}

// A terminal that never answers: without this package's init, the process writes the queries below and then waits five
// seconds for each before it writes anything else. That nothing is asked is the proof; the clock only bounds the test.
func TestNothingIsEverAskedOfTheTerminal(t *testing.T) {
	t.Parallel()
	for _, role := range []string{"version", "console"} {
		t.Run(role, func(t *testing.T) {
			t.Parallel()
			written := untilGreeting(t, role)
			for name, query := range map[string]string{
				"background colour": "\x1b]11;?", "foreground colour": "\x1b]10;?", "cursor position": "\x1b[6n", "device": "\x1b[c",
			} {
				require.NotContains(t, written, query, "it asked for the %s", name)
			}
		})
	}
}

// untilGreeting runs a child on a pseudo-terminal and reads what it writes up to its greeting.
func untilGreeting(t *testing.T, role string) string {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), childEnv+"="+role, "TERM=xterm-256color", "COLORTERM=truecolor", "CI=", "NO_COLOR=", "COLORFGBG=")
	terminal, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 24, Cols: 80})
	require.NoError(t, err)
	t.Cleanup(func() {
		_, _ = terminal.WriteString("q")
		_ = cmd.Wait()
		_ = terminal.Close()
	})
	result := make(chan string, 1)
	go func() { result <- read(terminal) }()
	select {
	case written := <-result:
		require.Contains(t, written, greeting)
		return written
	case <-time.After(3 * time.Second): // far below the five seconds of one unanswered query
		t.Fatal("no first frame: the terminal was asked something, and did not answer")
		return ""
	}
}

func read(from io.Reader) string {
	var written strings.Builder
	buffer := make([]byte, 4096)
	for !strings.Contains(written.String(), greeting) {
		n, err := from.Read(buffer)
		written.Write(buffer[:n])
		if err != nil {
			break
		}
	}
	return written.String()
}

func TestBackground(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		named, env string
		want       termprobe.Background
		err        bool
	}{
		{"", "", termprobe.Dark, false},
		{"", "15;0", termprobe.Dark, false},
		{"", "0;15", termprobe.Light, false},
		{"", "0;default;15", termprobe.Light, false},
		{"", "12;8", termprobe.Dark, false},
		{"", "0;7", termprobe.Light, false},
		{"", "nonsense", termprobe.Dark, false},
		{"dark", "0;15", termprobe.Dark, false},
		{"Light", "15;0", termprobe.Light, false},
		{"auto", "0;15", termprobe.Light, false},
		{"pink", "", "", true},
	} {
		got, err := termprobe.Resolve(c.named, func(string) string { return c.env })
		require.Equal(t, c.want, got, "%+v", c)
		require.Equal(t, c.err, err != nil, "%+v", c)
	}
}

type deaf struct{}

func (deaf) Write([]byte) (int, error) { return 0, errors.New("written to while being made") }

func TestARendererIsSettledWhenMade(t *testing.T) {
	t.Parallel()
	r := termprobe.NewRenderer(deaf{}, termprobe.On(termprobe.Light), termprobe.InColours(termenv.ANSI256))
	require.False(t, r.HasDarkBackground())
	require.Equal(t, termenv.ANSI256, r.ColorProfile())
	require.Equal(t, termenv.Ascii, termprobe.NewRenderer(deaf{}).ColorProfile(), "what is no terminal has no colours")
	require.True(t, termprobe.NewRenderer(deaf{}, termprobe.On(termprobe.Dark)).HasDarkBackground())
}

// GNU screen calls itself "screen", and has eight colours.
func TestTerminalsOfEightColoursAreKnown(t *testing.T) {
	pseudo, terminal, err := pty.Open()
	require.NoError(t, err)
	defer pseudo.Close()
	defer terminal.Close()
	for _, name := range []string{"NO_COLOR", "COLORTERM", "CLICOLOR", "CLICOLOR_FORCE", "GOOGLE_CLOUD_SHELL", "TERM_PROGRAM", "CI"} {
		t.Setenv(name, "")
	}
	for term, want := range map[string]termenv.Profile{
		"screen": termenv.ANSI, "screen.linux": termenv.ANSI, "tmux": termenv.ANSI, "putty": termenv.ANSI, "xterm": termenv.ANSI, "linux": termenv.ANSI,
		"screen-256color": termenv.ANSI256, "screen.xterm-256color": termenv.ANSI256,
		"screen-m": termenv.Ascii, "vt100": termenv.Ascii, "dumb": termenv.Ascii, "": termenv.Ascii,
	} {
		t.Setenv("TERM", term)
		require.Equal(t, want, termprobe.NewRenderer(terminal).ColorProfile(), term)
	}
	t.Setenv("TERM", "screen")
	t.Setenv("NO_COLOR", "1")
	require.Equal(t, termenv.Ascii, termprobe.NewRenderer(terminal).ColorProfile())
}
