package sqlstate

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ferry/engine"
)

var (
	sides  = []engine.Side{engine.SideSource, engine.SideTarget}
	phases = []Phase{PhaseConnect, PhaseRead, PhaseWrite, PhaseKeys, PhaseCommit}
)

// everywhere gives every place at which an error can arise.
func everywhere() []Place {
	var out []Place
	for _, side := range sides {
		for _, phase := range phases {
			out = append(out, Place{Side: side, Phase: phase}, Place{Side: side, Phase: phase, OnID: true})
		}
	}
	return out
}

// deciding gives the rules that have the last word on a code at a place: those with the longest prefix that cover it.
func deciding(at Place, code string) []rule {
	var out []rule
	for _, r := range table {
		if !strings.HasPrefix(code, r.prefix) || !r.covers(at) {
			continue
		}
		if len(out) > 0 && len(r.prefix) > len(out[0].prefix) {
			out = nil
		}
		if len(out) == 0 || len(r.prefix) == len(out[0].prefix) {
			out = append(out, r)
		}
	}
	return out
}

func TestEveryDocumentedCodeIsDecidedEverywhereByOneLine(t *testing.T) {
	t.Parallel()
	codes := documented()
	require.Len(t, codes, 263)
	decided := 0
	for _, code := range codes {
		for _, at := range everywhere() {
			lines := deciding(at, code)
			require.Len(t, lines, 1, "%s at %+v", code, at)
			require.Equal(t, Decision{Class: lines[0].class, Why: lines[0].why}, Decide(at, code), "%s at %+v", code, at)
			decided++
		}
	}
	t.Logf("%d codes, %d places, %d decisions, %d lines", len(codes), len(everywhere()), decided, len(table))
}

func TestEveryLineOfTheTableIsReachable(t *testing.T) {
	t.Parallel()
	reached := make([]bool, len(table))
	for _, code := range documented() {
		for _, at := range everywhere() {
			best, found := find(at, code)
			require.True(t, found)
			for i, r := range table {
				if r.prefix == best.prefix && r.why == best.why {
					reached[i] = true
				}
			}
		}
	}
	for i, r := range table {
		require.True(t, reached[i], "%s: %s", r.prefix, r.why)
	}
}

func TestEveryLineOfTheTableIsWellFormed(t *testing.T) {
	t.Parallel()
	type reason struct{ prefix, why string }
	seen := map[reason]bool{}
	for _, r := range table {
		require.Regexp(t, `^[0-9A-Z]{2}([0-9A-Z]{3})?$`, r.prefix, "a class or a code")
		require.NotEmpty(t, r.why, r.prefix)
		require.False(t, seen[reason{r.prefix, r.why}], "%s gives one reason for two lines: %s", r.prefix, r.why)
		seen[reason{r.prefix, r.why}] = true
		require.Contains(t, []engine.Side{"", engine.SideSource, engine.SideTarget}, r.side, r.prefix)
		require.Subset(t, phases, r.phases, r.prefix)
		require.Contains(t, []engine.ErrorClass{retry, reconnect, slow, stop, quarantine}, r.class, r.prefix)
	}
}

func TestNoTwoLinesDecideTheSameKey(t *testing.T) {
	t.Parallel()
	for i, one := range table {
		for _, other := range table[i+1:] {
			for _, at := range everywhere() {
				require.False(t, one.prefix == other.prefix && one.covers(at) && other.covers(at),
					"%s at %+v: %q and %q", one.prefix, at, one.why, other.why)
			}
		}
	}
}

func TestWhatNobodyThoughtAboutStops(t *testing.T) {
	t.Parallel()
	codes := []string{"", "0", "5", "2", "11000", "36000", "66000", "99999", "ZZZZZ", "xx000", "S0001", "Y0000"}
	for _, code := range codes {
		for _, at := range everywhere() {
			_, found := find(at, code)
			require.False(t, found, code)
			require.Equal(t, unknown, Decide(at, code), code)
			require.Equal(t, engine.ClassStop, Decide(at, code).Class, code)
		}
	}
}

// Only the engine is written to, row by row; what is refused elsewhere is about the statement.
func TestARowIsSetAsideOnlyWhereRowsAreWritten(t *testing.T) {
	t.Parallel()
	aside := map[string]bool{"23502": true, "23503": true, "23505": true, "23514": true, "54000": true}
	for _, code := range documented() {
		for _, at := range everywhere() {
			want := at.Side == engine.SideTarget && at.Phase == PhaseWrite &&
				(strings.HasPrefix(code, "22") && code != "22P04" || aside[code]) && (code != "23505" || !at.OnID)
			require.Equal(t, want, Decide(at, code).Class == engine.ClassQuarantine, "%s at %+v", code, at)
		}
	}
}

// The class alone would come to the same; the reason is what somebody can act upon.
func TestWhatPeopleHaveToSettleIsNamed(t *testing.T) {
	t.Parallel()
	read, keys := Place{Side: engine.SideTarget, Phase: PhaseRead}, Place{Side: engine.SideTarget, Phase: PhaseKeys}
	for _, test := range []struct {
		at        Place
		code, why string
	}{
		{read, "53100", "disk full"},
		{read, "53200", "out of memory"},
		{read, "42501", "the database does not let this role do that"},
		{read, "42P01", "no such table"},
		{read, "42703", "no such column"},
		{read, "58P01", "file of the server is missing"},
		{Place{Side: engine.SideSource, Phase: PhaseRead}, "25006", "never writes the source"},
		{Place{Side: engine.SideTarget, Phase: PhaseWrite, OnID: true}, "23505", "Odoo's id"},
		{Place{Side: engine.SideTarget, Phase: PhaseKeys, OnID: true}, "23505", "Odoo's id"},
		{keys, "23505", "share a value"},
		{keys, "23503", "have no parent"},
		{keys, "23514", "check"},
		{keys, "54000", "too long for an index"},
	} {
		require.Contains(t, Decide(test.at, test.code).Why, test.why, "%s at %+v", test.code, test.at)
	}
}
