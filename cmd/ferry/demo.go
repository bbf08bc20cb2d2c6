package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"

	"ferry/store/demo"
	"ferry/store/embedded"
)

type demoOptions struct {
	cards    int
	seed     int64
	dir      string
	reset    bool
	headless bool
	traffic  float64
}

func (f *ferry) demoCommand() *cobra.Command {
	var o demoOptions
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "A throwaway PostgreSQL with an Odoo-shaped database, an engine database, and the console on them",
		Long: `Start a throwaway PostgreSQL server, fill an Odoo-shaped database with data like production's, make an engine
database, and open the console on them: ` + "`s`" + ` starts a full sync. Meanwhile the Odoo-shaped database lives, at --traffic
transactions a second; their times are in traffic.jsonl beside the data. By them and the server's own, --headless says at
its end how late rows became visible in the engine, exactly.

The data stays in --dir and is reopened next time; --reset starts over. The server stops when the demo ends.

With --headless it prints two connection strings and serves until interrupted, with exit code 0. In another terminal,
` + "`ferry sync full`" + ` and then ` + "`ferry sync incremental --watch`" + ` keep the engine in step with the living source.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.demo(cmd.Context(), o) },
	}
	cmd.Flags().IntVar(&o.cards, "cards", 20_000, "cards in the Odoo-shaped database, about five ledger rows each")
	cmd.Flags().Int64Var(&o.seed, "seed", 1, "the same seed makes the same data")
	cmd.Flags().Float64Var(&o.traffic, "traffic", 10, "transactions a second on the Odoo-shaped database while the demo runs; 0 for none")
	cmd.Flags().StringVar(&o.dir, "dir", "", "where the data stays (default $XDG_STATE_HOME/ferry/demo)")
	cmd.Flags().BoolVar(&o.reset, "reset", false, "throw the demo's data away and start over")
	cmd.Flags().BoolVar(&o.headless, "headless", false,
		"print the two connection strings and serve until interrupted; ferry sync incremental --watch keeps them in step")
	return cmd
}

// maxDemoCards is what the generator makes at most.
const maxDemoCards = 20_000_000

// Databases and the role of the demo.
const (
	demoSource  = "odoo"
	demoFilling = "odoo_filling" // the source until it is whole
	demoTarget  = "engine"
	demoReader  = "ferry_reader"
	demoEngine  = "ferry_engine"
)

func (f *ferry) demo(ctx context.Context, o demoOptions) error {
	if o.cards < 1 || o.cards > maxDemoCards {
		return usage("--cards %d: say a number from 1 to %d", o.cards, maxDemoCards)
	}
	soft, _, caught, release := untilSignal(ctx)
	defer release()
	if o.dir == "" {
		state, err := f.stateDir()
		if err != nil {
			return err
		}
		o.dir = filepath.Join(state, "demo")
	}
	dir, err := filepath.Abs(o.dir)
	if err != nil {
		return usage("--dir: %w", err)
	}
	if o.reset {
		if err := embedded.Remove(soft, dir); err != nil {
			return fmt.Errorf("--reset: %w", err)
		}
	}
	fmt.Fprintln(f.err, "starting a throwaway PostgreSQL …")
	server, err := embedded.Start(soft, embedded.Options{Dir: dir, Logger: logTo(f.err, slog.LevelWarn)})
	if err != nil {
		return err
	}
	defer stopServer(context.WithoutCancel(ctx), server, f.err)
	if err := f.prepareDemo(soft, server, o, dir); err != nil {
		if code := caught(); code != 0 {
			return exitWith(code, nil)
		}
		return err
	}
	quiet, err := f.startTraffic(ctx, server, o.traffic, o.seed, dir)
	if err != nil {
		return err
	}
	defer quiet()
	if o.headless {
		err := f.serveDemo(soft, server)
		quiet()
		f.sayFreshness(ctx, server, dir)
		return err
	}
	return f.console(ctx)
}

// serveDemo prints where the databases are, and waits.
func (f *ferry) serveDemo(ctx context.Context, server *embedded.Server) error {
	fmt.Fprintf(f.out, "FERRY_SOURCE='%s'\nFERRY_TARGET='%s'\n", f.settings.Source, f.settings.Target)
	select {
	case <-ctx.Done():
		return nil
	case <-server.Done():
		return fmt.Errorf("the demo's PostgreSQL ended by itself: %w", server.Err())
	}
}

// prepareDemo makes databases, roles and data where they are not there yet, and points the settings at them.
func (f *ferry) prepareDemo(ctx context.Context, server *embedded.Server, o demoOptions, dir string) error {
	secret, err := demoSecret(dir)
	if err != nil {
		return err
	}
	admin, err := pgx.Connect(ctx, server.DSN("postgres"))
	if err != nil {
		return fmt.Errorf("connecting to the demo's PostgreSQL: %w", err)
	}
	defer admin.Close(ctx) //nolint:errcheck // nothing is lost
	var there int
	if err := admin.QueryRow(ctx, `SELECT count(*) FROM pg_database WHERE datname = ANY($1)`, []string{demoSource, demoTarget}).Scan(&there); err != nil {
		return fmt.Errorf("looking for the demo's databases: %w", err)
	}
	if there < 2 {
		if err := f.fillDemo(ctx, server, admin, o, secret); err != nil {
			return err
		}
	} else {
		fmt.Fprintln(f.err, "reopened the demo's data; --reset starts over")
	}
	// What an operator has configured is about other databases.
	f.settings.Profile, f.settings.Passfile, f.settings.ReadOnly = "demo", "", false
	f.settings.Source = server.DSNAs(demoReader, secret, demoSource)
	f.settings.Target = server.DSNAs(demoEngine, secret, demoTarget)
	c, err := f.open(ctx, 0, logTo(f.err, slog.LevelWarn))
	if err != nil {
		return err
	}
	defer c.close()
	return c.Init(ctx)
}

// fillDemo makes everything anew: a demo that was interrupted while it was filled starts over.
func (f *ferry) fillDemo(ctx context.Context, server *embedded.Server, admin *pgx.Conn, o demoOptions, secret string) error {
	for _, statement := range []string{
		`DROP DATABASE IF EXISTS ` + demoSource + ` WITH (FORCE)`,
		`DROP DATABASE IF EXISTS ` + demoFilling + ` WITH (FORCE)`,
		`DROP DATABASE IF EXISTS ` + demoTarget + ` WITH (FORCE)`,
		`DROP ROLE IF EXISTS ` + demoReader,
		`DROP ROLE IF EXISTS ` + demoEngine,
		`CREATE DATABASE ` + demoFilling,
	} {
		if _, err := admin.Exec(ctx, statement); err != nil {
			return fmt.Errorf("preparing the demo's databases: %w", err)
		}
	}
	if err := f.makeTarget(ctx, admin, secret); err != nil {
		return err
	}
	return f.fillSource(ctx, server, admin, o, secret)
}

func (f *ferry) fillSource(ctx context.Context, server *embedded.Server, admin *pgx.Conn, o demoOptions, secret string) error {
	source, err := pgx.Connect(ctx, server.DSN(demoFilling))
	if err != nil {
		return fmt.Errorf("connecting to the demo's source: %w", err)
	}
	defer source.Close(ctx) //nolint:errcheck // nothing is lost
	step := ""
	summary, err := demo.Generate(ctx, source, demo.Params{Cards: o.cards, Seed: o.seed, Progress: func(name string, _, _ int) {
		if name != step {
			step = name
			fmt.Fprintf(f.err, "  %s …\n", name)
		}
	}})
	if err != nil {
		return fmt.Errorf("filling the demo's source: %w", err)
	}
	if err := demo.GrantReader(ctx, source, demoReader, secret); err != nil {
		return fmt.Errorf("making the demo's reader: %w", err)
	}
	if err := source.Close(ctx); err != nil {
		return fmt.Errorf("closing the demo's source: %w", err)
	}
	// Only a source that is whole gets its name: an interrupted demo starts over.
	if _, err := admin.Exec(ctx, `ALTER DATABASE `+demoFilling+` RENAME TO `+demoSource); err != nil {
		return fmt.Errorf("naming the demo's source: %w", err)
	}
	fmt.Fprintf(f.err, "an Odoo with %d cards, %d moves, %d ledger rows\n", summary.Cards, summary.Moves, summary.History)
	return nil
}

// makeTarget makes the engine database and the role that owns it.
func (f *ferry) makeTarget(ctx context.Context, admin *pgx.Conn, secret string) error {
	// CREATE ROLE takes no parameters; the server quotes the password, which consists of hexadecimal digits anyway.
	var create string
	if err := admin.QueryRow(ctx, `SELECT format('CREATE ROLE `+demoEngine+` LOGIN PASSWORD %L', $1::text)`, secret).Scan(&create); err != nil {
		return fmt.Errorf("making the demo's engine role: %w", err)
	}
	for _, statement := range []string{create, `CREATE DATABASE ` + demoTarget + ` OWNER ` + demoEngine} {
		if _, err := admin.Exec(ctx, statement); err != nil {
			return fmt.Errorf("making the demo's engine database: %w", err)
		}
	}
	return nil
}

// demoSecret is the password of the demo's roles: random, and kept beside the data, readable by its owner only.
func demoSecret(dir string) (string, error) {
	file := filepath.Join(dir, "roles.secret")
	if text, err := os.ReadFile(file); err == nil {
		return strings.TrimSpace(string(text)), nil
	}
	random := make([]byte, 16)
	_, _ = rand.Read(random) // never fails
	secret := hex.EncodeToString(random)
	if err := os.WriteFile(file, []byte(secret+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("keeping the demo's password: %w", err)
	}
	return secret, nil
}

func stopServer(ctx context.Context, server *embedded.Server, w interface{ Write([]byte) (int, error) }) {
	if err := server.Stop(ctx); err != nil {
		fmt.Fprintln(w, "ferry: stopping the demo's PostgreSQL:", err)
	}
}
