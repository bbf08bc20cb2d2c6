package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"ferry/store/demo"
	"ferry/store/embedded"
)

// startTraffic lets the demo's Odoo live: transactions at the given rate, and their times in traffic.jsonl beside the
// data, so that freshness can be measured exactly. It gives what stops it.
func (f *ferry) startTraffic(ctx context.Context, server *embedded.Server, rate float64, seed int64, dir string) (stop func(), err error) {
	if rate <= 0 {
		return func() {}, nil
	}
	file, err := os.OpenFile(filepath.Join(dir, "traffic.jsonl"), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("keeping the times of the demo's traffic: %w", err)
	}
	encoder := json.NewEncoder(file)
	broken := false
	traffic, err := demo.StartTraffic(ctx, demo.TrafficOptions{
		DSN: server.DSN(demoSource), Rate: rate, Seed: seed, Logger: slog.New(slog.DiscardHandler),
		Log: func(c demo.Commit) {
			if err := encoder.Encode(commitLine{c.Kind, c.Started.UTC(), c.Server.UTC(), c.Committed.UTC(), c.Rows}); err != nil && !broken {
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

type commitLine struct {
	Kind      string        `json:"kind"`
	Started   time.Time     `json:"started"`   // of the transaction; its rows' write_date
	Server    time.Time     `json:"server"`    // the server's clock just before COMMIT
	Committed time.Time     `json:"committed"` // this machine's clock once COMMIT was answered
	Rows      []demo.RowRef `json:"rows"`
}
