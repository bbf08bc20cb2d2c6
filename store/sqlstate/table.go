package sqlstate

import (
	"slices"
	"strings"

	"ferry/engine"
)

// Phase is what a session was about when its error arose. Only what is answered differently is told apart.
type Phase string

// The phases.
const (
	PhaseConnect Phase = "connect" // opening a session
	PhaseRead    Phase = "read"    // reading, and everything about ferry's own tables: no row of the domain is written
	PhaseWrite   Phase = "write"   // writing rows under a savepoint, so that the one at fault can be found
	PhaseKeys    Phase = "keys"    // building keys, indexes and foreign keys over rows that are there
	PhaseCommit  Phase = "commit"  // checking deferred constraints, and COMMIT
)

// Place is where an error arose: what decides about it, beside its code.
type Place struct {
	Side  engine.Side
	Phase Phase
	OnID  bool // the constraint that was violated is on the row's id, which is Odoo's and not for changing
}

// Decision is what is done about an error, and why.
type Decision struct {
	Class engine.ErrorClass
	Why   string
}

// constraint narrows a rule to violations on the row's id, or to all others.
type constraint string

const (
	anyConstraint constraint = ""
	onID          constraint = "on the id"
	notOnID       constraint = "not on the id"
)

// rule decides about all codes that begin with a prefix; an empty side, phase list or constraint stands for all of them.
type rule struct {
	prefix string
	class  engine.ErrorClass
	why    string
	side   engine.Side
	phases []Phase
	on     constraint
}

func (r rule) covers(at Place) bool {
	return (r.side == "" || r.side == at.Side) &&
		(r.phases == nil || slices.Contains(r.phases, at.Phase)) &&
		(r.on == anyConstraint || (r.on == onID) == at.OnID)
}

// unknown is what is done about a code that no rule covers.
var unknown = Decision{Class: engine.ClassStop, Why: "nobody has thought about it, so it is not skipped"}

// Decide gives what is done about a SQLSTATE at a place. Of the rules that cover it the one with the longest prefix
// decides; two with the same prefix never cover the same place.
func Decide(at Place, code string) Decision {
	if best, found := find(at, code); found {
		return Decision{Class: best.class, Why: best.why}
	}
	return unknown
}

func find(at Place, code string) (best rule, found bool) {
	for _, r := range table {
		if strings.HasPrefix(code, r.prefix) && len(r.prefix) > len(best.prefix) && r.covers(at) {
			best, found = r, true
		}
	}
	return best, found
}

const (
	atSource = engine.SideSource
	atTarget = engine.SideTarget

	retry      = engine.ClassRetry
	reconnect  = engine.ClassReconnect
	slow       = engine.ClassSlowRetry
	stop       = engine.ClassStop
	quarantine = engine.ClassQuarantine
)

var (
	connecting   = []Phase{PhaseConnect}
	inSession    = []Phase{PhaseRead, PhaseWrite, PhaseKeys, PhaseCommit}
	writingRows  = []Phase{PhaseWrite}
	buildingKeys = []Phase{PhaseKeys}
	committing   = []Phase{PhaseCommit}
)

// table has a line for every class of PostgreSQL's appendix A, and for every code that is answered otherwise than its
// class.
var table = slices.Concat(passing, session, resources, rows, stopping)

// passing are conflicts with other transactions: the next attempt reads and compares anew.
var passing = []rule{
	{prefix: "40001", class: retry, side: atTarget, why: "another transaction wrote the same rows"},
	{prefix: "40001", class: retry, side: atSource, why: "conflict with recovery: a standby had to remove what this snapshot could still see"},
	{prefix: "40P01", class: retry, why: "deadlock: the other one got through"},
	{prefix: "55P03", class: retry, why: "the lock was not to be had in time"},
	{prefix: "57014", class: retry, phases: inSession, why: "cancelled by a timeout; too many in a row end the run"},
	{prefix: "25P04", class: retry, why: "the transaction took longer than the server allows; too many in a row end the run"},
	{prefix: "25P02", class: retry, why: "an earlier error, such as a conflict with recovery, had ended the transaction"},
	{prefix: "72", class: retry, why: "the snapshot is too old; the next attempt takes a new one"},
	{
		prefix: "23505", class: retry, side: atTarget, phases: committing, on: notOnID,
		why: "another transaction took the value since it was checked; the next attempt sees that",
	},
	{
		prefix: "23503", class: retry, side: atTarget, phases: committing,
		why: "the parent went, or a child came, since it was checked; the next attempt sees that",
	},
}

// session are ends of sessions. Whether a COMMIT that was on its way took place is for the next attempt to find out.
var session = []rule{
	{prefix: "08", class: reconnect, why: "the connection failed"},
	{prefix: "40003", class: reconnect, why: "whether the statement was carried out is unknown; the checkpoint says it"},
	{prefix: "57014", class: reconnect, phases: connecting, why: "the server was too slow to let the session in"},
	{prefix: "57P01", class: reconnect, why: "the server shuts down, or an administrator ended the session"},
	{prefix: "57P02", class: reconnect, why: "another process of the server crashed, and all sessions ended"},
	{prefix: "57P03", class: reconnect, why: "the server starts or stops, and lets nobody in"},
	{prefix: "57P04", class: reconnect, why: "the database was dropped under the session, as on a standby; if it stays gone, connecting says so"},
	{prefix: "57P05", class: reconnect, why: "the session was idle for too long"},
	{prefix: "25P03", class: reconnect, why: "the transaction was idle for too long"},
	{prefix: "25006", class: reconnect, side: atTarget, why: "the engine fails over: this server is read-only"},
	{prefix: "53300", class: reconnect, why: "too many connections"},
}

// resources run out and come back; meanwhile somebody should know.
var resources = []rule{
	{prefix: "53", class: slow, why: "the server runs short of something, such as open files"},
	{prefix: "53100", class: slow, why: "disk full"},
	{prefix: "53200", class: slow, why: "out of memory, or of room for locks"},
	{prefix: "58030", class: slow, why: "I/O error: storage that is away comes back, and what was not committed was not done"},
}

// rows are refusals of a row's own content. Only the engine is written to, row by row.
var rows = []rule{
	{prefix: "22", class: quarantine, side: atTarget, phases: writingRows, why: "a value does not fit"},
	{prefix: "23502", class: quarantine, side: atTarget, phases: writingRows, why: "a value is missing"},
	{prefix: "23503", class: quarantine, side: atTarget, phases: writingRows, why: "its parent is not in the engine; it waits for that"},
	{prefix: "23505", class: quarantine, side: atTarget, phases: writingRows, on: notOnID, why: "another row has the value"},
	{prefix: "23514", class: quarantine, side: atTarget, phases: writingRows, why: "a check refuses it"},
	{prefix: "54000", class: quarantine, side: atTarget, phases: writingRows, why: "a value is too long for an index"},
}

// stopping is what waiting does not cure.
var stopping = []rule{
	{prefix: "22P04", class: stop, why: "the stream of rows is not what COPY takes: ferry's fault, not a row's"},
	{prefix: "23505", class: stop, side: atTarget, phases: inSession, on: onID, why: "the engine gave Odoo's id to another row; people settle that"},
	{prefix: "23505", class: stop, side: atTarget, phases: buildingKeys, on: notOnID, why: "rows that are there share a value that a key wants unique"},
	{prefix: "23503", class: stop, phases: buildingKeys, why: "rows that are there have no parent, so their foreign key cannot be built"},
	{prefix: "23514", class: stop, phases: buildingKeys, why: "a row that is there does not pass the check that is added"},
	{prefix: "54000", class: stop, phases: buildingKeys, why: "a value that is there is too long for an index"},
	{prefix: "25006", class: stop, side: atSource, why: "ferry never writes the source: what it sent is a mistake"},
	{prefix: "53400", class: stop, why: "a configured limit, such as of temporary files, which the next attempt would meet again"},
	{prefix: "26", class: stop, why: "a prepared statement is gone: a pooler between does not keep sessions apart"},
	{prefix: "28", class: stop, why: "not allowed to connect"},
	{prefix: "3D", class: stop, why: "no such database"},
	{prefix: "42501", class: stop, why: "the database does not let this role do that"},
	{prefix: "42P01", class: stop, why: "no such table"},
	{prefix: "42703", class: stop, why: "no such column"},
	{prefix: "58P01", class: stop, why: "a file of the server is missing: corruption"},
	{prefix: "XX", class: stop, why: "corruption, or a fault in the server"},
	{prefix: "0A", class: stop, why: "not supported by this server, or a table was altered under its plan"},

	{prefix: "00", class: stop, why: "success is no error: something between garbles what the server says"},
	{prefix: "01", class: stop, why: "a warning is no error: something between garbles what the server says"},
	{prefix: "02", class: stop, why: "no data where some was to be"},
	{prefix: "03", class: stop, why: "a statement was sent before another had ended"},
	{prefix: "09", class: stop, why: "a trigger failed"},
	{prefix: "0B", class: stop, why: "a transaction cannot be begun like that"},
	{prefix: "0F", class: stop, why: "a locator is invalid; ferry uses none"},
	{prefix: "0L", class: stop, why: "a role may not grant that"},
	{prefix: "0P", class: stop, why: "a role is not what it should be"},
	{prefix: "0Z", class: stop, why: "diagnostics were asked for outside of a handler, as by a faulty trigger"},
	{prefix: "10", class: stop, why: "XML path or style sheet is invalid; ferry uses none"},
	{prefix: "20", class: stop, why: "a CASE knows no answer, as in a faulty trigger"},
	{prefix: "21", class: stop, why: "more rows where one was to be"},
	{prefix: "22", class: stop, side: atSource, why: "the statement fails on a value; no row of the engine is at fault"},
	{
		prefix: "22", class: stop, side: atTarget, phases: []Phase{PhaseConnect, PhaseRead, PhaseKeys, PhaseCommit},
		why: "the statement fails on a value while no row is written",
	},
	{prefix: "23", class: stop, why: "a constraint refuses what is no row of a batch, or is of a kind that ferry does not know"},
	{prefix: "24", class: stop, why: "a cursor is not in the state it should be"},
	{prefix: "25", class: stop, why: "the transaction is not in the state it should be"},
	{prefix: "27", class: stop, why: "a trigger changed what was being written"},
	{prefix: "2B", class: stop, why: "other privileges rest on this one"},
	{prefix: "2D", class: stop, why: "a transaction cannot be ended like that"},
	{prefix: "2F", class: stop, why: "a function did what it may not"},
	{prefix: "34", class: stop, why: "no such cursor"},
	{prefix: "38", class: stop, why: "an external function did what it may not"},
	{prefix: "39", class: stop, why: "an external function was called wrongly"},
	{prefix: "3B", class: stop, why: "no such savepoint"},
	{prefix: "3F", class: stop, why: "no such schema"},
	{prefix: "40", class: stop, why: "the transaction was undone for a reason that is not known to pass"},
	{prefix: "42", class: stop, why: "the statement does not fit this database"},
	{prefix: "44", class: stop, why: "a view does not take the row"},
	{prefix: "54", class: stop, why: "beyond what the server can do"},
	{prefix: "55", class: stop, why: "an object is not in the state it should be"},
	{prefix: "57", class: stop, why: "an administrator intervened in a way that is not known to pass"},
	{prefix: "58", class: stop, why: "the server's system fails in a way that is not known to pass"},
	{prefix: "F0", class: stop, why: "the server's configuration is broken"},
	{prefix: "HV", class: stop, why: "a foreign table fails"},
	{prefix: "P0", class: stop, why: "a function or trigger of the database's own refuses"},
}
