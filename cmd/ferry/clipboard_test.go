package main

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What is copied reaches the terminal encoded, so that no byte of it is obeyed; through tmux it is wrapped.
func TestTheClipboardGetsTheTextAsItIs(t *testing.T) {
	t.Parallel()
	for _, outside := range []struct{ tmux, term, begin string }{
		{"", "xterm-256color", "\x1b]52;c;"},
		{"/run/tmux,1,0", "tmux-256color", "\x1bPtmux;\x1b\x1b]52;c;"},
		{"", "screen", "\x1bP\x1b]52;c;"},
	} {
		var screen bytes.Buffer
		copies := clipboard(&screen, func(name string) string { return map[string]string{"TMUX": outside.tmux, "TERM": outside.term}[name] })
		require.NoError(t, copies("a\x1b[2Jb\n"))
		require.Contains(t, screen.String(), base64.StdEncoding.EncodeToString([]byte("a\x1b[2Jb\n")))
		require.True(t, strings.HasPrefix(screen.String(), outside.begin), "%q", screen.String())
	}
	var screen bytes.Buffer
	require.ErrorContains(t, clipboard(&screen, func(string) string { return "" })(strings.Repeat("x", clipboardLimit+1)), "copy fewer rows")
	require.Empty(t, screen.String())
}
