package core

import (
	"slices"
	"strings"
	"testing"
)

func TestCompleteChat(t *testing.T) {
	for _, tc := range []struct {
		door ChatDoor
		line string
		want string // lines without /oore, with | between
	}{
		{DoorForge, "bu", "build"},
		{DoorForge, "  /oore   re", "retry|revoke"},
		{DoorSlack, "/oore re", "retry"},
		{DoorSlack, "sub", "subscribe"},
		{DoorForge, "sub", ""},
		{DoorForge, "BU", "build"},
		{DoorForge, "build", ""},
		{DoorForge, "build f", "build fresh="},
		{DoorForge, "build fresh=", "build fresh=true|build fresh=false"},
		{DoorForge, "build android fresh=t", "build android fresh=true"},
		{DoorForge, "retry ", "retry failed|retry all|retry pipeline=|retry project=|retry fresh="},
		{DoorForge, "rerun fa", "rerun failed"},
		{DoorForge, "retry failed p", "retry failed pipeline=|retry failed project="},
		{DoorForge, "retry failed p=ios pro", "retry failed p=ios project="},
		{DoorForge, "retry failed p=ios pi", ""},
		{DoorForge, "list b", "list builds"},
		{DoorForge, "help ap", "help approve"},
		{DoorSlack, "help ap", ""},
		{DoorSlack, "subscribe shop on=f", "subscribe shop on=fixed"},
		{DoorForge, `build note="for fr`, ""},
		{DoorForge, "nonsense p", ""},
		{DoorForge, "ping ", ""},
	} {
		var got []string
		for _, c := range CompleteChat(tc.door, tc.line) {
			got = append(got, strings.TrimPrefix(c.Line, "/oore "))
		}
		if strings.Join(got, "|") != tc.want {
			t.Errorf("%s %q: %v, want %q", tc.door, tc.line, got, tc.want)
		}
	}
}

// Whatever the grammar offers at a beginning is a beginning itself: following the
// offers never leads to a word that the parser does not know.
func TestCompletionsAreUnderstood(t *testing.T) {
	for _, door := range []ChatDoor{DoorForge, DoorSlack} {
		if got := len(CompleteChat(door, "/oore ")); got != len(slices.DeleteFunc(ChatVerbs(), func(v ChatVerb) bool { return !v.At(door) })) {
			t.Errorf("%s: %d commands are offered", door, got)
		}
		for _, verb := range CompleteChat(door, "") {
			for _, next := range append(CompleteChat(door, verb.Line+" "), verb) {
				line := strings.TrimPrefix(next.Line, "/oore ")
				if key, ok := strings.CutSuffix(line, "="); ok {
					v, _ := FindChatVerb(strings.Fields(key)[0])
					line = v.Name + " " + v.argument(key[strings.LastIndexByte(key, ' ')+1:]).Example
				}
				_, err := ParseChat(door, line)
				if code := CodeOf(err); code == CodeUnknownCommand || code == CodeUnknownArg {
					t.Errorf("%s %q: %v", door, next.Line, err)
				}
				if next.Meaning == "" {
					t.Errorf("%s %q has no meaning", door, next.Line)
				}
			}
		}
	}
}
