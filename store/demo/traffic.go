package demo

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"ferry/store/session"
)

const (
	defaultSessions = 6
	defaultLong     = 2
	shortestHold    = 2 * time.Second
	longestHold     = 20 * time.Second
	maxRate         = 5000

	// stopGrace is how long Stop lets open transactions come to their end before it cuts them. A delete without an
	// index to help it takes seconds on a large database.
	stopGrace = 10 * time.Second
)

// trafficSettings hold for every session. Odoo waits for locks without limit; here a session that has run into a long
// transaction gives up early and tries again, as otherwise the few there are would all soon stand behind it.
var trafficSettings = map[string]string{
	"lock_timeout":      "250",
	"statement_timeout": "60000",
	"jit":               "off",
}

// TrafficOptions say what traffic to make. DSN and Rate are required.
type TrafficOptions struct {
	DSN  string  // a role that may write the tables that Generate made
	Rate float64 // transactions a second, at random distances; long transactions come on top
	// Seed decides distances, kinds and targets. With several sessions the order in which they come to a row is the
	// server's; with one, and without long transactions, equal data and an equal seed give equal transactions.
	Seed int64

	// Log, if set, is called after each commit, one call at a time, while the session that made it waits. It must not
	// call Stop. Where the answer to a COMMIT is lost with the connection, nobody knows, and nothing is logged.
	Log func(Commit)
	// Witness, if set, looks at each transaction's rows from within, right before it commits: as it leaves them. What it
	// gives goes along in Commit.Seen; an error ends the transaction. It is called by several sessions at once.
	Witness func(ctx context.Context, tx pgx.Tx, rows []RowRef) (seen any, err error)
	Logger  *slog.Logger // for failures; nil discards them

	Sessions         int           // that share the rate; 0 means 6
	Long             int           // sessions that only make long transactions; 0 means 2, below 0 none
	HoldMin, HoldMax time.Duration // how long these stay open before they commit; 0 means 2 and 20 seconds

	// Weights, if set, replace those of the table of kinds: how often a kind is drawn, relative to the others. Kinds that
	// are not in it don't happen.
	Weights map[string]float64
}

// Commit is a transaction that was committed.
type Commit struct {
	Kind string   `json:"kind"`
	Rows []RowRef `json:"rows"` // every row that it wrote and did not roll back to a savepoint, each once
	XID  uint64   `json:"xid"`  // the server's transaction id, which knows the exact time where track_commit_timestamp is on
	Seen any      `json:"-"`    // what the Witness gave

	Started   time.Time `json:"started"`   // the server's now(): the write_date of the rows, where the transaction set it
	Server    time.Time `json:"server"`    // the server's clock just before COMMIT
	Committed time.Time `json:"committed"` // this machine's clock right after COMMIT was answered
}

// RowRef names a row.
type RowRef struct {
	Table   string `json:"table"`
	ID      int64  `json:"id"`
	Deleted bool   `json:"deleted,omitempty"`
}

// Traffic writes to a source database as Odoo does, until it is stopped.
type Traffic struct {
	opts  TrafficOptions
	kinds []kind
	total float64 // of the weights
	pool  *pgxpool.Pool
	log   *slog.Logger

	soft context.Context //nolint:containedctx // ends when nothing new may begin; what has begun runs on under another
	stop context.CancelFunc
	jobs chan job
	done chan struct{} // closed when the last session is

	world world
	heavy breather

	logging sync.Mutex

	mu     sync.Mutex
	counts map[string]int64
	err    error
}

// StartTraffic connects, learns what rows there are, and starts writing. It goes on until Stop or the end of the
// context. That the database is there is required at the start only: later failures are waited out.
func StartTraffic(ctx context.Context, o TrafficOptions) (*Traffic, error) {
	if err := o.complete(); err != nil {
		return nil, fmt.Errorf("start traffic: %w", err)
	}
	kinds, err := weighted(o.Weights)
	if err != nil {
		return nil, fmt.Errorf("start traffic: %w", err)
	}
	pool, err := session.Open(context.WithoutCancel(ctx), o.DSN, "odoo", o.Sessions+o.Long, trafficSettings)
	if err != nil {
		return nil, fmt.Errorf("start traffic: %w", err)
	}
	t := &Traffic{
		opts: o, kinds: kinds, pool: pool, log: o.Logger, jobs: make(chan job), done: make(chan struct{}), counts: map[string]int64{},
	}
	for _, k := range kinds {
		t.total += k.weight
	}
	if err := t.world.learn(ctx, pool); err != nil {
		pool.Close()
		return nil, fmt.Errorf("start traffic: %w", failed("learning what rows there are", err))
	}
	t.soft, t.stop = context.WithCancel(ctx)
	t.start(context.WithoutCancel(ctx))
	return t, nil
}

// complete checks the options and fills in what was left out.
func (o *TrafficOptions) complete() error {
	if o.DSN == "" {
		return errors.New("no database was named")
	}
	if math.IsNaN(o.Rate) || o.Rate <= 0 || o.Rate > maxRate {
		return fmt.Errorf("%v transactions a second, want more than 0 and at most %d", o.Rate, maxRate)
	}
	if o.Sessions == 0 {
		o.Sessions = defaultSessions
	}
	if o.Long == 0 {
		o.Long = defaultLong
	}
	o.Long = max(0, o.Long)
	if o.HoldMin == 0 && o.HoldMax == 0 {
		o.HoldMin, o.HoldMax = shortestHold, longestHold
	}
	if o.Sessions < 0 || o.HoldMin < 0 || o.HoldMax < o.HoldMin {
		return fmt.Errorf("%d sessions, held for %v to %v: not possible", o.Sessions, o.HoldMin, o.HoldMax)
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return nil
}

// start starts the sessions and the one that closes up after them. The context outlives the caller's, so that a
// transaction that has begun is not cut in the middle.
func (t *Traffic) start(ctx context.Context) {
	hard, cut := context.WithCancel(ctx)
	var sessions sync.WaitGroup
	sessions.Go(t.arrivals)
	for range t.opts.Sessions {
		sessions.Go(func() {
			for j := range t.jobs {
				t.run(hard, j)
			}
		})
	}
	for i := range t.opts.Long {
		sessions.Go(func() { t.linger(hard, t.random(uint64(i)+1)) }) //nolint:gosec // a small number
	}
	go func() {
		<-t.soft.Done()
		timer := time.AfterFunc(stopGrace, cut)
		sessions.Wait()
		timer.Stop()
		cut()
		t.pool.Close()
		close(t.done)
	}()
}

// Stop ends the traffic and waits until no transaction is open and all connections are closed. Short transactions
// commit, long ones are rolled back. Further calls only wait.
func (t *Traffic) Stop() {
	t.stop()
	<-t.done
}

// Counts says how many transactions of each kind there were. They are commits, except for the kind that rolls back.
func (t *Traffic) Counts() map[string]int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return maps.Clone(t.counts)
}

// Err is the last failure, such as a lost connection, or nil if there was none. The traffic goes on after any. Conflicts
// between transactions are no failures.
func (t *Traffic) Err() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.err
}

// random is one of the streams of chance that the seed yields.
func (t *Traffic) random(stream uint64) *rand.Rand {
	return rand.New(rand.NewPCG(uint64(t.opts.Seed), stream)) //nolint:gosec // must be repeatable, need not be secret
}

// committed records a transaction that has its outcome.
func (t *Traffic) committed(name string, c *Commit) {
	t.mu.Lock()
	t.counts[name]++
	t.mu.Unlock()
	if c == nil || t.opts.Log == nil {
		return
	}
	t.logging.Lock()
	defer t.logging.Unlock()
	t.opts.Log(*c)
}

func (t *Traffic) failure(err error) {
	t.mu.Lock()
	t.err = err
	t.mu.Unlock()
}

// breather keeps the kinds of transaction that scan whole tables to a small share of the time: one at a time, and after
// each a rest that is a multiple of what it took.
type breather struct {
	busy  atomic.Bool
	until atomic.Int64 // Unix nanoseconds
}

const restFactor = 15

func (b *breather) begin() bool {
	return time.Now().UnixNano() >= b.until.Load() && b.busy.CompareAndSwap(false, true)
}

func (b *breather) end(began time.Time) {
	b.until.Store(time.Now().Add(restFactor * time.Since(began)).UnixNano())
	b.busy.Store(false)
}
