package main

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"ferry/store/demo"
	"ferry/store/embedded/pgtest"
)

// cleanWorld is a small demo world without faults.
func cleanWorld(ctx context.Context, dsn string) error {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = demo.Generate(ctx, conn, demo.Params{Cards: 300, Seed: 5, Clean: true})
	return err
}

// rehearsable is a bench with a small clean world and an engine database with nothing in it.
func rehearsable(t *testing.T) *bench {
	t.Helper()
	b := &bench{source: pgtest.New(t, pgtest.Template("demo-clean", cleanWorld)), target: pgtest.New(t)}
	reader := pgtest.Role(t, b.source, "", "GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}")
	b.reader = reader.Name
	b.env = map[string]string{
		"FERRY_SOURCE": reader.DSN, "FERRY_TARGET": b.target.DSN, "HOME": t.TempDir(), "USER": "tester", "TERM": "xterm-256color",
	}
	require.Equal(t, exitClean, b.ferry(t, "init").code)
	return b
}

func TestARehearsalByCommandComesFromNothingToGo(t *testing.T) {
	t.Parallel()
	b := rehearsable(t)
	file := t.TempDir() + "/night.md"
	a := b.ferry(t, "rehearse", "--quiet", "300ms", "--report", file, "--reason", "dry run | of <the> night")
	t.Log(a.out, a.err)
	for _, n := range []string{"night.md", "night-throughput.svg"} {
		text, _ := os.ReadFile(filepath.Join(filepath.Dir(file), n))
		t.Log(string(text))
	}
	require.Equal(t, exitClean, a.code, a.out+a.err)
}
