package tuitest

import (
	"context"
	"fmt"
	"slices"

	"ferry/engine"
)

// Alert gives the alerts that there are, newest first, and what becomes of a test on each channel.
func (o *Operator) Alert(tested []engine.DeliveryView, alerts ...engine.AlertView) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.alerts, o.tested = alerts, tested
}

// Alerts gives a page of what Alert was given.
func (o *Operator) Alerts(_ context.Context, before int64, limit int) ([]engine.AlertView, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.read(fmt.Sprintf("alerts before %d", before)); err != nil {
		return nil, err
	}
	var page []engine.AlertView
	for _, a := range o.alerts {
		if (before == 0 || a.ID < before) && len(page) < limit {
			page = append(page, a)
		}
	}
	return page, nil
}

// TestAlerts is noted; it gives what Alert was given.
func (o *Operator) TestAlerts(_ context.Context, act engine.Act) ([]engine.DeliveryView, error) {
	err := o.take(Call{Action: "test alerts", Act: act})
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.tested), err
}
