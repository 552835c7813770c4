package app

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/oore-ci/oore/app/core"
)

// Probes are the checks of what the commands know: what is connected, and who runs
// builds.
func (a *App) Probes(ctx context.Context) []core.Probe {
	probes := []core.Probe{
		{Area: core.AreaStorage, Name: "backup", Look: a.checkBackup},
		{Area: core.AreaStorage, Name: "artifacts and logs", Look: a.checkBlobs},
		{Area: core.AreaStorage, Name: "servers", Look: a.checkServers},
		{Area: core.AreaRunners, Name: "runners", Look: a.checkRunners},
		{Area: core.AreaRunners, Name: "labels", Look: a.checkLabels},
	}
	stored, err := a.store.ListIntegrations(ctx)
	if err != nil {
		failed := func(context.Context) core.Check { return core.Fail(core.MessageOf(err), "") }
		return append(probes, core.Probe{Area: core.AreaSources, Name: "sources", Look: failed})
	}
	all := a.given(stored)
	for _, i := range all {
		probes = append(probes, core.Probe{Area: core.AreaSources, Name: i.Host, Look: func(ctx context.Context) core.Check {
			return a.checkIntegration(ctx, i)
		}})
	}
	if len(all) == 0 {
		none := func(context.Context) core.Check {
			return core.Skip("none is connected; folders and plain Git addresses need none")
		}
		probes = append(probes, core.Probe{Area: core.AreaSources, Name: "sources", Look: none})
	}
	return probes
}

// given are the integrations that there are now: those stored, and those that the
// settings give for the first time.
func (a *App) given(stored []core.Integration) []core.Integration {
	all := slices.DeleteFunc(slices.Clone(stored), func(i core.Integration) bool { return i.Origin == core.OriginEnvironment })
	for _, c := range a.environmentConnections(stored) {
		all = append(all, c.Integration)
	}
	return all
}

// SourceAddresses are the addresses of the APIs of all that is connected.
func (a *App) SourceAddresses(ctx context.Context) ([]string, error) {
	stored, err := a.store.ListIntegrations(ctx)
	if err != nil {
		return nil, err
	}
	var all []string
	for _, i := range a.given(stored) {
		all = append(all, i.APIURL)
	}
	return all, nil
}

func (a *App) checkIntegration(ctx context.Context, i core.Integration) core.Check {
	c, err := a.connectionOf(i)
	if err != nil {
		return core.Fail(i.Name+" does not work", core.MessageOf(err))
	}
	check := CheckConnection(ctx, a.forges[i.Provider], c)
	if check.State != core.CheckOK {
		return check
	}
	if lacks := a.lacks(ctx, i); lacks != "" {
		return core.Warn(check.Value+": "+lacks, "Their owners can change that; Settings → Sources links to where")
	}
	return check
}

// CheckConnection asks a forge who we are there.
func CheckConnection(ctx context.Context, forge core.Forge, c core.Connection) core.Check {
	room, ok := forge.(core.Connector)
	if !ok {
		return core.Skip("this server knows no " + string(c.Provider))
	}
	seen, err := room.Inspect(ctx, c)
	switch kind := core.KindOf(err); {
	case err == nil && seen.Trouble != "":
		return core.Warn(seen.Name+" works for now", seen.Trouble)
	case err == nil:
		return core.Good(seen.Name)
	case kind == core.KindInvalid || kind == core.KindForbidden || kind == core.KindUnauthorized:
		return core.Fail(c.Name+" does not work", core.MessageOf(err))
	}
	return core.Fail(c.Name+" could not be asked: "+core.MessageOf(err), "Check that this machine reaches "+c.APIURL)
}

// lacks tells what an integration was found to lack when it was asked last.
func (a *App) lacks(ctx context.Context, i core.Integration) string {
	all, err := a.store.ListInstallations(ctx, i.ID)
	if err != nil {
		return core.MessageOf(err)
	}
	var lacks []string
	for _, one := range all {
		switch {
		case one.Suspended:
			lacks = append(lacks, one.Account+" has suspended it")
		case len(one.Missing) > 0:
			lacks = append(lacks, one.Account+" does not grant it "+strings.Join(one.Missing, ", "))
		}
	}
	return strings.Join(lacks, "; ")
}

func (a *App) checkRunners(ctx context.Context) core.Check {
	all, err := a.store.ListRunners(ctx)
	if err != nil {
		return core.Fail(core.MessageOf(err), "")
	}
	names := map[core.RunnerState][]string{}
	remote := false
	for _, r := range all {
		state := r.State(a.now())
		names[state] = append(names[state], r.Name)
		remote = remote || !r.Embedded
	}
	var parts []string
	for _, state := range []core.RunnerState{core.RunnerOnline, core.RunnerDraining, core.RunnerPaused, core.RunnerOffline} {
		if len(names[state]) > 0 {
			parts = append(parts, fmt.Sprintf("%s: %s", state, strings.Join(names[state], ", ")))
		}
	}
	value := strings.Join(parts, "; ")
	switch {
	case len(all) == 0:
		return core.Fail("there is none, so nothing is built", "Start the server with OORE_RUNNERS above 0, or add a machine: oore runner --help")
	case len(names[core.RunnerOnline]) == 0 && remote:
		return core.Fail(value, "Start the server, if it does not run, and one of them, or resume one on the page Runners")
	case len(names[core.RunnerOnline]) == 0:
		return core.Skip(value + " (it runs within the server)")
	case len(names[core.RunnerOffline]) > 0:
		return core.Warn(value, "Start what is offline, or delete it on the page Runners")
	}
	return core.Good(value)
}

// checkLabels finds pipelines whose builds no runner may take.
func (a *App) checkLabels(ctx context.Context) core.Check {
	runners, err := a.store.ListRunners(ctx)
	if err != nil {
		return core.Fail(core.MessageOf(err), "")
	}
	projects, _, err := a.store.ListProjects(ctx, core.Page{})
	if err != nil {
		return core.Fail(core.MessageOf(err), "")
	}
	checked, wanting := 0, []string(nil)
	for _, project := range projects {
		pipelines, err := a.store.ListPipelines(ctx, project.ID)
		if err != nil {
			return core.Fail(core.MessageOf(err), "")
		}
		for _, p := range pipelines {
			if !p.Enabled || len(p.Labels) == 0 {
				continue
			}
			checked++
			if !slices.ContainsFunc(runners, func(r core.Runner) bool { return offers(r, p.Labels) }) {
				wanting = append(wanting, fmt.Sprintf("%s / %s wants %s", project.Name, p.Name, strings.Join(p.Labels, ", ")))
			}
		}
	}
	switch {
	case len(wanting) > 0:
		return core.Fail(strings.Join(wanting, "; ")+": no runner has that", "Add a runner with these labels, or remove them from the pipeline")
	case checked == 0:
		return core.Good("no pipeline asks for any")
	}
	return core.Good(fmt.Sprintf("there are runners for all pipelines that ask for some (%d)", checked))
}

func offers(r core.Runner, labels []string) bool {
	has := r.AllLabels()
	return !slices.ContainsFunc(labels, func(label string) bool { return !slices.Contains(has, label) })
}
