package core

import (
	"slices"
	"strings"
)

// ChatDoor is where commands are written.
type ChatDoor string

// The doors.
const (
	DoorForge ChatDoor = "forge" // comments of pull and merge requests
	DoorSlack ChatDoor = "slack"
)

// ChatClass says what a person must be allowed to do before a verb is run
// (PermissionNone and so on at a forge, a role in the project in Slack).
type ChatClass string

// The classes. ClassCancel is ClassRun or to have asked for the build oneself;
// ClassApprove is never the author of the pull request.
const (
	ClassNone    ChatClass = "none"
	ClassRead    ChatClass = "read"
	ClassRun     ChatClass = "run"
	ClassCancel  ChatClass = "cancel"
	ClassApprove ChatClass = "approve"
	ClassAdmin   ChatClass = "admin"
)

// ArgumentKind says what an argument's value must be.
type ArgumentKind string

// The kinds of values.
const (
	ArgText    ArgumentKind = "text"     // free, or a name or glob that is looked up later
	ArgNumber  ArgumentKind = "number"   // 1 to Max
	ArgBuild   ArgumentKind = "build"    // a build's number, with or without #, or one of Choices
	ArgTarget  ArgumentKind = "target"   // a build's number, or one of Choices, or a pipeline
	ArgSHA     ArgumentKind = "sha"      // 7 to 40 hex digits
	ArgFullSHA ArgumentKind = "full_sha" // as ValidSHA has it
	ArgRef     ArgumentKind = "ref"      // as ValidRef has it
	ArgChoice  ArgumentKind = "choice"   // one of Choices
	ArgVerb    ArgumentKind = "verb"     // a command's name
)

// ChatArgument is something that a verb takes.
type ChatArgument struct {
	Key     string
	Aliases []string
	Kind    ArgumentKind
	List    bool // several, with commas between
	Choices []string
	Max     int
	Example string // as written, with its key
	Meaning string // a few words, after "key="
}

func (a ChatArgument) named(key string) bool {
	return a.Key == key || slices.Contains(a.Aliases, key)
}

// ChatVerb describes a command: parser, help and documentation read the same table.
type ChatVerb struct {
	Name     string
	Aliases  []string
	Class    ChatClass
	Doors    []ChatDoor     // where it is offered
	Closed   bool           // also on a closed pull request
	Position ChatArgument   // what is given without a key; its key works too; no Key: nothing
	Many     bool           // any number of Position, not just one
	Required bool           // at least one Position
	Options  []ChatArgument // what is given by key alone
	Usage    string         // without /oore
	Example  string         // without /oore
	Meaning  string         // one line, starts with a lower-case verb
}

// At tells whether the verb is offered at a door.
func (v ChatVerb) At(door ChatDoor) bool { return slices.Contains(v.Doors, door) }

// argument finds what a key means to the verb; nil: nothing.
func (v ChatVerb) argument(key string) *ChatArgument {
	if v.Position.Key != "" && v.Position.named(key) {
		return &v.Position
	}
	for _, a := range v.Options {
		if a.named(key) {
			return &a
		}
	}
	return nil
}

// keys lists all words that argument knows.
func (v ChatVerb) keys() []string {
	var keys []string
	for _, a := range append([]ChatArgument{v.Position}, v.Options...) {
		if a.Key != "" {
			keys = append(append(keys, a.Key), a.Aliases...)
		}
	}
	return keys
}

// FindChatVerb finds a verb by its name or alias, in any case.
func FindChatVerb(name string) (ChatVerb, bool) {
	name = strings.ToLower(name)
	for _, v := range ChatVerbs() {
		if v.Name == name || slices.Contains(v.Aliases, name) {
			return v, true
		}
	}
	return ChatVerb{}, false
}
