package enginedb

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"ferry/engine"
	"ferry/engine/entity"
	"ferry/store/migrations"
	"ferry/store/sqlstate"
)

// preflightLimit bounds the whole look at the engine database; connecting alone may take half of it.
const preflightLimit = 15 * time.Second

// Preflight looks at everything that writing this database needs, and says what it found. It changes nothing.
func (db *DB) Preflight(ctx context.Context) engine.Preflight {
	ctx, cancel := context.WithTimeout(ctx, preflightLimit)
	defer cancel()
	conn, err := db.pool.Acquire(ctx)
	if err != nil {
		err = sqlstate.Wrap(engine.SideTarget, "connecting", err)
		return engine.Preflight{engine.FailLine("engine: connection", db.Address()+": "+err.Error(), "check --target")}
	}
	defer conn.Release()
	l := &look{target: db, db: conn, out: engine.Preflight{
		engine.ConnectionLine(engine.SideTarget, db.Address(), engine.TransportOf(conn.Conn().PgConn().Conn())),
	}}
	l.try(ctx, "engine: version", l.server)
	l.try(ctx, "engine: database", l.swapped)
	l.try(ctx, "engine: identity", l.identity)
	l.try(ctx, "engine: schema ferry", l.schema)
	l.try(ctx, "engine: tables", l.tables)
	l.try(ctx, "engine: privileges", l.privileges)
	l.try(ctx, "engine: space", l.space)
	l.try(ctx, "engine: clock", l.clock)
	return l.out
}

// look is one preflight of the engine database, on one session.
type look struct {
	target  *DB
	db      *pgxpool.Conn
	out     engine.Preflight
	setup   engine.Setup
	present int // engine tables that exist
}

func (l *look) add(lines ...engine.PreflightLine) { l.out = append(l.out, lines...) }

// try runs one check; an error means that it could not be carried out, not that the precondition fails.
func (l *look) try(ctx context.Context, name string, check func(context.Context) error) {
	if err := check(ctx); err != nil {
		l.add(engine.UnknownLine(name, sqlstate.Wrap(engine.SideTarget, "looking", err).Error(), ""))
	}
}

func (l *look) server(ctx context.Context) error {
	var version, encoding, readOnly, by string
	var number int
	var standby bool
	err := l.db.QueryRow(ctx, `SELECT current_setting('server_version'), current_setting('server_version_num')::int,
		current_setting('server_encoding'), pg_is_in_recovery(), setting, source
		FROM pg_settings WHERE name = 'default_transaction_read_only'`).
		Scan(&version, &number, &encoding, &standby, &readOnly, &by)
	if err != nil {
		return err
	}
	l.add(engine.VersionLine(engine.SideTarget, version, number, standby), engine.EncodingLine(engine.SideTarget, encoding))
	const name = "engine: writable"
	switch {
	case standby:
		l.add(engine.FailLine(name, "this server is a standby", "give the primary in --target"))
	case readOnly != "on":
		l.add(engine.PassLine(name, "yes"))
	case l.db.Conn().Config().RuntimeParams["default_transaction_read_only"] == "on":
		l.add(engine.UnknownLine(name, "this session only reads, because ferry was asked to (--read-only)", ""))
	default:
		l.add(engine.FailLine(name, "default_transaction_read_only is on (set by: "+by+")",
			"take it off for this role and database: ALTER ROLE … IN DATABASE … RESET default_transaction_read_only"))
	}
	return nil
}

// swapped checks that this is not Odoo's database: a run would write into it.
func (l *look) swapped(ctx context.Context) error {
	const name = "engine: database"
	signs, err := signsOfOdoo(ctx, l.db)
	if err != nil {
		return err
	}
	if len(signs) > 0 {
		line := engine.FailLine(name, "it has "+strings.Join(signs, ", ")+"; looks like Odoo's: swapped?",
			"exchange --source and --target, or give the engine a database of its own")
		line.Unsafe = true
		l.add(line)
		return nil
	}
	l.add(engine.PassLine(name, "nothing of Odoo's in it"))
	return nil
}

func (l *look) identity(ctx context.Context) error {
	identity, err := l.target.Identity(ctx)
	if err != nil {
		return err
	}
	l.add(engine.PassLine("engine: identity", identity))
	return nil
}

func (l *look) schema(ctx context.Context) error {
	const name = "engine: schema ferry"
	var err error
	if l.setup, err = migrations.Status(ctx, l.db); err != nil {
		return err
	}
	switch l.setup {
	case engine.SetupMissing:
		l.add(engine.PassLine(name, "not there yet: will be created by `ferry init`"))
	case engine.SetupOlder:
		line := engine.PassLine(name, "made by an older ferry")
		line.Advice = "run `ferry init` to migrate it"
		l.add(line)
	case engine.SetupNewer:
		l.add(engine.FailLine(name, "made by a newer ferry", "install that version, or a later one"))
	case engine.SetupReady:
		l.add(engine.PassLine(name, "at this program's version"))
	case engine.SetupUnknown:
		l.add(engine.UnknownLine(name, "its version is unknown", ""))
	}
	return nil
}

func (l *look) tables(ctx context.Context) error {
	const name = "engine: tables"
	lacks, present, err := migrations.CheckEngine(ctx, l.db)
	if err != nil {
		return err
	}
	l.present = present
	all := len(entity.All())
	switch {
	case present == 0:
		l.add(engine.PassLine(name, "not there yet: will be created by `ferry init`"))
	case len(lacks) > 0:
		l.add(engine.FailLine(name, fmt.Sprintf("%d of %d exist, and lack what ferry needs; ferry does not alter them", present, all),
			strings.Join(lacks, ";\n")+";"))
	default:
		l.add(engine.PassLine(name, fmt.Sprintf("%d of %d, with all columns and keys", present, all)))
	}
	return nil
}

// space gives the one figure that SQL shows of it.
func (l *look) space(ctx context.Context) error {
	var size string
	err := l.db.QueryRow(ctx, `SELECT pg_size_pretty(pg_database_size(current_database()))`).Scan(&size)
	if err != nil {
		return err
	}
	l.add(engine.UnknownLine("engine: space", "free space cannot be seen over SQL; the database has "+size,
		"see that the server's disk has room for twice the size of Odoo's three tables, and for as much WAL again"))
	return nil
}

// clock takes the reading with the shortest round trip of three.
func (l *look) clock(ctx context.Context) error {
	best := time.Duration(1<<63 - 1)
	var ahead time.Duration
	for range 3 {
		var theirs time.Time
		began := time.Now()
		if err := l.db.QueryRow(ctx, `SELECT clock_timestamp()`).Scan(&theirs); err != nil {
			return err
		}
		if trip := time.Since(began); trip < best {
			best, ahead = trip, theirs.Sub(began.Add(trip/2))
		}
	}
	l.add(engine.ClockLine(engine.SideTarget, ahead, best))
	return nil
}
