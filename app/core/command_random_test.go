package core

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
)

// randomCommand writes a right command in one of the many ways to write it.
func randomCommand(r *rand.Rand) string {
	verbs := ChatVerbs()
	v := verbs[r.IntN(len(verbs))]
	words := []string{pick(r, append(v.Aliases, v.Name, strings.ToUpper(v.Name))...)}
	for n := r.IntN(3); v.Position.Key != "" && (n > 0 || v.Required && len(words) == 1); n-- {
		words = append(words, written(randomValue(r, v.Position)))
		if !v.Many {
			break
		}
	}
	without := pick(r, "branch", "tag") // they exclude each other
	for _, a := range v.Options {
		if r.IntN(2) == 0 && a.Key != without {
			words = append(words, pick(r, "", "--")+pick(r, append(a.Aliases, a.Key)...)+"="+written(randomValue(r, a)))
		}
	}
	return strings.Join(words, pick(r, " ", "  ", "\t"))
}

func pick(r *rand.Rand, words ...string) string { return words[r.IntN(len(words))] }

func written(value string) string {
	if strings.Contains(value, `"`) {
		return "'" + value + "'"
	}
	return `"` + value + `"`
}

func randomValue(r *rand.Rand, a ChatArgument) string {
	switch a.Kind {
	case ArgNumber:
		return fmt.Sprint(1 + r.IntN(a.Max))
	case ArgBuild:
		return pick(r, "latest", "#57", "8")
	case ArgTarget:
		return pick(r, "all", "#57", "8", "iOS release", "#x", "it's", `say "hi"`)
	case ArgSHA:
		return pick(r, otherSHA, "1A2B3C4")
	case ArgFullSHA:
		return otherSHA
	case ArgRef:
		return pick(r, "main", "feature/x=y", "größe", "it's", "a,b")
	case ArgChoice:
		return pick(r, a.Choices...)
	case ArgVerb:
		return pick(r, "help", "rerun")
	case ArgText:
	}
	return pick(r, "ios", "iOS release", "-x", "--p=x", "a=b", "it's", `say "hi"`, `"`, "'", "=", "a, b,c ", "ios-*", "日本", "<x>", "#5")
}

func TestACommandPrintsAsItIsRead(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	seen := map[string]bool{}
	for range 5000 {
		text := randomCommand(r)
		door := DoorForge
		first, err := ParseChat(door, text)
		if err != nil && strings.Contains(err.Error(), "in Slack only") {
			door = DoorSlack
			first, err = ParseChat(door, text)
		}
		if err != nil {
			if CodeOf(err) == CodeUnknownCommand && strings.HasPrefix(strings.ToLower(text), "help") {
				continue
			}
			t.Fatalf("%q: %v", text, err)
		}
		again, err := ParseChat(door, first.String())
		if err != nil || !reflect.DeepEqual(first, again) {
			t.Fatalf("%q\nreads   %#v\nprinted %q\nreads   %#v (%v)", text, first, first, again, err)
		}
		seen[first.Verb] = true
	}
	if len(seen) != len(ChatVerbs()) {
		t.Errorf("only these verbs were tried: %v", seen)
	}
}
