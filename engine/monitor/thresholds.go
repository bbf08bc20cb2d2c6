package monitor

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"ferry/engine"
	"ferry/engine/entity"
)

// Thresholds are the lines at which a service level is missed or somebody is told, and how often they are. They are
// policies of the engine database.
type Thresholds struct {
	AgreementTarget PerEntity // a smaller share of agreeing rows is off target …
	AgreementAlert  PerEntity // … and below this one somebody is told
	RejectedShare   PerEntity // a larger share of rejected rows is told

	FreshTarget      time.Duration // an engine that may be later is off target …
	FreshAlert       time.Duration // … and beyond this somebody is told
	FailedTicks      int           // so many ticks that fail one behind the other are told …
	FailedShare      float64       // … and a larger share of the last hour's
	PinnedAfter      time.Duration // a floor that stands still for longer is told
	TransactionAfter time.Duration // a transaction of ferry's at the source that is open for longer is told
	UnreachableAfter time.Duration // a database that does not answer for longer is told
	PausedAfter      time.Duration // ticks that are held back for longer are told

	ClearAfter    time.Duration // an alert ends once all has been well for so long
	QuietCritical time.Duration // what fires again within so long of the last message about it is not told …
	QuietWarning  time.Duration // … by severity
	QuietInfo     time.Duration
	Remind        time.Duration // what stays critical is told again so often
}

// PerEntity is a share, which some entities have of their own.
type PerEntity struct {
	All float64
	Of  map[string]float64 // by source table
}

// For is the share of an entity.
func (p PerEntity) For(name string) float64 {
	if own, ok := p.Of[name]; ok {
		return own
	}
	return p.All
}

// Default gives the thresholds of an engine database that says nothing else.
func Default() Thresholds {
	return Thresholds{
		AgreementTarget: PerEntity{All: 0.999}, AgreementAlert: PerEntity{All: 0.99}, RejectedShare: PerEntity{All: 0.01},
		FreshTarget: time.Minute, FreshAlert: 5 * time.Minute, FailedTicks: 3, FailedShare: 0.5, PinnedAfter: 10 * time.Minute,
		TransactionAfter: 10 * time.Second, UnreachableAfter: time.Minute, PausedAfter: time.Hour, ClearAfter: 5 * time.Minute,
		QuietCritical: 5 * time.Minute, QuietWarning: time.Hour, QuietInfo: 6 * time.Hour, Remind: time.Hour,
	}
}

// Quiet is the quiet period of a severity.
func (t Thresholds) Quiet(s engine.Severity) time.Duration {
	switch s {
	case engine.SeverityCritical:
		return t.QuietCritical
	case engine.SeverityWarning:
		return t.QuietWarning
	case engine.SeverityInfo:
	}
	return t.QuietInfo
}

// threshold is one of them by its name, which is its policy's.
type threshold struct {
	usage string
	get   func(Thresholds) string
	set   func(*Thresholds, string) error
}

var thresholds = func() map[string]threshold {
	out := map[string]threshold{
		"fresh-target": span("An engine that may be further behind the source is off target.",
			func(t *Thresholds) *time.Duration { return &t.FreshTarget }),
		"fresh-alert": span("An engine that may be further behind the source is told.",
			func(t *Thresholds) *time.Duration { return &t.FreshAlert }),
		"floor-pinned-after": span("A floor that stands still for longer is told.",
			func(t *Thresholds) *time.Duration { return &t.PinnedAfter }),
		"transaction-after": span("A transaction of ferry's at the source that is open for longer is told.",
			func(t *Thresholds) *time.Duration { return &t.TransactionAfter }),
		"unreachable-after": span("A database that does not answer for longer is told.",
			func(t *Thresholds) *time.Duration { return &t.UnreachableAfter }),
		"schedule-paused-after": span("Ticks that are held back for longer are told.",
			func(t *Thresholds) *time.Duration { return &t.PausedAfter }),
		"alert-clear-after": span("An alert ends once all has been well for so long.",
			func(t *Thresholds) *time.Duration { return &t.ClearAfter }),
		"alert-quiet-critical": span("What is critical again within so long of the last message about it is told only behind it.",
			func(t *Thresholds) *time.Duration { return &t.QuietCritical }),
		"alert-quiet-warning": span("What warns again within so long of the last message about it is told only behind it.",
			func(t *Thresholds) *time.Duration { return &t.QuietWarning }),
		"alert-quiet-info": span("What informs again within so long of the last message about it is told only behind it.",
			func(t *Thresholds) *time.Duration { return &t.QuietInfo }),
		"alert-remind": span("What stays critical is told again so often.",
			func(t *Thresholds) *time.Duration { return &t.Remind }),
		"failed-share": part("A larger share of failed ticks in an hour is told.",
			func(t *Thresholds) *float64 { return &t.FailedShare }),
		"failed-ticks": {
			"So many ticks that fail one behind the other are told.",
			func(t Thresholds) string { return strconv.Itoa(t.FailedTicks) },
			func(t *Thresholds, text string) error {
				n, err := strconv.Atoi(text)
				if err != nil || n < 1 {
					return fmt.Errorf("%q is no number of ticks", text)
				}
				t.FailedTicks = n
				return nil
			},
		},
	}
	perEntity(out, "agreement-target", "A smaller share of agreeing rows%s is off target.",
		func(t *Thresholds) *PerEntity { return &t.AgreementTarget })
	perEntity(out, "agreement-alert", "A smaller share of agreeing rows%s is told.",
		func(t *Thresholds) *PerEntity { return &t.AgreementAlert })
	perEntity(out, "rejected-share", "A larger share of rejected rows%s is told, and ends a sync with exit code 3.",
		func(t *Thresholds) *PerEntity { return &t.RejectedShare })
	return out
}()

func span(usage string, at func(*Thresholds) *time.Duration) threshold {
	return threshold{
		usage,
		func(t Thresholds) string { return at(&t).String() },
		func(t *Thresholds, text string) error {
			d, err := time.ParseDuration(text)
			if err != nil || d < 0 {
				return fmt.Errorf("%q is no duration such as 5m", text)
			}
			*at(t) = d
			return nil
		},
	}
}

func part(usage string, at func(*Thresholds) *float64) threshold {
	return threshold{
		usage,
		func(t Thresholds) string { return share(*at(&t)) },
		func(t *Thresholds, text string) (err error) {
			*at(t), err = parseShare(text)
			return err
		},
	}
}

// perEntity adds a share for all entities, and one for each.
func perEntity(out map[string]threshold, name, usage string, at func(*Thresholds) *PerEntity) {
	out[name] = part(fmt.Sprintf(usage, ""), func(t *Thresholds) *float64 { return &at(t).All })
	for _, e := range entity.All() {
		out[name+"-"+strings.ReplaceAll(e.Name, "_", "-")] = threshold{
			fmt.Sprintf(usage, " of "+e.Name),
			func(t Thresholds) string { return share(at(&t).For(e.Name)) },
			func(t *Thresholds, text string) error {
				v, err := parseShare(text)
				if err != nil {
					return err
				}
				p := at(t)
				own := maps.Clone(p.Of) // copies of the thresholds share the map
				if own == nil {
					own = map[string]float64{}
				}
				own[e.Name] = v
				p.Of = own
				return nil
			},
		}
	}
}

func share(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

func parseShare(text string) (float64, error) {
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || !(v >= 0 && v <= 1) {
		return 0, fmt.Errorf("%q is no share from 0 to 1", text)
	}
	return v, nil
}

// Names lists the thresholds by the names of their policies.
func Names() []string { return slices.Sorted(maps.Keys(thresholds)) }

// Usage says in a line what a threshold decides; empty if there is none of that name.
func Usage(name string) string { return thresholds[name].usage }

// Get is a threshold as text; empty if there is none of that name.
func (t Thresholds) Get(name string) string {
	if one, ok := thresholds[name]; ok {
		return one.get(t)
	}
	return ""
}

// Set gives a threshold another value, by name. It reports whether there is one of that name.
func (t *Thresholds) Set(name, text string) (bool, error) {
	one, ok := thresholds[name]
	if !ok {
		return false, nil
	}
	return true, one.set(t, text)
}
