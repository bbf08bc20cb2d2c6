package app_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ferry/engine"
	"ferry/tui/app"
	"ferry/tui/tuitest"
)

// prover is an operator that can also begin checks.
type prover struct{ *tuitest.Operator }

func (prover) StartCheck(context.Context, engine.CheckOptions) (engine.RunID, error) { return 15, nil }

func (prover) Check(context.Context, engine.RunID) (*engine.CheckView, error) {
	return nil, engine.ErrNoSuchRun
}

// What a check has found about a card is repaired from its view: a plan first, shown where plans are.
func TestACardIsRepairedFromItsView(t *testing.T) {
	t.Parallel()
	wrong := tuitest.Troubles()[0].Report
	proving := func(c *app.Config) {
		if o, ok := c.Operator.(*tuitest.Operator); ok {
			c.Operator = prover{o}
		}
	}
	b := setup(t, tuitest.InStep(), 100, 30, proving)
	b.operator.Deal(wrong, tuitest.RightCard(4710))
	b.operator.Found(wrong.Discrepancies...)
	b.operator.Plan(&engine.RepairPlan{
		ID: 9, Hash: "h", State: engine.RepairPlanned, MadeAt: tuitest.Noon, Database: "loyalty", Total: 1,
		Items: []engine.RepairItem{{
			Entity: "loyalty_card", Row: 4711, Cause: engine.CauseField, Action: engine.RepairWrite, State: engine.RepairPlanned,
			Before: map[string]string{"partner_id": "813"}, After: map[string]string{"partner_id": "812"},
		}},
	})
	b.press("c", "4", "7", "1", "0", "enter", "R")
	require.Contains(t, b.frame(), "R: no check has found a discrepancy of this card that is open")

	b.press("c", "4", "7", "1", "1", "enter", "a", "tab", "k", "n", "o", "w", "n", "enter")
	require.Equal(t, "acknowledge", b.operator.Calls()[0].Action)
	b.pass(time.Second)
	require.Contains(t, b.frame(), "card 4711")
	reads := b.operator.Reads()
	require.Equal(t, "card 4711 4711", reads[len(reads)-1], "the card is read again")

	b.press("r")
	require.Len(t, b.operator.Reads(), len(reads)+1, "r reads the card, and asks nothing")
	b.press("R", "enter")
	b.pass(time.Second)
	require.Equal(t, "plan repair", b.operator.Calls()[1].Action)
	require.Contains(t, b.frame(), "partner_id")
	require.NotContains(t, b.frame(), "›c Card", "the plan stands where plans are")

	looking := tuitest.InStep()
	looking.Process.ReadOnly = true
	b = setup(t, looking, 100, 30, proving)
	b.operator.Deal(wrong)
	b.press("c", "4", "7", "1", "1", "enter", "R")
	require.Contains(t, b.frame(), "R: this console only looks (--read-only)")
}
