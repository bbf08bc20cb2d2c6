package enginedb

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"ferry/engine"
	"ferry/engine/entity"
	"ferry/store/sqlstate"
)

// NotOdoo fails with ErrUnsafeSource if this looks like Odoo's own database: nothing is ever made there, whatever the role
// may do.
func (db *DB) NotOdoo(ctx context.Context) error {
	signs, err := signsOfOdoo(ctx, db.pool)
	if err != nil {
		return sqlstate.Wrap(engine.SideTarget, "looking whose database this is", err)
	}
	if len(signs) == 0 {
		return nil
	}
	return fmt.Errorf("%w: the engine database %s has %s, so it looks like Odoo's, and ferry would make its tables there: "+
		"exchange --source and --target, or give the engine a database of its own", engine.ErrUnsafeSource, db.Address(), strings.Join(signs, ", "))
}

// signsOfOdoo gives the tables by which one knows a database of Odoo's.
func signsOfOdoo(ctx context.Context, db interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
},
) ([]string, error) {
	odoo := []string{"res_partner", "ir_module_module"}
	for _, e := range entity.All() {
		odoo = append(odoo, e.Name)
	}
	rows, err := db.Query(ctx, `SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname = 'public' AND c.relname = ANY ($1) AND c.relkind IN ('r', 'p', 'v', 'm', 'f') ORDER BY 1`, odoo)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}
