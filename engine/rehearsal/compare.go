package rehearsal

import (
	"time"

	"ferry/engine"
)

// Comparison sets two rehearsals side by side.
type Comparison struct {
	A, B   *engine.RehearsalView
	Steps  []StepPair
	Gates  []GatePair
	Window engine.Maybe[time.Duration] // of B, less that of A; unknown where one is
}

// StepPair is one step of two rehearsals.
type StepPair struct {
	Name   engine.RehearsalStepName
	A, B   engine.RehearsalStep
	Change engine.Maybe[time.Duration] // how much longer B took; unknown where one of them did not end
}

// GatePair is one gate of two rehearsals. One that only one of them has is empty in the other.
type GatePair struct {
	Name engine.GateName
	A, B engine.RehearsalGate
}

// Changed reports whether the two say something else.
func (p GatePair) Changed() bool { return p.A.Verdict != p.B.Verdict }

// Compare sets two rehearsals side by side, step by step and gate by gate.
func Compare(a, b *engine.RehearsalView) Comparison {
	c := Comparison{A: a, B: b, Window: less(b.Window, a.Window)}
	for _, name := range Steps() {
		p := StepPair{Name: name}
		if s := a.Step(name); s != nil {
			p.A = *s
		}
		if s := b.Step(name); s != nil {
			p.B = *s
		}
		if p.A.State == engine.RehearsalDone && p.B.State == engine.RehearsalDone {
			p.Change = less(p.B.Took(), p.A.Took())
		}
		c.Steps = append(c.Steps, p)
	}
	for _, name := range engine.Gates {
		ga, gb := a.Gate(name), b.Gate(name)
		if ga == nil && gb == nil {
			continue
		}
		p := GatePair{Name: name}
		if ga != nil {
			p.A = *ga
		}
		if gb != nil {
			p.B = *gb
		}
		c.Gates = append(c.Gates, p)
	}
	return c
}

func less(b, a engine.Maybe[time.Duration]) engine.Maybe[time.Duration] {
	if !a.Known || !b.Known {
		return engine.Maybe[time.Duration]{}
	}
	return engine.Known(b.Value - a.Value)
}
