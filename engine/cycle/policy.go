package cycle

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"ferry/engine"
	"ferry/engine/monitor"
)

// Deletes is what is done about engine rows whose source row is gone.
type Deletes string

// What is done.
const (
	DeletesReport Deletes = "report" // they are listed, and stay
	DeletesDelete Deletes = "delete" // they leave
)

// Policies are what is done about rows that are gone or refused, and how many of them are too many. Like the rules they
// are the engine database's, and frozen into each run.
type Policies struct {
	Deletes      Deletes       `json:"deletes"`
	VanishShare  float64       `json:"vanish_share"`  // a run that misses a larger share of an entity's rows (and more than a hundred) stops and asks …
	VanishRows   int64         `json:"vanish_rows"`   // … or more rows than this
	RefusedShare float64       `json:"refused_share"` // a run pauses if the engine database refuses a larger share of a step's rows
	SweepEvery   time.Duration `json:"sweep_every"`   // all ids of both sides are compared at least so often
	ProofAge     time.Duration `json:"proof_age"`     // a range of ids that was compared longer ago is no longer proven
	ProofEvery   time.Duration `json:"proof_every"`   // every range is compared at least so often, by itself; 0: only when asked

	// How fast runs go counts at once, for those under way too, so it is not frozen into them.
	Throttle  int64 `json:"-"` // source rows a second at most, of all workers of all processes together; 0: no limit
	BatchRows int64 `json:"-"` // rows of a batch at most; 0: batches adapt by themselves

	// Levels are when somebody is told. They decide nothing in a run, so they are not frozen into it.
	Levels monitor.Thresholds `json:"-"`
}

// vanishFew is how many rows may vanish whatever their share: of a small table a few are a large one.
const vanishFew = 100

// refusedFew is how many refusals are too few to say anything of the engine database.
const refusedFew = 100

// DefaultPolicies are those of an engine database that says nothing else.
func DefaultPolicies() Policies {
	return Policies{
		Deletes: DeletesReport, VanishShare: 0.001, VanishRows: 10_000, RefusedShare: 0.01, SweepEvery: time.Hour,
		ProofAge: 24 * time.Hour, ProofEvery: time.Hour, Levels: monitor.Default(),
	}
}

// TooManyVanished reports whether so many of an entity's rows vanished that a run must ask.
func (p Policies) TooManyVanished(vanished, rows int64) bool {
	return vanished > p.VanishRows || vanished > vanishFew && float64(vanished) > p.VanishShare*float64(rows)
}

// TooManyRefused reports whether the engine database refused so many rows that the fault is hardly the rows'.
func (p Policies) TooManyRefused(refused, read int64) bool {
	return refused >= refusedFew && float64(refused) > p.RefusedShare*float64(read)
}

// policy is one of the policies by its name in the engine database and in the config.
type policy struct {
	get func(Policies) string
	set func(*Policies, string) error
}

var policies = map[string]policy{
	"deletes": {
		func(p Policies) string { return string(p.Deletes) },
		func(p *Policies, text string) error {
			if d := Deletes(text); d != DeletesReport && d != DeletesDelete {
				return fmt.Errorf("%q is neither %s nor %s", text, DeletesReport, DeletesDelete)
			}
			p.Deletes = Deletes(text)
			return nil
		},
	},
	"vanish-share":  share(func(p *Policies) *float64 { return &p.VanishShare }),
	"refused-share": share(func(p *Policies) *float64 { return &p.RefusedShare }),
	"vanish-rows": {
		func(p Policies) string { return strconv.FormatInt(p.VanishRows, 10) },
		func(p *Policies, text string) error {
			n, err := strconv.ParseInt(text, 10, 64)
			if err != nil || n < 0 {
				return fmt.Errorf("%q is no number of rows", text)
			}
			p.VanishRows = n
			return nil
		},
	},
	engine.PolicyThrottle:  bound(func(p *Policies) *int64 { return &p.Throttle }, "none", 1, "rows a second, such as 2000"),
	engine.PolicyBatchRows: bound(func(p *Policies) *int64 { return &p.BatchRows }, "auto", leastBatchRows, "rows, such as 5000"),
	"sweep-every":          span(func(p *Policies) *time.Duration { return &p.SweepEvery }),
	"proof-age":            span(func(p *Policies) *time.Duration { return &p.ProofAge }),
	"proof-every": {
		func(p Policies) string { return p.ProofEvery.String() },
		func(p *Policies, text string) error {
			d, err := time.ParseDuration(text)
			if err != nil || d < 0 || d > 0 && d < leastProofEvery {
				return fmt.Errorf("%q is no duration such as 1h, at least %s, or 0 for never", text, leastProofEvery)
			}
			p.ProofEvery = d
			return nil
		},
	},
}

// leastProofEvery is how often everything may be compared by itself: more often it would do little else.
const leastProofEvery = time.Second

// leastBatchRows is how narrow batches may be made: below it each costs more than its rows.
const leastBatchRows = 100

// bound is a number that bounds something, or a word, or 0, for no bound.
func bound(at func(*Policies) *int64, unbound string, least int64, what string) policy {
	return policy{
		func(p Policies) string {
			if n := *at(&p); n > 0 {
				return strconv.FormatInt(n, 10)
			}
			return unbound
		},
		func(p *Policies, text string) error {
			if text == unbound {
				text = "0"
			}
			n, err := strconv.ParseInt(text, 10, 64)
			if err != nil || n != 0 && n < least {
				return fmt.Errorf("%q is no number of %s, at least %d, or %s", text, what, least, unbound)
			}
			*at(p) = n
			return nil
		},
	}
}

func span(at func(*Policies) *time.Duration) policy {
	return policy{
		func(p Policies) string { return at(&p).String() },
		func(p *Policies, text string) error {
			d, err := time.ParseDuration(text)
			if err != nil || d <= 0 {
				return fmt.Errorf("%q is no duration such as 1h", text)
			}
			*at(p) = d
			return nil
		},
	}
}

func share(at func(*Policies) *float64) policy {
	return policy{
		func(p Policies) string { return strconv.FormatFloat(*at(&p), 'f', -1, 64) },
		func(p *Policies, text string) error {
			v, err := strconv.ParseFloat(text, 64)
			if err != nil || v < 0 || v > 1 {
				return fmt.Errorf("%q is no share from 0 to 1", text)
			}
			*at(p) = v
			return nil
		},
	}
}

// PolicyNames lists the policies.
func PolicyNames() []string {
	names := append(slices.Collect(maps.Keys(policies)), monitor.Names()...)
	slices.Sort(names)
	return names
}

// Get is a policy's value as text.
func (p Policies) Get(name string) string {
	if one, ok := policies[name]; ok {
		return one.get(p)
	}
	return p.Levels.Get(name)
}

// Set gives a policy a value, by name. It fails for a name or a value that does not exist.
func (p *Policies) Set(name, text string) error {
	one, ok := policies[name]
	if !ok {
		if found, err := p.Levels.Set(name, text); err != nil {
			return fmt.Errorf("policy %s: %w", name, err)
		} else if found {
			return nil
		}
		return fmt.Errorf("no policy %q; `ferry config default` shows them all", name)
	}
	if err := one.set(p, text); err != nil {
		return fmt.Errorf("policy %s: %w", name, err)
	}
	return nil
}
