package enginedb

import (
	"context"
	"strings"

	"github.com/jackc/pgx/v5"

	"ferry/engine"
	"ferry/store/grants"
	"ferry/store/sqlstate"
)

// privileges checks what the role may do against what comes next: making what is absent, writing what is there.
func (l *look) privileges(ctx context.Context) error {
	const name = "engine: privileges"
	var role, database string
	var create, temporary, public, usage, schema, owner bool
	err := l.db.QueryRow(ctx, `
		SELECT quote_ident(current_user), quote_ident(current_database()),
			has_database_privilege(current_database(), 'CREATE'), has_database_privilege(current_database(), 'TEMPORARY'),
			coalesce((SELECT has_schema_privilege(oid, 'CREATE') FROM pg_namespace WHERE nspname = 'public'), false),
			coalesce((SELECT has_schema_privilege(oid, 'USAGE') FROM pg_namespace WHERE nspname = 'public'), false),
			EXISTS (SELECT FROM pg_namespace WHERE nspname = 'ferry'),
			coalesce((SELECT pg_has_role(nspowner, 'USAGE') FROM pg_namespace WHERE nspname = 'ferry'), false)`).
		Scan(&role, &database, &create, &temporary, &public, &usage, &schema, &owner)
	if err != nil {
		return err
	}
	if viewer, err := l.viewer(ctx); viewer || err != nil {
		if err == nil {
			l.add(engine.FailLine(name, "role "+role+" may look and change nothing", "an operator's role may: `ferry grants` prints what it needs"))
		}
		return err
	}
	var missing []string
	need := func(has bool, sql string) {
		if !has {
			missing = append(missing, sql)
		}
	}
	if l.setup != engine.SetupReady { // also for CREATE SCHEMA IF NOT EXISTS on one that does
		need(create, "GRANT CREATE ON DATABASE "+database+" TO "+role)
		need(!schema || owner, "ALTER SCHEMA ferry OWNER TO "+role)
	}
	if l.present == 0 {
		need(public, "GRANT CREATE ON SCHEMA public TO "+role)
	}
	need(usage, "GRANT USAGE ON SCHEMA public TO "+role)
	need(temporary, "GRANT TEMPORARY ON DATABASE "+database+" TO "+role)
	lacks, err := l.missingGrants(ctx, role)
	if err != nil {
		return err
	}
	missing = append(missing, lacks...)
	if len(missing) > 0 {
		l.add(engine.FailLine(name, "role "+role+" lacks what ferry needs", strings.Join(missing, "; ")))
		return nil
	}
	l.add(engine.PassLine(name, "role "+role+" may make what is absent and write what is there"))
	return nil
}

// viewer reports whether the role is one that opens every screen and changes nothing.
func (l *look) viewer(ctx context.Context) (bool, error) {
	if l.setup != engine.SetupReady {
		return false, nil
	}
	var viewer bool
	err := l.db.QueryRow(ctx, `SELECT has_table_privilege('ferry.run', 'SELECT') AND NOT has_any_column_privilege('ferry.run', 'INSERT')
		AND NOT has_table_privilege('ferry.lease', 'UPDATE')`).Scan(&viewer)
	return viewer, err
}

// missingGrants gives the statements for what an operator does, and the role may not, with the schema ferry and the tables that exist.
func (l *look) missingGrants(ctx context.Context, role string) ([]string, error) {
	var schemas, tables, privileges []string
	for _, t := range grants.Engine() {
		for _, p := range append([]string{"SELECT"}, t.Writes...) {
			schemas, tables, privileges = append(schemas, t.Schema), append(tables, t.Name), append(privileges, p)
		}
	}
	rows, err := l.db.Query(ctx, `
		SELECT 'USAGE ON SCHEMA ferry', 0 AS part FROM pg_namespace WHERE nspname = 'ferry' AND NOT has_schema_privilege(oid, 'USAGE')
		UNION ALL
		SELECT format('%s ON %I.%I', string_agg(u.p, ', ' ORDER BY u.ord), n.nspname, c.relname), 1
		FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS u (s, t, p, ord)
			JOIN pg_namespace n ON n.nspname = u.s JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = u.t
		WHERE c.relkind IN ('r', 'p') AND NOT has_table_privilege(c.oid, u.p)
		GROUP BY n.nspname, c.relname
		UNION ALL
		SELECT format('USAGE ON SEQUENCE ferry.%I', c.relname), 2 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname = 'ferry' AND c.relname = ANY($4) AND CASE c.relkind WHEN 'S' THEN NOT has_sequence_privilege(c.oid, 'USAGE') END
		ORDER BY 2, 1`, schemas, tables, privileges, grants.Sequences())
	if err != nil {
		return nil, err
	}
	lacks, err := pgx.CollectRows(rows, pgx.RowToStructByPos[struct {
		Grant string
		Part  int
	}])
	out := make([]string, len(lacks))
	for i, g := range lacks {
		out[i] = "GRANT " + g.Grant + " TO " + role
	}
	return out, err
}

// MayOperate fails with ErrForbidden unless this role may do what an operator does, and says what it lacks.
func (db *DB) MayOperate(ctx context.Context) error {
	const doing = "looking what this role may do"
	conn, err := db.pool.Acquire(ctx)
	if err != nil {
		return sqlstate.Wrap(engine.SideTarget, doing, err)
	}
	defer conn.Release()
	l := &look{db: conn, setup: engine.SetupReady}
	var role string
	if err := conn.QueryRow(ctx, `SELECT quote_ident(current_user)`).Scan(&role); err != nil {
		return sqlstate.Wrap(engine.SideTarget, doing, err)
	}
	viewer, err := l.viewer(ctx)
	if err != nil {
		return sqlstate.Wrap(engine.SideTarget, doing, err)
	}
	if viewer {
		return engine.Refuse(engine.ErrForbidden, "%s: role %s may look and change nothing; `ferry grants` has an operator's role", engine.ErrForbidden, role)
	}
	lacks, err := l.missingGrants(ctx, role)
	if err != nil {
		return sqlstate.Wrap(engine.SideTarget, doing, err)
	}
	if len(lacks) > 0 {
		return engine.Refuse(engine.ErrForbidden, "%s: role %s lacks %s; `ferry grants` has all that an operator needs", engine.ErrForbidden, role,
			strings.Join(lacks, "; "))
	}
	return nil
}
