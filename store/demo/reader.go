package demo

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// GrantReader creates a role that can log in and SELECT from the generated tables, and nothing else. It also takes
// from PUBLIC what PostgreSQL gives everyone by default in this database: CREATE in schema public (before version 15)
// and temporary tables; a throwaway database can do without.
func GrantReader(ctx context.Context, conn *pgx.Conn, role, password string) error {
	if role == "" || password == "" {
		return errors.New("grant reader: the role needs a name and a password")
	}
	if err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error { return createReader(ctx, tx, role, password) }); err != nil {
		return fmt.Errorf("grant reader %q: %w", role, err)
	}
	return nil
}

func createReader(ctx context.Context, tx pgx.Tx, role, password string) error {
	// CREATE ROLE takes no parameters, so the server itself quotes the name and the password.
	var create, database string
	err := tx.QueryRow(ctx, `SELECT current_database(), format(
		'CREATE ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT NOREPLICATION NOBYPASSRLS PASSWORD %L',
		$1::text, $2::text)`, role, password).Scan(&database, &create)
	if err != nil {
		return fmt.Errorf("quote the role: %w", err)
	}

	reader, db := pgx.Identifier{role}.Sanitize(), pgx.Identifier{database}.Sanitize()
	statements := []string{
		create,
		"REVOKE CREATE ON SCHEMA public FROM PUBLIC",
		"REVOKE CREATE, TEMPORARY ON DATABASE " + db + " FROM PUBLIC",
		"GRANT CONNECT ON DATABASE " + db + " TO " + reader,
		"GRANT USAGE ON SCHEMA public TO " + reader,
	}
	for _, table := range tables {
		statements = append(statements, "GRANT SELECT ON "+pgx.Identifier{"public", table}.Sanitize()+" TO "+reader)
	}
	for _, sql := range statements {
		if _, err := tx.Exec(ctx, sql); err != nil {
			return fmt.Errorf("execute: %w", err) // without the statement: the first holds the password
		}
	}
	return nil
}
