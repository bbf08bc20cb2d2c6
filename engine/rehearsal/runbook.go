package rehearsal

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"

	"ferry/engine"
)

// Defaults of what a rehearsal is asked for, where no policy says otherwise.
const (
	DefaultDrift = 0.01
	DefaultQuiet = 15 * time.Second
	LeastQuiet   = 100 * time.Millisecond
)

// Steps lists the runbook.
func Steps() []engine.RehearsalStepName {
	return []engine.RehearsalStepName{
		engine.RehearsePreflight, engine.RehearseLoad, engine.RehearseFreeze, engine.RehearseCatchUp, engine.RehearseCheck,
		engine.RehearseLedger, engine.RehearseVerdict,
	}
}

// GatesOf lists the gates of a rehearsal: only what was frozen can have stood still.
func GatesOf(freeze engine.Freeze) []engine.GateName {
	var out []engine.GateName
	for _, g := range engine.Gates {
		if g != engine.GateStill || freeze != engine.FreezeNone {
			out = append(out, g)
		}
	}
	return out
}

// Inside reports whether a step is inside the freeze, so that the real cutover has to wait for it.
func Inside(step engine.RehearsalStepName) bool {
	switch step {
	case engine.RehearseCatchUp, engine.RehearseCheck, engine.RehearseLedger, engine.RehearseVerdict:
		return true
	case engine.RehearsePreflight, engine.RehearseLoad, engine.RehearseFreeze:
	}
	return false
}

// LimitsOf gives the thresholds of a rehearsal: what was asked for, else the policies' target of agreement and freshness.
func LimitsOf(o engine.RehearsalOptions, agreement float64, freshness time.Duration) engine.RehearsalLimits {
	return engine.RehearsalLimits{
		Agreement: o.Agreement.Or(agreement), Freshness: o.Freshness.Or(freshness), Drift: o.Drift.Or(DefaultDrift), Quiet: o.Quiet.Or(DefaultQuiet),
	}
}

// Check refuses options that mean nothing; it gives them with the way to freeze that is meant.
func Check(o engine.RehearsalOptions) (engine.RehearsalOptions, error) {
	o.Freeze = cmp.Or(o.Freeze, engine.FreezeDetect)
	share := func(v engine.Maybe[float64]) bool { return !v.Known || v.Value >= 0 && v.Value <= 1 }
	known := false
	for _, f := range engine.Freezes {
		known = known || f == o.Freeze
	}
	switch {
	case !known:
		return o, fmt.Errorf("freeze %q is none of %v", o.Freeze, engine.Freezes)
	case !share(o.Agreement):
		return o, fmt.Errorf("agreement %s: say which part of the rows must agree, from 0 %% to 100 %%", percent(o.Agreement.Value))
	case !share(o.Drift):
		return o, fmt.Errorf("drift %s: say which part of the cards may have drifted, from 0 %% to 100 %%", percent(o.Drift.Value))
	case o.Freshness.Known && o.Freshness.Value <= 0:
		return o, fmt.Errorf("freshness %s: say how late the engine may be, such as 60s", o.Freshness.Value)
	case o.Quiet.Known && o.Quiet.Value < LeastQuiet:
		return o, fmt.Errorf("quiet %s: say for how long nothing may be written, such as 15s", o.Quiet.Value)
	}
	return o, nil
}

// percent is a share as it was meant, however wrong it is.
func percent(share float64) string { return strconv.FormatFloat(100*share, 'g', 6, 64) + " %" }

// Question is what an operator is asked where the freeze is confirmed.
func Question(id engine.RunID) string {
	return fmt.Sprintf("Is Odoo frozen? Stop everything that writes to it, then `ferry answer %d accept`; `ferry answer %[1]d stop` aborts the rehearsal.", id)
}

// Window is how long the real cutover keeps Odoo frozen: the steps inside the freeze, without the time in which nobody carried
// them out. It is unknown until they all have ended well, and where nothing was frozen; sum is of those that have.
func Window(v *engine.RehearsalView) (sum time.Duration, whole engine.Maybe[time.Duration]) {
	if v.Freeze == engine.FreezeNone {
		return 0, whole
	}
	all := true
	for _, s := range v.Steps {
		if !Inside(s.Name) {
			continue
		}
		took := s.Took()
		if s.State != engine.RehearsalDone || !took.Known {
			all = false
			continue
		}
		sum += took.Value
	}
	if all && len(v.Steps) > 0 {
		whole = engine.Known(sum)
	}
	return sum, whole
}

// Decide gives a rehearsal's verdict, and what stands against a GO. Nothing is a GO but every step done and every gate passed.
func Decide(steps []engine.RehearsalStep, gates []engine.RehearsalGate) (engine.Verdict, string) {
	for _, s := range steps {
		if s.State == engine.RehearsalFailed {
			return engine.Fail, fmt.Sprintf("step %s failed: %s", s.Name, s.Found)
		}
	}
	var failed, unknown []engine.RehearsalGate
	for _, g := range gates {
		switch g.Verdict {
		case engine.Pass:
		case engine.Fail:
			failed = append(failed, g)
		case engine.CouldNotCheck:
			unknown = append(unknown, g)
		default: // not measured
			unknown = append(unknown, g)
		}
	}
	switch {
	case len(failed) > 0:
		return engine.Fail, told(append(failed, unknown...))
	case len(unknown) > 0:
		return engine.CouldNotCheck, told(unknown)
	case len(gates) == 0:
		return engine.CouldNotCheck, "no gate was measured"
	}
	return engine.Pass, ""
}

func told(gates []engine.RehearsalGate) string {
	parts := make([]string, len(gates))
	for i, g := range gates {
		switch {
		case g.Verdict == engine.Fail:
			parts[i] = fmt.Sprintf("%s: %s, wanted %s", g.Name, g.Figure, g.Threshold)
		case g.Evidence != "":
			parts[i] = fmt.Sprintf("%s: could not check, %s", g.Name, g.Evidence)
		default:
			parts[i] = fmt.Sprintf("%s: not measured", g.Name)
		}
	}
	return strings.Join(parts, "; ")
}
