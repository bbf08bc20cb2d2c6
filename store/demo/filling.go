package demo

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Filling gives what fills an empty database, of which it is told the address, with a world.
func Filling(p Params) func(ctx context.Context, dsn string) error {
	return func(ctx context.Context, dsn string) error {
		conn, err := pgx.Connect(ctx, dsn)
		if err != nil {
			return fmt.Errorf("connecting to the database that is to be filled: %w", err)
		}
		defer func() { _ = conn.Close(ctx) }() // what counts is committed by then
		_, err = Generate(ctx, conn, p)
		return err
	}
}
