package core

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestTheTableOfVerbsAgreesWithItself(t *testing.T) {
	names := map[string]string{}
	for _, v := range ChatVerbs() {
		for _, name := range append([]string{v.Name}, v.Aliases...) {
			if names[name] != "" {
				t.Errorf("%s is a name of %s and of %s", name, names[name], v.Name)
			}
			names[name] = v.Name
			if found, ok := FindChatVerb(strings.ToUpper(name)); !ok || found.Name != v.Name {
				t.Errorf("%s finds %s", name, found.Name)
			}
		}
		if v.Class == "" || v.Meaning == "" || !strings.HasPrefix(v.Usage, v.Name) || len(v.Doors) == 0 {
			t.Errorf("%s lacks something: %+v", v.Name, v)
		}
		if c, err := ParseChat(v.Doors[0], v.Example); err != nil || c.Verb != v.Name {
			t.Errorf("the example %q of %s reads %v (%v)", v.Example, v.Name, c, err)
		}
		checkVerbArguments(t, v)
	}
}

func checkVerbArguments(t *testing.T, v ChatVerb) {
	t.Helper()
	keys := v.keys()
	slices.Sort(keys)
	if len(slices.Compact(slices.Clone(keys))) != len(keys) {
		t.Errorf("%s has a key twice: %v", v.Name, keys)
	}
	for _, a := range v.Options {
		if !strings.Contains(v.Usage, a.Key+"=") {
			t.Errorf("the usage of %s lacks %s", v.Name, a.Key)
		}
		if !strings.HasPrefix(a.Example, a.Key+"=") || a.Meaning == "" {
			t.Errorf("%s of %s has the example %q and the meaning %q", a.Key, v.Name, a.Example, a.Meaning)
		}
	}
	for _, key := range regexp.MustCompile(`[a-z]+=`).FindAllString(v.Usage, -1) {
		if v.argument(strings.TrimSuffix(key, "=")) == nil {
			t.Errorf("the usage of %s has %s, which it does not know", v.Name, key)
		}
	}
	if v.Required == strings.Contains(v.Usage, " [") && v.Required != strings.Contains(v.Usage, "<") {
		t.Errorf("the usage %q disagrees with Required", v.Usage)
	}
}

func TestVerbsAtTheirDoors(t *testing.T) {
	var closed, slack, forge []string
	for _, v := range ChatVerbs() {
		if v.Closed {
			closed = append(closed, v.Name)
		}
		if !v.At(DoorForge) {
			slack = append(slack, v.Name)
		}
		if !v.At(DoorSlack) {
			forge = append(forge, v.Name)
		}
	}
	for _, c := range []struct{ got, want string }{
		{list(closed), "status, logs, list, help"},
		{list(slack), "link, unlink, whoami, use, subscribe, unsubscribe"},
		{list(forge), "approve, revoke"},
	} {
		if c.got != c.want {
			t.Errorf("got %s, want %s", c.got, c.want)
		}
	}
	if _, ok := FindChatVerb("biuld"); ok {
		t.Error("found a verb that is none")
	}
}

func TestHelpText(t *testing.T) {
	for _, door := range []ChatDoor{DoorForge, DoorSlack} {
		all := HelpText(door, "")
		if len(all) > 25 {
			t.Errorf("%s: %d lines", door, len(all))
		}
		for _, v := range ChatVerbs() {
			shown := slices.ContainsFunc(all, func(l string) bool { return strings.HasPrefix(l, "/oore "+v.Name+" ") })
			if shown != v.At(door) {
				t.Errorf("%s: %s is shown: %t", door, v.Name, shown)
			}
			if len(v.Aliases) > 0 && v.At(door) && !slices.Equal(HelpText(door, v.Aliases[0]), HelpText(door, v.Name)) {
				t.Errorf("%s: the help of %s is not that of %s", door, v.Aliases[0], v.Name)
			}
			checkHelp(t, HelpText(door, v.Name))
		}
		checkHelp(t, all)
	}
	if got := HelpText(DoorForge, "link"); !slices.Equal(got, HelpText(DoorForge, "")) {
		t.Errorf("the help of another door's verb: %q", got)
	}
	if !slices.Contains(HelpText(DoorForge, ""), "Commands must start a line; quotes, code blocks and edits are ignored. `/oore help build` explains one command.") {
		t.Error("the rules are missing")
	}
	want := []string{
		"Command `logs`: show where a log is and how it ends.", "```",
		"/oore logs [build | latest] [pipeline=] [limit=] [project=]",
		"  build      a build's number or latest", "  pipeline   builds of these pipelines",
		"  limit      how many lines, at most 50", "  project    which project",
		"e.g. /oore logs latest limit=20", "```", "Who may run it: whoever can read the repository.", "Also as `log`.",
	}
	if got := HelpText(DoorForge, "log"); !slices.Equal(got, want) {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
}

// checkHelp asks that no help can itself be taken for a command.
func checkHelp(t *testing.T, lines []string) {
	t.Helper()
	text := strings.Join(lines, "\n")
	if found := ParseComment(text, nil); found != nil {
		t.Errorf("help holds commands:\n%s", text)
	}
	if strings.Contains(text, ": .") || strings.Contains(text, "  .") {
		t.Errorf("help has a gap:\n%s", text)
	}
}

func TestCommandTable(t *testing.T) {
	rows := CommandTable()
	if len(rows) != len(ChatVerbs()) {
		t.Fatalf("%d rows", len(rows))
	}
	if want := (CommandRow{
		Usage: "/oore retry [build | pipeline | failed | all] [pipeline=] [project=] [fresh=true]", Also: "rebuild, rerun",
		Who: "people with write access", Where: "open pull requests, Slack",
		Meaning: "run builds of the same commit again", Example: "/oore retry failed",
	}); rows[1] != want {
		t.Errorf("got %+v", rows[1])
	}
	where := map[string]string{}
	for _, r := range rows {
		if r.Who == "" || r.Meaning == "" {
			t.Errorf("a gap: %+v", r)
		}
		where[strings.Fields(r.Usage)[1]] = r.Where
	}
	if where["status"] != "pull requests, Slack" || where["approve"] != "open pull requests" || where["use"] != "Slack" {
		t.Errorf("got %v", where)
	}
}
