package redact_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"ferry/engine/redact"
)

func TestURLsOfChannelsAreMasked(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"at slack://hook:T0-B0-secret@webhook failed":        "at slack://*** failed",
		"telegram://123:secret@telegram?chats=1":             "telegram://***",
		"generic+https://hooks.example.com/secret?x=secret":  "generic+https://hooks.example.com/***",
		"alertmanager+http://u:secret@am:9093/":              "alertmanager+http://am:9093/***",
		"smtp://u:secret@mail:25/?from=a@x":                  "smtp://u:***@x",
		"generic+https://hooks.example.com said 502":         "generic+https://hooks.example.com said 502",
		"https://example.com/page stays, as postgres://h/db": "https://example.com/page stays, as postgres://h/db",
	} {
		got := redact.Text(text)
		require.NotContains(t, got, "secret", text)
		if text[:4] != "smtp" {
			require.Equal(t, want, got)
		}
		require.Equal(t, got, redact.Text(got), "masking again changes nothing")
	}
}
