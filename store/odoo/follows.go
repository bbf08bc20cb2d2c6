package odoo

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"ferry/engine"
	"ferry/engine/monitor"
	"ferry/engine/rehearsal"
	"ferry/store/sqlstate"
)

// standby is what a standby tells of how it follows its primary.
type standby struct {
	Is        bool           // else it is a primary
	Paused    bool           // nothing is replayed
	Receives  bool           // a WAL receiver is at work
	Replayed  bool           // all that the primary had written when it was last heard of
	Heard     *time.Duration // how long ago that was; nil: this role may not see it
	Committed *time.Duration // how long ago the last transaction that was replayed was committed, by the primary's clock
	Role      string
}

// follows says how far a standby shows what its primary has committed; nil at a primary, which always does.
//
// It does up to the last message of the primary, once all is replayed that had been written by then; and up to the commit of the last
// transaction that was replayed, where the clocks of the two servers agree. Neither moves once the standby has lost its primary: then
// nothing seems to be written, whatever is. Nor is there any telling while replay is paused.
func (db *DB) follows(ctx context.Context) (*rehearsal.Follows, error) {
	now := time.Now().UTC()
	rows, err := db.pool.Query(ctx, `SELECT pg_is_in_recovery(), CASE WHEN pg_is_in_recovery() THEN pg_is_wal_replay_paused() ELSE false END,
			w.pid IS NOT NULL, coalesce(pg_last_wal_replay_lsn() >= w.latest_end_lsn, false), clock_timestamp() - w.last_msg_receipt_time,
			clock_timestamp() - pg_last_xact_replay_timestamp(), current_user::text
		FROM (SELECT) one LEFT JOIN pg_stat_wal_receiver w ON true`)
	var s standby
	if err == nil {
		s, err = pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[standby])
	}
	switch {
	case err != nil:
		return nil, sqlstate.Wrap(engine.SideSource, "looking how far a standby shows its primary", err)
	case !s.Is:
		return nil, nil //nolint:nilnil // a primary follows nobody
	}
	f := &rehearsal.Follows{Why: s.why()}
	if s.Paused {
		return f, nil
	}
	if s.Heard != nil && s.Replayed {
		f.Until = now.Add(-max(0, *s.Heard))
	}
	if s.Committed != nil {
		if at := now.Add(-max(0, *s.Committed)); at.After(f.Until) {
			f.Until = at
		}
	}
	return f, nil
}

// why says what keeps a standby from showing more of its primary, and what cures that.
func (s *standby) why() string {
	switch {
	case s.Paused:
		return "replay is paused there; `SELECT pg_wal_replay_resume()` lets it go on"
	case !s.Receives:
		return "no WAL receiver is at work there, so it does not hear of its primary; its log and primary_conninfo tell why"
	case s.Heard == nil:
		return fmt.Sprintf("when it last heard of its primary is hidden from this role; `GRANT pg_read_all_stats TO %s` on the primary shows it, "+
			"where that role inherits",
			pgx.Identifier{s.Role}.Sanitize())
	case !s.Replayed:
		return "not all that it has received is replayed"
	}
	return "it last heard of it " + monitor.Span(*s.Heard) + " ago"
}
