package engine

import "slices"

// Verdict is the answer of a check. "Could not check" is never a pass.
type Verdict string

// The verdicts.
const (
	Pass          Verdict = "pass"
	Fail          Verdict = "fail"
	CouldNotCheck Verdict = "could not check"
)

// PreflightLine is one precondition with its figure.
type PreflightLine struct {
	Name    string // what was looked at: "source: privileges"
	Verdict Verdict
	Found   string // the figure, or what is wrong
	Advice  string // what to do about it; empty if nothing
	Unsafe  bool   // a failure that means the source could be written: exit code 4
}

// Preflight is the whole of the preconditions.
type Preflight []PreflightLine

// Failed reports whether any line fails; lines that could not be checked do not.
func (p Preflight) Failed() bool {
	return slices.ContainsFunc(p, func(l PreflightLine) bool { return l.Verdict == Fail })
}

// Unsafe reports whether the source could be written.
func (p Preflight) Unsafe() bool {
	return slices.ContainsFunc(p, func(l PreflightLine) bool { return l.Verdict == Fail && l.Unsafe })
}
