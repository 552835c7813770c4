package app

import (
	"context"
	"fmt"
	"strings"

	"github.com/oore-ci/oore/app/core"
)

// checkServers tells which servers work on the database, and in what they differ.
func (a *App) checkServers(ctx context.Context) core.Check {
	all, err := a.Servers(ctx)
	if err != nil {
		return core.Fail(core.MessageOf(err), "")
	}
	if len(all) == 0 {
		return core.Skip("none is at work on a PostgreSQL now")
	}
	var names []string
	for _, s := range all {
		names = append(names, s.Name)
	}
	value := fmt.Sprintf("%d on this database: %s", len(all), strings.Join(names, ", "))
	for _, s := range all[1:] {
		if c := differs(value, all[0], s); c.State != core.CheckOK {
			return c
		}
	}
	return core.Good(value)
}

// differs says in what two servers must not differ, or should not for long.
func differs(value string, a, b core.Server) core.Check {
	and := a.Name + " and " + b.Name
	switch {
	case a.KeyID != b.KeyID:
		return core.Fail(value+"; "+and+" have different encryption keys", "Give both the same OORE_ENCRYPTION_KEY, or what one stores the other cannot read")
	case a.Blobs != b.Blobs:
		return core.Fail(value+"; "+and+" keep artifacts and logs in different places", "Set OORE_BLOB_URL of both to the same bucket or shared folder")
	case a.PublicURL != b.PublicURL:
		return core.Warn(value+"; "+and+" have different public addresses", "Set OORE_PUBLIC_URL of both to the address of the proxy before them: it is in links, statuses and webhooks")
	case a.Sources != b.Sources:
		return core.Warn(value+"; the settings of "+and+" connect different forges", "Give both the same OORE_GITHUB_… and OORE_GITLAB_… settings: what one lacks it forgets at its start")
	case a.Version != b.Version:
		return core.Warn(fmt.Sprintf("%s; %s is version %s, %s is %s", value, a.Name, a.Version, b.Name, b.Version), "Upgrade the others too")
	}
	return core.Good(value)
}
