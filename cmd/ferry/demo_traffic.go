package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"

	"ferry/store/demo"
	"ferry/store/embedded"
)

// trafficLog holds the commits of the demo's traffic, a line each: which rows, and when.
const trafficLog = "traffic.jsonl"

// startTraffic lets the demo's Odoo live: transactions at the given rate, and their times in its log beside the
// data, so that freshness can be measured exactly. It gives what stops it.
func (f *ferry) startTraffic(ctx context.Context, server *embedded.Server, rate float64, seed int64, dir string) (stop func(), err error) {
	if rate <= 0 {
		return func() {}, nil
	}
	file, err := os.OpenFile(filepath.Join(dir, trafficLog), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("keeping the times of the demo's traffic: %w", err)
	}
	encoder := json.NewEncoder(file)
	broken := false
	traffic, err := demo.StartTraffic(ctx, demo.TrafficOptions{
		DSN: server.DSN(demoSource), Rate: rate, Seed: seed, Logger: slog.New(slog.DiscardHandler),
		Log: func(c demo.Commit) {
			c.Started, c.Server, c.Committed = c.Started.UTC(), c.Server.UTC(), c.Committed.UTC()
			if err := encoder.Encode(c); err != nil && !broken {
				broken = true // said once; the traffic matters more than its log
				fmt.Fprintln(f.err, "ferry: the times of the demo's traffic are no longer kept:", err)
			}
		},
	})
	if err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("starting the demo's traffic: %w", err)
	}
	return func() {
		traffic.Stop()
		_ = file.Close()
	}, nil
}

// sayFreshness says how late the demo's rows became visible in the engine, by the traffic's log and the server's own times.
func (f *ferry) sayFreshness(ctx context.Context, server *embedded.Server, dir string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), freshnessLimit)
	defer cancel()
	found, err := measureFreshness(ctx, server, dir)
	switch {
	case errors.Is(err, os.ErrNotExist):
	case err != nil:
		fmt.Fprintln(f.err, "ferry: how late rows were could not be measured:", err)
	default:
		fmt.Fprintln(f.err, found)
	}
}

// freshnessLimit bounds the end of a demo.
const freshnessLimit = 20 * time.Second

func measureFreshness(ctx context.Context, server *embedded.Server, dir string) (demo.Freshness, error) {
	log, err := os.Open(filepath.Join(dir, trafficLog))
	if err != nil {
		return demo.Freshness{}, fmt.Errorf("opening the traffic's log: %w", err)
	}
	defer log.Close() //nolint:errcheck // it was only read
	source, err := pgx.Connect(ctx, server.DSN(demoSource))
	if err != nil {
		return demo.Freshness{}, fmt.Errorf("connecting to the demo's source: %w", err)
	}
	defer source.Close(ctx) //nolint:errcheck // nothing is lost
	target, err := pgx.Connect(ctx, server.DSN(demoTarget))
	if err != nil {
		return demo.Freshness{}, fmt.Errorf("connecting to the demo's engine: %w", err)
	}
	defer target.Close(ctx) //nolint:errcheck // nothing is lost
	return demo.MeasureFreshness(ctx, log, source, target)
}
