package pgtest

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Conn opens a connection as superuser and closes it when the test ends.
func (db *DB) Conn(tb testing.TB) *pgx.Conn {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), limit)
	defer cancel()
	conn, err := pgx.Connect(ctx, db.DSN)
	if err != nil {
		tb.Fatalf("connect to the test database: %v", err)
	}
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(tb.Context()), limit)
		defer cancel()
		_ = conn.Close(ctx) // a test may have cut it
	})
	return conn
}

// Pool opens a pool as superuser and closes it when the test ends.
func (db *DB) Pool(tb testing.TB) *pgxpool.Pool {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), limit)
	defer cancel()
	pool, err := pgxpool.New(ctx, db.DSN)
	if err != nil {
		tb.Fatalf("connect to the test database: %v", err)
	}
	tb.Cleanup(pool.Close)
	return pool
}

// Exec runs statements as superuser, on a connection of their own, and fails the test where one fails.
func (db *DB) Exec(tb testing.TB, statements ...string) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), limit)
	defer cancel()
	conn, err := pgx.Connect(ctx, db.DSN)
	if err != nil {
		tb.Fatalf("connect to the test database: %v", err)
	}
	defer func() { _ = conn.Close(ctx) }()
	for _, sql := range statements {
		if _, err := conn.Exec(ctx, sql); err != nil {
			tb.Fatalf("run %q: %v", sql, err)
		}
	}
}

// Login is a role that can connect.
type Login struct {
	Name string // needs no quoting in SQL
	DSN  string // to the test's database, with the role's password
}

// Role makes a role that can log in, named uniquely in the server, with a random password and the attributes given, such
// as "CREATEROLE". Beyond them it can do what PUBLIC can. In each of the grants, statements run in the test's database,
// {role} stands for its name. The role goes with the database.
func Role(tb testing.TB, db *DB, attributes string, grants ...string) Login {
	tb.Helper()
	name := fmt.Sprintf("test_role_%d", shared.count.Add(1))
	password := rand.Text() // letters and digits
	ctx, cancel := context.WithTimeout(tb.Context(), limit)
	defer cancel()
	if err := shared.exec(ctx, fmt.Sprintf("CREATE ROLE %s LOGIN %s PASSWORD '%s'", name, attributes, password)); err != nil {
		tb.Fatalf("make a role: %v", err)
	}
	db.mu.Lock()
	db.roles = append(db.roles, name)
	db.mu.Unlock()
	statements := make([]string, len(grants))
	for i, sql := range grants {
		statements[i] = strings.ReplaceAll(sql, "{role}", name)
	}
	if len(statements) > 0 {
		db.Exec(tb, statements...)
	}
	return Login{Name: name, DSN: db.server.DSNAs(name, password, db.Name)}
}
