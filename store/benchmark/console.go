package benchmark

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/creack/pty"
	"github.com/jackc/pgx/v5"
)

// The terminal of the console that is open during a load.
const (
	consoleColumns = 120
	consoleRows    = 40
)

// patience is how long a console may take to begin what it is told, or to end.
const patience = 30 * time.Second

// watched is ferry's own first load, started in the console and with the console open. A console stays open behind its run, so what
// is compared is the run in the process: from its start to its end.
func (b *bench) watched(ctx context.Context, _ int) (err error) {
	engine, err := b.newEngine(ctx)
	if err != nil {
		return err
	}
	conn, err := pgx.Connect(ctx, b.owner(engine))
	if err != nil {
		return fmt.Errorf("connecting to the engine: %w", err)
	}
	defer conn.Close(ctx) //nolint:errcheck // nothing is lost
	c := b.command(b.whole, engine, "--workers", "2")
	alive, end := context.WithCancel(ctx)
	defer end()
	cmd := c.build(alive)
	cmd.Env = append(cmd.Env, "TERM=xterm-256color")
	began := time.Now()
	screen, err := pty.StartWithSize(cmd, &pty.Winsize{Cols: consoleColumns, Rows: consoleRows})
	if err != nil {
		return fmt.Errorf("starting the console: %w", err)
	}
	peak := watchPeak(cmd.Process.Pid)
	shown := &frames{more: make(chan struct{}, 1)}
	var reading sync.WaitGroup
	reading.Go(func() { _, _ = io.Copy(shown, screen) }) // it ends with the console
	err = b.press(ctx, conn, screen, shown)
	late := time.AfterFunc(patience, end)
	defer late.Stop()
	if err != nil {
		end()
	}
	err = errors.Join(err, c.explain(cmd.Wait(), ""))
	took := costOf(cmd, time.Since(began), peak)
	_ = screen.Close()
	reading.Wait()
	if err != nil {
		return err
	}
	if took.wall, _, err = b.lastRun(ctx, engine, b.whole); err != nil {
		return err
	}
	if err := b.arrived(ctx, b.whole, engine); err != nil {
		return err
	}
	b.took(b.report.figure(loadConsole, fmt.Sprintf("  a run with the console open at %d×%d", consoleColumns, consoleRows), b.whole.all()), took)
	_ = conn.Close(ctx)
	return b.drop(ctx, engine)
}

// press starts a full sync in the console, waits for its end, and leaves.
func (b *bench) press(ctx context.Context, conn *pgx.Conn, keyboard io.Writer, shown *frames) error {
	for _, step := range []struct{ await, keys string }{{"start", "s"}, {"full sync", "\r"}} {
		if err := shown.await(ctx, step.await); err != nil {
			return err
		}
		if _, err := io.WriteString(keyboard, step.keys); err != nil {
			return fmt.Errorf("pressing a key: %w", err)
		}
	}
	if err := await(ctx, conn, `SELECT EXISTS (SELECT FROM ferry.run)`, patience); err != nil {
		return fmt.Errorf("the console does not begin a sync: %w", err)
	}
	if err := await(ctx, conn, `SELECT NOT EXISTS (SELECT FROM ferry.run WHERE finished_at IS NULL)`, runLimit); err != nil {
		return fmt.Errorf("the sync does not end: %w", err)
	}
	if err := shown.await(ctx, "DONE"); err != nil { // before that, leaving is a question
		return err
	}
	if _, err := io.WriteString(keyboard, "q"); err != nil {
		return fmt.Errorf("leaving the console: %w", err)
	}
	return nil
}

// runLimit is how long a run may take that the console begins.
const runLimit = 30 * time.Minute

// await asks until the answer is yes.
func await(ctx context.Context, conn *pgx.Conn, question string, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	look := time.NewTicker(100 * time.Millisecond)
	defer look.Stop()
	for {
		var yes bool
		if err := conn.QueryRow(ctx, question).Scan(&yes); err != nil {
			return fmt.Errorf("asking the engine database: %w", err)
		}
		if yes {
			return nil
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// frames is what a console writes to its terminal; of that only what came last is kept.
type frames struct {
	mu   sync.Mutex
	last []byte
	more chan struct{}
}

// keptFrames is more than a frame takes.
const keptFrames = 64 << 10

func (f *frames) Write(p []byte) (int, error) {
	f.mu.Lock()
	f.last = append(f.last, p...)
	f.last = f.last[max(0, len(f.last)-keptFrames):]
	f.mu.Unlock()
	select {
	case f.more <- struct{}{}:
	default:
	}
	return len(p), nil
}

// await waits until the console has shown a word, and forgets what it has shown.
func (f *frames) await(ctx context.Context, word string) error {
	late := time.After(patience)
	for {
		f.mu.Lock()
		found := bytes.Contains(f.last, []byte(word))
		if found {
			f.last = nil
		}
		f.mu.Unlock()
		if found {
			return nil
		}
		select {
		case <-f.more:
		case <-late:
			return fmt.Errorf("the console does not show %q within %s", word, patience)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
