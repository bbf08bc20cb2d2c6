package recording

import (
	"context"
	"time"

	"ferry/engine"
)

// Every action is refused.

// Init is refused.
func (p *Player) Init(context.Context) error { return refused() }

// StartFull is refused.
func (p *Player) StartFull(context.Context, engine.StartOptions) (engine.RunID, error) {
	return 0, refused()
}

// StartIncremental is refused.
func (p *Player) StartIncremental(context.Context, engine.StartOptions) (engine.RunID, error) {
	return 0, refused()
}

// KeepInStep is refused.
func (p *Player) KeepInStep(context.Context, time.Duration) error { return refused() }

// Pause is refused.
func (p *Player) Pause(context.Context, engine.Act) error { return refused() }

// Resume is refused.
func (p *Player) Resume(context.Context, engine.Act) error { return refused() }

// Cancel is refused.
func (p *Player) Cancel(context.Context, engine.Act) error { return refused() }

// Answer is refused.
func (p *Player) Answer(context.Context, engine.Act, bool) error { return refused() }

// RetryBatch is refused.
func (p *Player) RetryBatch(context.Context, engine.Act, engine.BatchID) error { return refused() }

// PauseEntity is refused.
func (p *Player) PauseEntity(context.Context, string, engine.Act) error { return refused() }

// ResumeEntity is refused.
func (p *Player) ResumeEntity(context.Context, string, engine.Act) error { return refused() }

// PauseSchedule is refused.
func (p *Player) PauseSchedule(context.Context, engine.Act) error { return refused() }

// ResumeSchedule is refused.
func (p *Player) ResumeSchedule(context.Context, engine.Act) error { return refused() }

// SetPolicy is refused.
func (p *Player) SetPolicy(context.Context, string, string, engine.Act) error { return refused() }

// RetryQuarantine is refused.
func (p *Player) RetryQuarantine(context.Context, engine.QuarantineSelection, engine.Act) (int64, error) {
	return 0, refused()
}

// Waive is refused.
func (p *Player) Waive(context.Context, engine.QuarantineSelection, engine.Act, bool) (int64, error) {
	return 0, refused()
}

// SetRule is refused.
func (p *Player) SetRule(context.Context, string, string, engine.Act) error { return refused() }

// StartCheck is refused.
func (p *Player) StartCheck(context.Context, engine.CheckOptions) (engine.RunID, error) {
	return 0, refused()
}

// Recheck is refused.
func (p *Player) Recheck(context.Context, engine.DiscrepancySelection, engine.Act) (engine.RunID, error) {
	return 0, refused()
}

// Acknowledge is refused.
func (p *Player) Acknowledge(context.Context, engine.DiscrepancySelection, time.Time, bool, engine.Act) (int64, error) {
	return 0, refused()
}

// PlanRepair is refused.
func (p *Player) PlanRepair(context.Context, engine.DiscrepancySelection, engine.RepairOptions, engine.Act) (*engine.RepairPlan, error) {
	return nil, refused()
}

// ApplyRepair is refused.
func (p *Player) ApplyRepair(context.Context, int64, string, string, engine.Act) (engine.RunID, error) {
	return 0, refused()
}

// TestAlerts is refused.
func (p *Player) TestAlerts(context.Context, engine.Act) ([]engine.DeliveryView, error) {
	return nil, refused()
}

// StartRehearsal is refused.
func (p *Player) StartRehearsal(context.Context, engine.RehearsalOptions) (engine.RunID, error) {
	return 0, refused()
}

// RerunGate is refused.
func (p *Player) RerunGate(context.Context, engine.Act, engine.GateName) error { return refused() }

// Seal is refused.
func (p *Player) Seal(context.Context, string, engine.Act) error { return refused() }

// Unseal is refused.
func (p *Player) Unseal(context.Context, string, engine.UnsealOptions, engine.Act) (engine.Unsealed, error) {
	return engine.Unsealed{}, refused()
}
