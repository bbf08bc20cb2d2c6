package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"ferry/store/embedded/pgtest"
)

// TestAPairThatWasTestedIsKeptAndOpenedAgain types two addresses where nothing is configured, tests them, saves them, and
// opens the profile with another ferry.
func TestAPairThatWasTestedIsKeptAndOpenedAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	require.Equal(t, exitClean, b.ferry(t, "init").code)
	target := pgtest.Role(t, b.target, "", "GRANT CREATE ON DATABASE "+b.target.Name+" TO {role}", "GRANT CREATE ON SCHEMA public TO {role}",
		"GRANT ALL ON SCHEMA ferry TO {role}", "GRANT ALL ON ALL TABLES IN SCHEMA ferry, public TO {role}",
		"GRANT ALL ON ALL SEQUENCES IN SCHEMA ferry, public TO {role}")
	home := b.env["HOME"]
	var passwords strings.Builder
	addresses := map[string]string{"FERRY_SOURCE": b.env["FERRY_SOURCE"], "FERRY_TARGET": target.DSN}
	for name, dsn := range addresses {
		config, err := pgx.ParseConfig(dsn)
		require.NoError(t, err)
		passwords.WriteString("*:*:*:" + config.User + ":" + config.Password + "\n")
		addresses[name] = asURL(dsn)
	}
	require.NoError(t, os.WriteFile(filepath.Join(home, ".pgpass"), []byte(passwords.String()), 0o600))
	file := b.configure(t, "# ours\ntheme = \"mono\" # for the night\n")
	env := map[string]string{"HOME": home, "TERM": "xterm-256color"}

	p := launch(t, env, true)
	require.NoError(t, resize(p, 100, 60))
	p.shows("no databases are configured", "› source")
	for _, text := range []string{addresses["FERRY_SOURCE"], addresses["FERRY_TARGET"], "prod"} {
		p.press("\x1b[200~" + text + "\x1b[201~")
		p.press("\r")
	}
	p.shows("› Test")
	p.press("\r")
	p.shows("Nothing fails", "Save keeps this pair")
	p.press("\x1b[C\x1b[C\r")
	p.shows("✓ saved: `ferry --profile prod` opens this pair; it stands in")
	p.press("\x1b[D\r")
	p.shows(" ferry prod  ", "IDLE")
	p.press("q")
	require.Equal(t, exitClean, p.exits())

	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, "# ours\ntheme = \"mono\" # for the night\n\n[profiles.prod]\nsource = '"+addresses["FERRY_SOURCE"]+"'\ntarget = '"+
		addresses["FERRY_TARGET"]+"'\n", string(text))
	p = launch(t, env, true, "--profile", "prod")
	p.shows(" ferry prod  ", "IDLE")
	p.press("q")
	require.Equal(t, exitClean, p.exits())
}
