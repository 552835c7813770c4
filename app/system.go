package app

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/oore-ci/oore/app/core"
)

const (
	// CheckTime is how long the checks of a system may take together.
	CheckTime = 10 * time.Second
	// lastWords is what a check gets of it for saying that it has waited in vain.
	lastWords = 500 * time.Millisecond
)

// Checkup is what the system was found to be.
type Checkup struct {
	At     time.Time
	Checks []core.Check // area by area
}

// lastCheckup remembers it: of those who ask at once one looks, and all get what it
// found.
type lastCheckup struct {
	mu sync.Mutex
	Checkup
}

// CheckSystem looks at the server and all that it stands on. It takes up to CheckTime.
func (a *App) CheckSystem(ctx context.Context, actor core.Actor) (Checkup, error) {
	if err := core.Allow(actor, core.ActManageInstance, nil); err != nil {
		return Checkup{}, err
	}
	asked := a.now()
	a.checkup.mu.Lock()
	defer a.checkup.mu.Unlock()
	if !a.checkup.At.After(asked) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), CheckTime)
		defer cancel()
		a.checkup.Checkup = Checkup{Checks: Examine(ctx, append(a.Probes(ctx), a.probes...)), At: a.now()}
	}
	return a.checkup.Checkup, nil
}

// Examine makes all checks at once. It returns by the deadline of ctx, which it must
// have, whatever a check does.
func Examine(ctx context.Context, probes []core.Probe) []core.Check {
	end, _ := ctx.Deadline()
	inTime, cancel := context.WithDeadline(ctx, end.Add(-lastWords))
	defer cancel()
	type answer struct {
		i int
		core.Check
	}
	answers := make(chan answer, len(probes)) // nobody may be there to take one
	checks := make([]core.Check, len(probes))
	for i, p := range probes {
		checks[i] = core.Check{Area: p.Area, Name: p.Name, State: core.CheckFailed, Value: "gave no answer in time", Fix: "Try again; if it stays so, find out what makes it hang"}
		go func() { answers <- answer{i, look(inTime, p)} }()
	}
	for range probes {
		select {
		case a := <-answers:
			a.Area, a.Name = probes[a.i].Area, probes[a.i].Name
			checks[a.i] = a.Check
		case <-ctx.Done():
			return byArea(checks)
		}
	}
	return byArea(checks)
}

// look keeps a defect of one check from costing the others.
func look(ctx context.Context, p core.Probe) (c core.Check) {
	defer func() {
		if defect := recover(); defect != nil {
			c = core.Fail("could not be checked", fmt.Sprintf("This is a defect of Oore; please report it: %v", defect))
		}
	}()
	return p.Look(ctx)
}

func byArea(checks []core.Check) []core.Check {
	areas := core.CheckAreas()
	slices.SortStableFunc(checks, func(a, b core.Check) int { return slices.Index(areas, a.Area) - slices.Index(areas, b.Area) })
	return checks
}
