package main

import (
	"cmp"
	"context"
	"log/slog"
	"strings"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/runner"
)

// runnerProbes are those of a machine that runs builds for a server elsewhere. besides
// tells that it is a server too, whose probes see to the machine.
func runnerProbes(cfg runnerConfig, joined membership, besides bool) []core.Probe {
	server := cmp.Or(cfg.Server, joined.Server)
	probes := []core.Probe{{Area: core.AreaNetwork, Name: "server of the runner", Look: func(ctx context.Context) core.Check {
		return checkMembership(ctx, server, joined.Token)
	}}}
	if besides {
		return probes
	}
	probes = append(probes, runner.Probes(cfg.DataDir, cfg.sandbox())...)
	probes = append(probes, folderProbes(cfg.DataDir, checkDisk)...)
	return append(probes, core.Probe{Area: core.AreaNetwork, Name: "clock", Look: func(ctx context.Context) core.Check {
		return compareClocks(ctx, nil, []string{server})
	}})
}

func checkMembership(ctx context.Context, server, token string) core.Check {
	if server == "" {
		return core.Fail("it is not known", "Set OORE_SERVER to the server's address")
	}
	if token == "" {
		return core.Warn(server+" does not know this machine yet", "Register it: oore runner --server "+server+" --token TOKEN")
	}
	remote, err := runner.NewRemote(runner.RemoteOptions{Server: server, Token: token, Version: version, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return core.Fail(err.Error(), "Set OORE_SERVER to the server's address")
	}
	self, err := remote.Self(ctx)
	if kind := core.KindOf(err); kind == core.KindUnauthorized || kind == core.KindForbidden || kind == core.KindNotFound {
		return core.Fail(server+" turns this runner away: "+core.MessageOf(err), "Delete runner.json in the data folder and register it again")
	}
	if err != nil {
		return core.Fail(server+": "+core.MessageOf(err), "Check that the server runs, and that this machine reaches it")
	}
	value := server + ", as " + self.Name + " with " + strings.Join(self.Labels, ", ")
	if isPlain(server) {
		return core.Warn(value+", over plain HTTP: whoever listens on the way reads tokens and secrets", "Put HTTPS before the server")
	}
	return core.Good(value)
}
