package check

import (
	"fmt"

	"ferry/engine"
)

// Judge gives a check's verdict, and why it could not check. While it goes on there is none.
//
// What is settled is wrong however the check ended. Nothing else is a verdict unless every row was compared and nothing may be
// a change under way.
func Judge(v *engine.CheckView) (engine.Verdict, string) {
	switch {
	case v.State.Active():
		return "", ""
	case v.Settled > 0:
		return engine.Fail, ""
	case v.State == engine.RunFailed:
		return engine.CouldNotCheck, "it failed: " + v.Error
	case v.State != engine.RunDone:
		return engine.CouldNotCheck, fmt.Sprintf("it was %s when %s of the ids were compared", v.State, Percent(v.Coverage))
	case v.Coverage < 1:
		return engine.CouldNotCheck, fmt.Sprintf("only %s of the ids were compared in the time that it had", Percent(v.Coverage))
	case v.InFlight > 0 && v.Why != "":
		return engine.CouldNotCheck, v.Why
	case v.InFlight > 0:
		return engine.CouldNotCheck, differ(v.InFlight) + " may be changes under way"
	}
	return engine.Pass, ""
}

// Percent is a share in words: never 100 % unless it is all, never 0 % unless it is nothing.
func Percent(share float64) string {
	switch {
	case share >= 1:
		return "100 %"
	case share > 0.999:
		return "99.9 %"
	case share > 0 && share < 0.001:
		return "less than 0.1 %"
	}
	return fmt.Sprintf("%.1f %%", 100*share)
}

// JudgeProof gives the verdict on what is proven at this moment, and why it is unknown or what failed. inFlight are rows that
// no check is confirming any more.
func JudgeProof(p *engine.ProofView, inFlight int64) (engine.Verdict, string) {
	switch {
	case p.Settled == 1:
		return engine.Fail, "1 row differs; `ferry discrepancies list` shows it"
	case p.Settled > 1:
		return engine.Fail, fmt.Sprintf("%d rows differ; `ferry discrepancies list` shows them", p.Settled)
	case p.NewestAt.IsZero():
		return engine.CouldNotCheck, "nothing was ever compared; `ferry check` does it"
	case !p.RepairedAt.IsZero() && p.CleanAt.IsZero():
		return engine.CouldNotCheck, "rows were repaired, and no whole check has found everything equal since; `ferry check` looks"
	case p.Coverage < 1:
		return engine.CouldNotCheck, fmt.Sprintf("only %s of the ids were compared in the last %s; `ferry check` compares all", Percent(p.Coverage), p.MaxAge)
	case inFlight > 0:
		return engine.CouldNotCheck, differ(inFlight) + " may be changes under way; `ferry check` looks again"
	}
	return engine.Pass, ""
}
