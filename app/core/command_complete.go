package core

import "strings"

// Completion is a way to go on with a command that is being written.
type Completion struct {
	Line    string // the whole command as far as it then is, with /oore
	Meaning string
}

// CompleteChat lists what may come next in a command of which line is the beginning,
// with or without /oore. Names of pipelines, builds and branches are not in the
// grammar, so a line that asks for one has no completion.
func CompleteChat(door ChatDoor, line string) []Completion {
	line = strings.TrimLeft(line, " ")
	if rest, ok := strings.CutPrefix(line, "/oore"); ok {
		line = strings.TrimLeft(rest, " ")
	}
	before, word := "", line
	if i := strings.LastIndexByte(line, ' '); i >= 0 {
		before, word = line[:i+1], line[i+1:]
	}
	if strings.Count(line, `"`)%2 == 1 {
		return nil // within a quoted value
	}
	var found []Completion
	offer := func(text, meaning string) {
		if strings.HasPrefix(text, strings.ToLower(word)) && text != word {
			found = append(found, Completion{Line: "/oore " + before + text, Meaning: meaning})
		}
	}
	given := strings.Fields(before)
	if len(given) == 0 {
		for _, v := range ChatVerbs() {
			if v.At(door) {
				offer(v.Name, v.Meaning)
			}
		}
		return found
	}
	if v, ok := FindChatVerb(given[0]); ok && v.At(door) {
		v.complete(door, given[1:], word, offer)
	}
	return found
}

// complete offers what the verb takes after the given words.
func (v ChatVerb) complete(door ChatDoor, given []string, word string, offer func(text, meaning string)) {
	if key, _, ok := strings.Cut(word, "="); ok {
		if a := v.argument(key); a != nil {
			for _, choice := range a.Choices {
				offer(key+"="+choice, a.Meaning)
			}
		}
		return
	}
	used := map[string]bool{}
	for _, w := range given {
		key, _, option := strings.Cut(w, "=")
		if a := v.argument(key); option && a != nil {
			used[a.Key] = true
		} else if !v.Many {
			used[v.Position.Key] = true
		}
	}
	if !used[v.Position.Key] {
		for _, choice := range v.Position.Choices {
			offer(choice, v.Position.Meaning)
		}
		if v.Position.Kind == ArgVerb {
			for _, other := range ChatVerbs() {
				if other.At(door) {
					offer(other.Name, other.Meaning)
				}
			}
		}
	}
	for _, a := range v.Options {
		if !used[a.Key] {
			offer(a.Key+"=", a.Meaning)
		}
	}
}
