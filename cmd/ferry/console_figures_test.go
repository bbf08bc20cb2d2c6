package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"ferry/store/demo"
	"ferry/store/embedded/pgtest"
	"ferry/store/migrations"
)

// figuresEnv has the console's figures measured, over a source with so many cards; see `make console-figures`.
const figuresEnv = "FERRY_CONSOLE_FIGURES"

const (
	startups   = 15
	idleFor    = 10 * time.Second
	idleSettle = 2 * time.Second // the first frames are no idling
	betweenKey = 70 * time.Millisecond
)

// What the console promises of itself, on a machine that is not busy with other work.
const (
	firstFrameWithin = 150 * time.Millisecond
	keyWithin        = 50 * time.Millisecond
)

// figures is a pair of databases to measure a console on.
type figures struct {
	env    map[string]string
	reader string
}

func initialised(ctx context.Context, dsn string) error {
	pool, err := pgxpool.New(ctx, dsn)
	if err != nil {
		return err
	}
	defer pool.Close()
	return migrations.Init(ctx, pool, nil, slog.New(slog.DiscardHandler))
}

// anew is an empty engine database beside the same source.
func (f *figures) anew(t *testing.T) {
	t.Helper()
	f.env = map[string]string{
		"FERRY_SOURCE": f.reader, "FERRY_TARGET": pgtest.New(t, pgtest.Template("initialised", initialised)).DSN,
		"HOME": t.TempDir(), "USER": "tester", "TERM": "xterm-256color",
	}
}

// open starts a console, and says how long its first frame with figures took.
func (f *figures) open(t *testing.T, args ...string) (*process, time.Duration) {
	t.Helper()
	began := time.Now()
	p := launch(t, f.env, true, args...)
	p.await("the first frame", func() bool { return p.full() && strings.Contains(p.text(), "quit") })
	return p, time.Since(began)
}

// sync begins a full sync in the console.
func (p *process) sync() {
	p.t.Helper()
	p.shows("IDLE")
	p.press("s")
	p.shows("full sync")
	p.press("\r")
	p.shows("#1")
}

func (p *process) synced() bool { return strings.Contains(p.text(), "DONE") }

// TestFiguresOfAConsole measures what README says of the console: until the first frame, from a key to its frame while a full sync runs,
// and bytes to the terminal. It runs alone.
func TestFiguresOfAConsole(t *testing.T) { //nolint:paralleltest // it looks at the clock
	cards, err := strconv.Atoi(os.Getenv(figuresEnv))
	if err != nil {
		t.Skipf("%s=CARDS has the console measured, as `make console-figures` does", figuresEnv)
	}
	source := pgtest.New(t, pgtest.Template(fmt.Sprintf("figures%d", cards), func(ctx context.Context, dsn string) error {
		conn, err := pgx.Connect(ctx, dsn)
		if err != nil {
			return err
		}
		defer conn.Close(ctx)
		_, err = demo.Generate(ctx, conn, demo.Params{Cards: cards, Seed: 1})
		return err
	}))
	f := &figures{reader: pgtest.Role(t, source, "", "GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}").DSN}
	f.anew(t)

	var first []time.Duration
	for range startups {
		p, took := f.open(t)
		first = append(first, took)
		p.press("q")
		p.exits()
	}
	say(t, "first frame", first, firstFrameWithin)

	for _, args := range [][]string{nil, {"--low-bandwidth"}} {
		f.anew(t)
		p, _ := f.open(t, args...)
		p.shows("IDLE")
		<-time.After(idleSettle) // it is time that is measured
		bytes := len(p.received())
		<-time.After(idleFor)
		t.Logf("idle %s: %.0f bytes a second", args, float64(len(p.received())-bytes)/idleFor.Seconds())
		p.sync()
		bytes, began := len(p.received()), time.Now()
		p.await("the end of the sync", p.synced)
		took := time.Since(began)
		t.Logf("full sync %s: %.0f bytes a second for %s", args, float64(len(p.received())-bytes)/took.Seconds(), took.Round(time.Second/10))
		p.press("q")
		p.exits()
	}

	f.anew(t)
	p, _ := f.open(t)
	p.sync()
	var keys []time.Duration
	for screens := []string{"2", "1", "4", "1", "7", "1"}; !p.synced(); {
		key := screens[len(keys)%len(screens)]
		began := time.Now()
		p.press(key)
		p.await("the screen of "+key, func() bool { return strings.Contains(p.text(), "›"+key+" ") })
		keys = append(keys, time.Since(began))
		<-time.After(betweenKey)
	}
	say(t, "key to frame in a full sync", keys, keyWithin)
	p.press("q")
	p.exits()
}

// say tells the distribution of a figure, and whether the promise was kept; what else the machine does decides that too.
func say(t *testing.T, what string, took []time.Duration, promise time.Duration) {
	t.Helper()
	require.NotEmpty(t, took)
	slices.Sort(took)
	at := func(share float64) time.Duration {
		return took[min(len(took)-1, int(share*float64(len(took))))].Round(time.Millisecond / 10)
	}
	word := "kept"
	if at(0.99) > promise {
		word = "NOT kept"
	}
	t.Logf("%s: median %s, p99 %s, at most %s in %d; promise %s: %s", what, at(0.5), at(0.99), at(1), len(took), promise, word)
}
