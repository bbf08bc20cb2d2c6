package demo_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ferry/store/demo"
	"ferry/store/embedded/pgtest"
)

func TestReaderReadsAndNothingElse(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	admin := db.Conn(t)
	_, err := demo.Generate(t.Context(), admin, demo.Params{Cards: 40, Seed: 1})
	require.NoError(t, err)
	_, err = admin.Exec(t.Context(), `CREATE TABLE payroll (id integer)`)
	require.NoError(t, err)

	// A name and a password with all that breaks bad quoting.
	const role, password = `Rea"der '1$$`, `p'a"ss\w$$ord;--%`
	require.NoError(t, demo.GrantReader(t.Context(), admin, role, password))

	config, err := pgx.ParseConfig(db.DSN)
	require.NoError(t, err)
	config.User, config.Password = role, password
	reader, err := pgx.ConnectConfig(t.Context(), config)
	require.NoError(t, err)
	t.Cleanup(func() { reader.Close(context.WithoutCancel(t.Context())) })

	for _, table := range []string{"res_partner", "loyalty_program", "loyalty_card", "loyalty_point_move", "loyalty_point_history"} {
		assert.Positive(t, number(t, reader, `SELECT count(*) FROM `+pgx.Identifier{table}.Sanitize()), table)
	}
	for _, sql := range []string{
		`INSERT INTO loyalty_card (code) VALUES ('x')`,
		`UPDATE loyalty_card SET points = 0`,
		`DELETE FROM loyalty_point_history`,
		`TRUNCATE loyalty_point_move`,
		`SELECT id FROM loyalty_card FOR UPDATE`,
		`DO $$ BEGIN LOCK TABLE loyalty_card IN EXCLUSIVE MODE; END $$`,
		`SELECT nextval('loyalty_card_id_seq')`,
		`SELECT * FROM payroll`,
		`CREATE TABLE mine (id integer)`,
		`CREATE TEMPORARY TABLE mine (id integer)`,
		`CREATE SCHEMA mine`,
		`CREATE ROLE other`,
		`CREATE DATABASE other`,
		`CREATE INDEX ON loyalty_point_history (loyalty_card_id)`,
	} {
		_, err := reader.Exec(t.Context(), sql)
		var refused *pgconn.PgError
		require.ErrorAs(t, err, &refused, sql)
		assert.Equal(t, "42501", refused.Code, sql)
	}

	var special bool
	require.NoError(t, admin.QueryRow(t.Context(), `SELECT rolsuper OR rolcreaterole OR rolcreatedb
		OR rolreplication OR rolbypassrls OR rolinherit
		FROM pg_roles WHERE rolname = $1`, role).Scan(&special))
	assert.False(t, special)
}

func TestGrantReaderRefuses(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	admin := db.Conn(t)
	require.ErrorContains(t, demo.GrantReader(t.Context(), admin, "", "secret"), "needs a name")
	require.ErrorContains(t, demo.GrantReader(t.Context(), admin, "nobody", ""), "a password")

	// Without the tables there is nothing to grant, and no half-made role is left.
	err := demo.GrantReader(t.Context(), admin, "reader_without_tables", "topsecret")
	require.ErrorContains(t, err, "reader_without_tables")
	assert.NotContains(t, err.Error(), "topsecret")
	assert.Zero(t, number(t, admin, `SELECT count(*) FROM pg_roles WHERE rolname = 'reader_without_tables'`))
}
