package core

import "context"

// CheckState says how one part of the system is.
type CheckState string

// The states of a check.
const (
	CheckOK      CheckState = "ok"
	CheckSkipped CheckState = "skipped" // it was not looked at, or does not matter here; the value says why
	CheckWarning CheckState = "warning" // it works, but not for everything or not for long
	CheckFailed  CheckState = "failed"  // something needed is missing or broken
)

// Check is what one look at the system found. It holds no secret.
type Check struct {
	Area  CheckArea
	Name  string // what was looked at, "git"
	State CheckState
	Value string // what was found, in a few words
	Fix   string // the one thing to do; empty if there is nothing
}

// CheckArea groups checks for readers.
type CheckArea string

// The areas.
const (
	AreaSettings CheckArea = "settings"
	AreaMachine  CheckArea = "machine"
	AreaStorage  CheckArea = "storage"
	AreaNetwork  CheckArea = "network"
	AreaSources  CheckArea = "sources"
	AreaRunners  CheckArea = "runners"
)

// CheckAreas lists the areas in the order in which people read them.
func CheckAreas() []CheckArea {
	return []CheckArea{AreaSettings, AreaMachine, AreaStorage, AreaNetwork, AreaSources, AreaRunners}
}

// Probe is a check that can be made, as often as wanted and beside others. Look gives
// up when ctx ends, and fills in all but area and name.
type Probe struct {
	Area CheckArea
	Name string
	Look func(ctx context.Context) Check
}

// Good is a check that found what it wanted.
func Good(value string) Check { return Check{State: CheckOK, Value: value} }

// Skip is a check that was not made, for the reason.
func Skip(reason string) Check { return Check{State: CheckSkipped, Value: reason} }

// Warn is a check that found something that will be missed some day.
func Warn(value, fix string) Check { return Check{State: CheckWarning, Value: value, Fix: fix} }

// Fail is a check that found something needed missing or broken.
func Fail(value, fix string) Check { return Check{State: CheckFailed, Value: value, Fix: fix} }

// Worst is CheckFailed if one check is, else CheckWarning if one is, else CheckOK.
func Worst(checks []Check) CheckState {
	worst := CheckOK
	for _, c := range checks {
		if c.State == CheckFailed || c.State == CheckWarning && worst == CheckOK {
			worst = c.State
		}
	}
	return worst
}
