package odoo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"ferry/engine"
	"ferry/engine/entity"
	"ferry/store/sqlstate"
)

// preflightLimit bounds the whole look at the source; connecting alone may take half of it.
const preflightLimit = 15 * time.Second

// longTransaction is the age from which a transaction of Odoo's is worth a word: until it ends no floor passes it.
const longTransaction = time.Minute

// Preflight looks at everything that reading this source needs, and says what it found. It writes nothing; what it
// may not see is said to be unchecked, with the grant that would show it.
func (db *DB) Preflight(ctx context.Context) engine.Preflight {
	ctx, cancel := context.WithTimeout(ctx, preflightLimit)
	defer cancel()
	conn, err := db.pool.Acquire(ctx)
	if err != nil {
		err = sqlstate.Wrap(engine.SideSource, "connecting", err)
		return engine.Preflight{engine.FailLine("source: connection", db.Address()+": "+err.Error(), "check --source")}
	}
	defer conn.Release()
	l := &look{source: db, asked: conn.Conn().Config().RuntimeParams, db: conn, out: engine.Preflight{
		engine.ConnectionLine(engine.SideSource, db.Address(), engine.TransportOf(conn.Conn().PgConn().Conn())),
	}}
	l.try(ctx, "source: version", l.server)
	l.try(ctx, "source: session", l.session)
	l.try(ctx, "source: database", l.odoo)
	l.try(ctx, "source: identity", l.identity)
	l.try(ctx, "source: privileges", l.privileges)
	for _, e := range entity.All() {
		l.try(ctx, "source: "+e.Name, func(ctx context.Context) error { return l.entity(ctx, e) })
	}
	l.try(ctx, "source: transactions", l.transactions)
	l.try(ctx, "source: clock", l.clock)
	return l.out
}

// look is one preflight of the source, on one session.
type look struct {
	source  *DB
	asked   map[string]string // the settings that the session was opened with
	db      querier
	out     engine.Preflight
	role    string // quoted
	standby bool
}

func (l *look) add(lines ...engine.PreflightLine) { l.out = append(l.out, lines...) }

// try runs one check; an error means that it could not be carried out, not that the precondition fails.
func (l *look) try(ctx context.Context, name string, check func(context.Context) error) {
	if err := check(ctx); err != nil {
		l.add(engine.UnknownLine(name, sqlstate.Wrap(engine.SideSource, "looking", err).Error(), ""))
	}
}

func (l *look) server(ctx context.Context) error {
	var version, encoding string
	var number int
	err := l.db.QueryRow(ctx, `SELECT current_setting('server_version'), current_setting('server_version_num')::int,
		current_setting('server_encoding'), pg_is_in_recovery(), quote_ident(current_user)`).
		Scan(&version, &number, &encoding, &l.standby, &l.role)
	if err != nil {
		return err //nolint:wrapcheck // try classes it
	}
	l.add(engine.VersionLine(engine.SideSource, version, number, l.standby), engine.EncodingLine(engine.SideSource, encoding))
	return nil
}

// session checks that the settings that were asked for have arrived: a pooler between may swallow them.
func (l *look) session(ctx context.Context) error {
	const name = "source: session"
	rows, err := l.db.Query(ctx, `SELECT name, setting FROM pg_settings WHERE name = ANY ($1) ORDER BY name`, mustHold)
	if err != nil {
		return err
	}
	settings, err := pgx.CollectRows(rows, pgx.RowToStructByPos[struct{ Name, Value string }])
	if err != nil {
		return err //nolint:wrapcheck // try classes it
	}
	var wrong []string
	for _, s := range settings {
		if s.Value != l.asked[s.Name] {
			wrong = append(wrong, s.Name+" = "+s.Value)
		}
	}
	if len(wrong) > 0 {
		l.add(engine.FailLine(name, "the server does not keep ferry's settings: "+strings.Join(wrong, ", "),
			"connect to PostgreSQL itself, or through a pooler in session mode that passes startup parameters on"))
		return nil
	}
	l.add(engine.PassLine(name, "read-only, UTC, transactions end after "+MaxTransaction.String()))
	return nil
}

// mustHold are the session settings without which the source is not read safely, or not read right.
var mustHold = []string{
	"default_transaction_read_only", "TimeZone", "row_security", "client_encoding", "extra_float_digits",
	"statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout",
}

// odoo checks that this is Odoo's database, and not the engine's.
func (l *look) odoo(ctx context.Context) error {
	const name = "source: database"
	var wanted, targets []string
	for _, e := range entity.All() {
		wanted, targets = append(wanted, e.Name), append(targets, e.Target)
	}
	found, err := l.tables(ctx, slices.Concat(wanted, targets, []string{"res_partner"}))
	if err != nil {
		return err
	}
	var ferry bool
	if err := l.db.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'ferry')`).Scan(&ferry); err != nil {
		return err //nolint:wrapcheck // try classes it
	}
	signs := slices.DeleteFunc(targets, func(t string) bool { return !found[t] })
	if ferry {
		signs = append(signs, "schema ferry")
	}
	switch card := entity.Card.Name; {
	case found[card]:
		l.add(engine.PassLine(name, "Odoo's: it has "+card))
	case len(signs) > 0:
		l.add(engine.FailLine(name, fmt.Sprintf("no %s, but %s; looks like ferry's target: swapped?", card, strings.Join(signs, ", ")),
			"exchange --source and --target"))
	case found["res_partner"]:
		l.add(engine.FailLine(name, "no "+card+": an Odoo without the loyalty module", "check the database's name in --source"))
	default:
		l.add(engine.FailLine(name, "no "+card+": not a database of Odoo", "check the database's name in --source"))
	}
	return nil
}

// tables gives those of the tables in schema public that exist. It needs no privilege on the schema.
func (l *look) tables(ctx context.Context, names []string) (map[string]bool, error) {
	rows, err := l.db.Query(ctx, `SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname = 'public' AND c.relname = ANY ($1) AND c.relkind IN ('r', 'p', 'v', 'm', 'f')`, names)
	if err != nil {
		return nil, err
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	found := make(map[string]bool, len(list))
	for _, name := range list {
		found[name] = true
	}
	return found, err //nolint:wrapcheck // try classes it
}

func (l *look) identity(ctx context.Context) error {
	identity, err := l.source.Identity(ctx)
	if err != nil {
		return err
	}
	l.add(engine.PassLine("source: identity", identity))
	return nil
}

// privileges is Safety as a line.
func (l *look) privileges(ctx context.Context) error {
	const name = "source: privileges"
	e, err := findDangers(ctx, l.db)
	if err != nil {
		return err
	}
	if len(e.dangers) == 0 {
		l.add(engine.PassLine(name, "role "+e.role+" cannot write"))
		return nil
	}
	var found, cures []string
	for _, d := range e.dangers {
		found = append(found, d.found)
		if !slices.Contains(cures, d.cure) {
			cures = append(cures, d.cure)
		}
	}
	if e.instead != "" {
		cures = []string{e.instead}
	}
	line := engine.FailLine(name, "role "+e.role+" could write: "+strings.Join(found, "; "), strings.Join(cures, "; "))
	line.Unsafe = true
	l.add(line)
	return nil
}

// transactions looks for the oldest transaction that has written: the floor of a cycle cannot pass it.
func (l *look) transactions(ctx context.Context) error {
	const name = "source: transactions"
	if l.standby {
		l.add(engine.UnknownLine(name, "a standby does not show its primary's transactions", ""))
		return nil
	}
	// An id is shown to everyone, the time of its beginning only to those who may see that session.
	var hidden int
	var age time.Duration
	var who string
	err := l.db.QueryRow(ctx, `
		WITH writer (began, who) AS (
			SELECT xact_start, format('pid %s, %s, %s', pid, usename, state) FROM pg_stat_activity
			WHERE backend_xid IS NOT NULL AND pid <> pg_backend_pid()
			UNION ALL SELECT prepared, format('prepared transaction %s of %s', gid, owner) FROM pg_prepared_xacts
		)
		SELECT (SELECT count(*) FROM writer WHERE began IS NULL),
			coalesce((SELECT greatest(clock_timestamp() - min(began), '0') FROM writer), '0'),
			coalesce((SELECT who FROM writer WHERE began IS NOT NULL ORDER BY began LIMIT 1), '')`).Scan(&hidden, &age, &who)
	if err != nil {
		return err //nolint:wrapcheck // try classes it
	}
	switch {
	case hidden > 0:
		l.add(engine.UnknownLine(name, fmt.Sprintf("%d write; since when is hidden from this role", hidden),
			"GRANT pg_read_all_stats TO "+l.role))
	case who == "":
		l.add(engine.PassLine(name, "none has written and is still open"))
	default:
		line := engine.PassLine(name, fmt.Sprintf("the oldest that writes is open for %s (%s)", age.Round(time.Second), who))
		if age > longTransaction {
			line.Advice = "find out why it is open: until it ends, every tick reads again what changed since it began"
		}
		l.add(line)
	}
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
			return err //nolint:wrapcheck // try classes it
		}
		if trip := time.Since(began); trip < best {
			best, ahead = trip, theirs.Sub(began.Add(trip/2))
		}
	}
	l.add(engine.ClockLine(engine.SideSource, ahead, best))
	return nil
}

// entity checks one of the tables that are read: whether it can be, whether it has what is needed, and how big it is.
func (l *look) entity(ctx context.Context, e *entity.Entity) error {
	t, err := findTable(ctx, l.db, e)
	if errors.Is(err, pgx.ErrNoRows) {
		l.add(engine.FailLine("source: "+e.Name, "there is no table public."+e.Name,
			"install the Odoo module that makes it, or check the database's name in --source"))
		return nil
	}
	if err != nil {
		return err
	}
	l.add(t.readable(e, l.role), t.columns(e), t.rows(e))
	return nil
}
