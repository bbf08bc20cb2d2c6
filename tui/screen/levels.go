package screen

import (
	"time"

	"ferry/engine"
	"ferry/tui/widget"
)

// FreshLevel is the service level of freshness: what is committed in the source is in the engine before so long.
const FreshLevel = time.Minute

// RejectedLevel is the share of an entity's rows that may be rejected, where nothing else is configured.
const RejectedLevel = 0.01

// Fresh is the bound of how late the engine is, as "≤ 14s"; unknown as "–". It reports whether the level is kept, which an
// unknown bound does not deny.
func (s Sight) Fresh() (text string, kept bool) {
	bound := s.Snapshot.Freshness.Bound(s.Now)
	if !bound.Known {
		return widget.Unknown, true
	}
	return "≤ " + widget.Duration(bound.Value), bound.Value < FreshLevel
}

// RejectedLimit is the share of an entity's rows that may be rejected.
func (s Sight) RejectedLimit() float64 {
	if s.RejectedLevel == 0 {
		return RejectedLevel
	}
	return s.RejectedLevel
}

// Rejected writes an entity's share of rejected rows, with the digits that say on which side of its limit it is.
func (s Sight) Rejected(e engine.EntityView) string {
	return widget.ShareBeside(e.RejectedShare(), s.RejectedLimit())
}

// TooMany reports whether more of an entity's rows are rejected than its limit allows.
func (s Sight) TooMany(e engine.EntityView) bool {
	share := e.RejectedShare()
	return share.Known && share.Value > s.RejectedLimit()
}

// Worst is the entity that is furthest above the limit of rejected rows, or nil.
func (s Sight) Worst() *engine.EntityView {
	var worst *engine.EntityView
	for i := range s.Snapshot.Entities {
		e := &s.Snapshot.Entities[i]
		if s.TooMany(*e) && (worst == nil || e.RejectedShare().Value > worst.RejectedShare().Value) {
			worst = e
		}
	}
	return worst
}
