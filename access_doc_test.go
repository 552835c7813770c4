package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/oore-ci/oore/app/core"
)

// TestTheManualShowsTheMatrix asks the rule itself for every cell of the table in
// docs/access.md.
func TestTheManualShowsTheMatrix(t *testing.T) {
	roles := []core.Role{core.RoleViewer, core.RoleDeveloper, core.RoleMaintainer, core.RoleAdmin, core.RoleOwner}
	var table strings.Builder
	table.WriteString("| | viewer | developer | maintainer | admin | owner |\n| --- | --- | --- | --- | --- | --- |\n")
	for _, rule := range core.Rules() {
		fmt.Fprintf(&table, "| %s |", rule.What)
		project := &core.Project{ID: "p"}
		for _, role := range roles {
			actor := core.Actor{Kind: core.ActorUser, Role: role}
			if role == core.RoleMaintainer { // nobody is one outside a project
				actor = core.Actor{Kind: core.ActorUser, Role: core.RoleViewer, Projects: map[string]core.Role{"p": role}}
			}
			if core.Allow(actor, rule.Action, project) == nil {
				table.WriteString(" yes |")
			} else {
				table.WriteString(" |")
			}
		}
		table.WriteString("\n")
	}
	manual, err := os.ReadFile("docs/access.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(manual), "\n"+table.String()+"\n") {
		t.Errorf("docs/access.md lacks this table, as the rules are now:\n%s", &table)
	}
	for _, action := range core.AuditActions() {
		if !strings.Contains(string(manual), "`"+string(action)+"`") {
			t.Errorf("docs/access.md does not name what is audited as %s", action)
		}
	}
}
