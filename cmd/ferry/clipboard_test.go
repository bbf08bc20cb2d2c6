package main

import (
	"bytes"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// noFile is for a terminal that takes everything.
func noFile(string, string) (string, error) { return "", os.ErrPermission }

// What is copied reaches the terminal encoded, so that no byte of it is obeyed; through tmux and screen it is wrapped.
func TestTheClipboardGetsTheTextAsItIs(t *testing.T) {
	t.Parallel()
	for _, outside := range []struct{ tmux, sty, term, begin string }{
		{"", "", "xterm-256color", "\x1b]52;c;"},
		{"/run/tmux,1,0", "", "tmux-256color", "\x1bPtmux;\x1b\x1b]52;c;"},
		{"", "", "screen", "\x1bP\x1b]52;c;"},
		{"", "4711.pts-0.db1", "xterm", "\x1bP\x1b]52;c;"},
	} {
		var screen bytes.Buffer
		copies := clipboard(&screen, func(name string) string {
			return map[string]string{"TMUX": outside.tmux, "STY": outside.sty, "TERM": outside.term}[name]
		}, noFile)
		where, err := copies("a\x1b[2Jb\n")
		require.NoError(t, err)
		require.Contains(t, where, "OSC 52")
		require.Contains(t, screen.String(), base64.StdEncoding.EncodeToString([]byte("a\x1b[2Jb\n")))
		require.True(t, strings.HasPrefix(screen.String(), outside.begin), "%q", screen.String())
	}
}

// Where no terminal would take it, it is in a file that only its owner reads, and the path is told.
func TestWhatATerminalDoesNotTakeIsInAFile(t *testing.T) {
	t.Parallel()
	state := t.TempDir()
	f := &ferry{getenv: func(name string) string { return map[string]string{"XDG_STATE_HOME": state}[name] }}
	long := strings.Repeat("x", clipboardLimit+1)
	for _, c := range []struct{ term, text, why string }{
		{"dumb", "a", `a terminal of kind "dumb" has no clipboard`},
		{"linux", "b\x1b[2J", `a terminal of kind "linux" has no clipboard`},
		{"vt100", "c", "has no clipboard"},
		{"xterm", long, "are more than the 74994 that terminals take"},
	} {
		var screen bytes.Buffer
		where, err := clipboard(&screen, func(string) string { return c.term }, f.keep)(c.text)
		require.NoError(t, err)
		require.Empty(t, screen.String())
		require.Contains(t, where, c.why)
		path := strings.TrimPrefix(where[:strings.Index(where, ".txt")+4], "written to ")
		require.Equal(t, filepath.Join(state, "ferry"), filepath.Dir(path))
		info, err := os.Stat(path)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
		kept, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, c.text, string(kept), "none overwrites another")
	}
	var screen bytes.Buffer
	_, err := clipboard(&screen, func(string) string { return "dumb" }, noFile)("x")
	require.ErrorIs(t, err, os.ErrPermission)
}
