package soak_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"runtime/metrics"
	"strconv"
	"strings"
	"sync"
	"time"

	"ferry/engine"
	"ferry/engine/control"
	"ferry/store/enginedb"
	"ferry/store/odoo"
	"ferry/store/queue"
)

// childEnv holds the orders of a process that is a ferry.
const childEnv = "FERRY_SOAK_CHILD"

// What the ferry can be told.
const (
	tellFull = "full" // a full sync
	tellKeep = "keep" // to keep the engine in step
	tellRest = "rest" // to start no more ticks
	tellTick = "tick" // one more tick
)

type orders struct {
	Source string        `json:"source"`
	Target string        `json:"target"`
	Every  time.Duration `json:"every"`
}

// vitals are what a ferry says of itself once a second.
type vitals struct {
	RSS        int64 `json:"rss"`  // bytes; 0 where the system does not say
	Heap       int64 `json:"heap"` // bytes that the last garbage collection found in use
	Goroutines int   `json:"goroutines"`

	// How late the engine may be, as the console shows it.
	P50 time.Duration `json:"p50"`
	P99 time.Duration `json:"p99"`
	Max time.Duration `json:"max"`

	Pinned   time.Duration `json:"pinned"` // since when the floor stands still
	PinnedBy string        `json:"pinned_by"`
}

// childMain is the ferry; its standard output tells the test what happens, a line each.
func childMain(text string) int {
	var o orders
	err := json.Unmarshal([]byte(text), &o)
	if err == nil {
		err = child(context.Background(), o)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "the ferry:", err)
		return 1
	}
	return 0
}

var saying sync.Mutex

func sayf(format string, args ...any) {
	saying.Lock()
	defer saying.Unlock()
	fmt.Fprintf(os.Stdout, format+"\n", args...)
}

func child(ctx context.Context, o orders) error {
	logger := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	source, err := odoo.Open(ctx, o.Source, "ferry soak")
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := enginedb.Open(ctx, o.Target, "ferry soak", 10, false)
	if err != nil {
		return err
	}
	defer target.Close()
	jobs, err := queue.New(target, logger)
	if err != nil {
		return err
	}
	k := control.New(control.Config{
		Ledger: target, Source: source, Workers: jobs,
		Process: engine.Process{ID: "soak", Host: "test", PID: os.Getpid(), Workers: 2},
		Actor:   engine.Actor{User: "soak", Host: "test"}, Logger: logger,
	})
	k.Run(ctx)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go live(ctx, k)
	err = obey(ctx, k, o)
	stop, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	return errors.Join(err, k.Stop(stop))
}

// obey does what it is told, and says so, until its input ends.
func obey(ctx context.Context, k *control.Control, o orders) error {
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		var id engine.RunID
		var err error
		switch told := lines.Text(); told {
		case tellFull:
			id, err = k.StartFull(ctx, engine.StartOptions{})
		case tellTick:
			id, err = k.StartIncremental(ctx, engine.StartOptions{})
		case tellKeep:
			err = k.KeepInStep(ctx, o.Every)
		case tellRest:
			err = k.KeepInStep(ctx, 0)
		default:
			err = fmt.Errorf("told %q", told)
		}
		if err != nil {
			return err
		}
		sayf("done %s %d", lines.Text(), id)
	}
	return nil
}

// live says once a second how this process is.
func live(ctx context.Context, k *control.Control) {
	second := time.NewTicker(time.Second)
	defer second.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-second.C:
		}
		s := k.Snapshot()
		v := vitals{
			RSS: resident(), Heap: liveHeap(), Goroutines: runtime.NumGoroutine(),
			P50: s.Freshness.P50.Value, P99: s.Freshness.P99.Value, Max: s.Freshness.Max.Value, PinnedBy: s.Floor.PinnedBy,
		}
		if !s.Floor.PinnedSince.IsZero() {
			v.Pinned = time.Since(s.Floor.PinnedSince)
		}
		text, _ := json.Marshal(v)
		sayf("vitals %s", text)
	}
}

// resident is this process's memory as the system counts it.
func resident() int64 {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(text), "VmRSS:")
	kb, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
	n, _ := strconv.ParseInt(kb, 10, 64)
	return n << 10
}

func liveHeap() int64 {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	return int64(sample[0].Value.Uint64())
}
