package odoo_test

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/jackc/pgx/v5"

	"ferry/store/embedded/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// odoo18 is a database with the tables of a real Odoo 18.
func odoo18() pgtest.Option {
	return pgtest.Template("odoo 18", func(ctx context.Context, dsn string) error {
		dump, err := os.ReadFile("../../testdata/loyalty_odoo18.sql")
		if err != nil {
			return err
		}
		return run(ctx, dsn, string(dump))
	})
}

// run sends statements as one string.
func run(ctx context.Context, dsn, sql string) error {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	if _, err := conn.PgConn().Exec(ctx, sql).ReadAll(); err != nil {
		return fmt.Errorf("preparing a database: %w", err)
	}
	return nil
}
