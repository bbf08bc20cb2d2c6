package entity_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ferry/engine/entity"
	"ferry/engine/pgcopy"
)

var severities = []entity.Severity{entity.Reject, entity.Warn, entity.Off}

// broken is a way to break one rule of an entity: the value that one column takes.
type broken struct {
	entity *entity.Entity
	rule   string
	column string
	value  entity.Value
}

var (
	null     = entity.Value{}
	zero     = present(0)
	negative = present(-1)
	empty    = textual("")
	huge     = entity.Value{State: entity.TooLarge}
	nan      = entity.Value{State: entity.NotFinite}
	forever  = entity.Value{State: entity.Endless, Int: pgcopy.TimeInfinity}
)

// waysToBreak are the single values that break a rule, for every rule that there is.
func waysToBreak() []broken {
	return []broken{
		{entity.Card, "card.code_empty", "code", empty},
		{entity.Card, "card.code_too_long", "code", textual(strings.Repeat("Ä", entity.MaxCode/2) + "A")},
		{entity.Card, "card.points_invalid", "points", huge},
		{entity.Card, "card.points_invalid", "points", nan},
		{entity.Card, "card.timestamp_invalid", "create_date", forever},
		{entity.Card, "card.timestamp_invalid", "write_date", forever},
		{entity.Card, "card.partner_missing", "partner_id", null},
		{entity.Card, "card.partner_missing", "partner_id", zero},
		{entity.Card, "card.program_missing", "program_id", null},
		{entity.Card, "card.program_missing", "program_id", zero},
		{entity.Card, "card.points_negative", "points", negative},

		{entity.Move, "move.card_missing", "loyalty_card_id", null},
		{entity.Move, "move.card_missing", "loyalty_card_id", zero},
		{entity.Move, "move.points_invalid", "initial_point", huge},
		{entity.Move, "move.points_invalid", "remaining_point", nan},
		{entity.Move, "move.timestamp_invalid", "gain_date", null},
		{entity.Move, "move.timestamp_invalid", "gain_date", forever},
		{entity.Move, "move.timestamp_invalid", "expiration_date", forever},
		{entity.Move, "move.timestamp_invalid", "create_date", forever},
		{entity.Move, "move.timestamp_invalid", "write_date", forever},
		{entity.Move, "move.remaining_above_initial", "remaining_point", present(501)},
		{entity.Move, "move.remaining_negative", "remaining_point", negative},
		{entity.Move, "move.state_unknown", "state", null},
		{entity.Move, "move.state_unknown", "state", empty},
		{entity.Move, "move.state_unknown", "state", textual("Active")},

		{entity.History, "history.card_missing", "loyalty_card_id", null},
		{entity.History, "history.card_missing", "loyalty_card_id", zero},
		{entity.History, "history.points_invalid", "points_amount", nan},
		{entity.History, "history.points_invalid", "points_balance", huge},
		{entity.History, "history.timestamp_invalid", "transaction_time", null},
		{entity.History, "history.timestamp_invalid", "transaction_time", forever},
		{entity.History, "history.timestamp_invalid", "create_date", forever},
		{entity.History, "history.balance_negative", "points_balance", negative},
	}
}

// row is a valid row but for one value. A number of points that is invalid would break the comparison of two as well,
// so the other one is nothing.
func (b broken) row(t *testing.T) entity.Row {
	t.Helper()
	row := valid(b.entity)
	at := column(t, b.entity, b.column)
	row.Values[at] = b.value
	if b.entity == entity.Move && b.column == "initial_point" {
		row.Values[column(t, b.entity, "remaining_point")] = zero
	}
	return row
}

func ruleNamed(t *testing.T, e *entity.Entity, name string) entity.Rule {
	t.Helper()
	for _, r := range e.Rules {
		if r.Name == name {
			return r
		}
	}
	require.FailNow(t, "no rule "+name)
	return entity.Rule{}
}

func TestARowThatKeepsEveryRuleIsLoaded(t *testing.T) {
	t.Parallel()
	for _, e := range entity.All() {
		require.Equal(t, entity.Verdict{}, entity.DefaultRules().Judge(e, valid(e)), e.Name)
	}
}

func TestWhatMayBeMissingIsNotARule(t *testing.T) {
	t.Parallel()
	may := map[*entity.Entity][]string{
		entity.Card:    {"create_date", "write_date"},
		entity.Move:    {"membership_product_id", "expiration_date", "origin", "create_date", "write_date"},
		entity.History: {"point_move_id", "origin", "membership_product_id", "status_membership_product_id", "create_date"},
	}
	for e, columns := range may {
		row := valid(e)
		for _, c := range columns {
			row.Values[column(t, e, c)] = null
		}
		require.Equal(t, entity.Verdict{}, entity.DefaultRules().Judge(e, row), e.Name)
	}
}

func TestEachRuleIsBrokenByItself(t *testing.T) {
	t.Parallel()
	tried := map[string]bool{}
	for _, b := range waysToBreak() {
		rule := ruleNamed(t, b.entity, b.rule)
		require.Equal(t, entity.Verdict{Reason: b.rule, Detail: rule.Why},
			entity.DefaultRules().Judge(b.entity, b.row(t)), "%s: %s = %v", b.rule, b.column, b.value)
		tried[b.rule] = true
	}
	for name := range entity.DefaultRules() {
		require.True(t, tried[name], "no row breaks %s", name)
	}
}

func TestNearlyBrokenIsNotBroken(t *testing.T) {
	t.Parallel()
	for _, b := range []broken{
		{entity.Card, "", "points", zero},
		{entity.Card, "", "points", entity.Value{State: entity.Rounded}}, // -0.004: rules see what rounding leaves
		{entity.Card, "", "partner_id", present(1)},
		{entity.Card, "", "code", textual("NULL")},
		{entity.Move, "", "remaining_point", present(500)},
		{entity.Move, "", "remaining_point", zero},
		{entity.Move, "", "state", textual("depleted")},
		{entity.Move, "", "state", textual("expired")},
		{entity.Move, "", "gain_date", zero}, // the first microsecond of 2000 is a date
		{entity.History, "", "points_amount", negative},
		{entity.History, "", "points_balance", zero},
	} {
		require.Equal(t, entity.Verdict{}, entity.DefaultRules().Judge(b.entity, b.row(t)), "%s = %v", b.column, b.value)
	}
}

func TestTheSeverityDecidesWhatABrokenRuleMeans(t *testing.T) {
	t.Parallel()
	for _, b := range waysToBreak() {
		rule := ruleNamed(t, b.entity, b.rule)
		if rule.Fixed {
			continue
		}
		for severity, want := range map[entity.Severity]entity.Verdict{
			entity.Reject: {Reason: b.rule, Detail: rule.Why},
			entity.Warn:   {Warned: []string{b.rule}},
			entity.Off:    {},
		} {
			rules := entity.DefaultRules()
			require.NoError(t, rules.Set(b.rule, severity))
			require.Equal(t, want, rules.Judge(b.entity, b.row(t)), "%s = %s", b.rule, severity)
		}
	}
}

func TestAFixedRuleRejectsWhateverIsWritten(t *testing.T) {
	t.Parallel()
	for _, b := range waysToBreak() {
		if !ruleNamed(t, b.entity, b.rule).Fixed {
			continue
		}
		for _, severity := range severities {
			rules := entity.DefaultRules()
			err := rules.Set(b.rule, severity)
			if severity == entity.Reject {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, b.rule+" is fixed")
			}
			require.Equal(t, entity.DefaultRules(), rules, "a refusal changes nothing")
			rules[b.rule] = severity // as a table edited by hand would have it
			require.Equal(t, b.rule, rules.Judge(b.entity, b.row(t)).Reason, "%s = %s", b.rule, severity)
		}
	}
}

func TestTheRulesThatTheTablesNeedAreFixed(t *testing.T) {
	t.Parallel()
	var fixed []string
	for _, e := range entity.All() {
		for _, r := range e.Rules {
			require.Equal(t, entity.Reject, r.Default, r.Name)
			if r.Fixed {
				fixed = append(fixed, r.Name)
			}
		}
	}
	require.ElementsMatch(t, []string{
		"card.code_empty", "card.code_too_long", "card.points_invalid", "card.timestamp_invalid",
		"move.card_missing", "move.points_invalid", "move.timestamp_invalid",
		"history.card_missing", "history.points_invalid", "history.timestamp_invalid",
	}, fixed)
}

func TestTheFirstBrokenRuleIsTheReasonAndAllAreInTheDetail(t *testing.T) {
	t.Parallel()
	for _, e := range entity.All() {
		row := entity.Row{ID: 1, Values: make([]entity.Value, len(e.Columns))}
		for i, c := range e.Columns {
			switch c.Kind {
			case entity.KindPoints:
				row.Values[i] = present(-1)
			case entity.KindTime:
				row.Values[i] = forever
			case entity.KindInt, entity.KindText:
			}
		}
		if e == entity.Move {
			row.Values[column(t, e, "initial_point")] = present(-2)
		}
		var names, whys []string
		for _, r := range e.Rules {
			if !strings.HasSuffix(r.Name, ".points_invalid") && r.Name != "card.code_too_long" {
				names, whys = append(names, r.Name), append(whys, r.Why)
			}
		}
		verdict := entity.DefaultRules().Judge(e, row)
		require.Equal(t, names[0], verdict.Reason)
		require.Equal(t, strings.Join(whys, "; "), verdict.Detail)
		require.Empty(t, verdict.Warned)

		// The last rule only warns now: it is told apart from those that reject.
		rules := entity.DefaultRules()
		require.NoError(t, rules.Set(names[len(names)-1], entity.Warn))
		verdict = rules.Judge(e, row)
		require.Equal(t, strings.Join(whys[:len(whys)-1], "; "), verdict.Detail)
		require.Equal(t, names[len(names)-1:], verdict.Warned)
	}
}

func TestARuleWithoutASeverityHasItsDefault(t *testing.T) {
	t.Parallel()
	for _, b := range waysToBreak() {
		require.Equal(t, b.rule, entity.Rules{}.Judge(b.entity, b.row(t)).Reason)
	}
}

func TestOnlyRulesAndSeveritiesThatExistAreSet(t *testing.T) {
	t.Parallel()
	rules := entity.DefaultRules()
	err := rules.Set("card.partner_mising", entity.Warn)
	require.ErrorContains(t, err, `no rule "card.partner_mising"`)
	for name := range entity.DefaultRules() {
		require.ErrorContains(t, err, name, "the error says what there is")
	}
	for _, severity := range []entity.Severity{"", "warning", "Warn", "reject "} {
		require.ErrorContains(t, rules.Set("card.partner_missing", severity), "no severity")
	}
	require.Equal(t, entity.DefaultRules(), rules)
}

func TestTheHashNamesEverySeverity(t *testing.T) {
	t.Parallel()
	seen := map[string]string{entity.DefaultRules().Hash(): "the defaults"}
	for _, e := range entity.All() {
		for _, r := range e.Rules {
			if r.Fixed {
				continue
			}
			for _, severity := range severities[1:] {
				rules := entity.DefaultRules()
				require.NoError(t, rules.Set(r.Name, severity))
				hash, what := rules.Hash(), r.Name+" = "+string(severity)
				require.Empty(t, seen[hash], "%s has the same hash", what)
				seen[hash] = what
				require.NoError(t, rules.Set(r.Name, entity.Reject))
				require.Equal(t, entity.DefaultRules().Hash(), rules.Hash(), "what was undone does not show")
			}
		}
	}
}

// The hash is kept in databases: one that changes with a release makes every floor worthless, and so every run a full
// one. It may only do so together with the version of the codec.
func TestTheHashIsTheSameTomorrow(t *testing.T) {
	t.Parallel()
	require.Equal(t, "7491d80a129f1e58", entity.Rules{"card.partner_missing": entity.Warn, "card.code_empty": entity.Reject}.Hash())
	first := entity.DefaultRules().Hash()
	for range 50 {
		require.Equal(t, first, entity.DefaultRules().Hash(), "maps have no order")
	}
}
