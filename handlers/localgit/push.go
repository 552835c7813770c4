package localgit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"

	"github.com/oore-ci/oore/app/core"
)

// push is what a delivery of this room holds: one ref that was made or moved.
type push struct {
	Repository string `json:"repository"` // the absolute path
	Ref        string `json:"ref"`
	Before     string `json:"before"` // zeros: the ref is new
	After      string `json:"after"`  // the commit, also of an annotated tag
	Message    string `json:"message"`
	Author     string `json:"author"`
}

// id is the same whenever the same move is seen again.
func (p push) id() string {
	sum := sha256.Sum256([]byte(strings.Join([]string{p.Repository, p.Ref, p.Before, p.After}, "\x00")))
	return hex.EncodeToString(sum[:])
}

// Decoder reads the watcher's deliveries. It implements core.Decoder.
type Decoder struct{}

// Decode implements core.Decoder.
func (Decoder) Decode(event string, payload []byte) (core.Event, error) {
	e := core.Event{Provider: core.ProviderGit}
	if event != "push" {
		e.Ignored = &core.Reason{Code: core.WhyEventUnknown, Text: "A local repository sends pushes alone."}
		return e, nil
	}
	var p push
	d := json.NewDecoder(bytes.NewReader(payload))
	d.DisallowUnknownFields()
	if err := d.Decode(&p); err != nil {
		return e, core.Errorf(core.KindInvalid, "The payload is not the watcher's").Because(err)
	}
	if p.Repository == "" || !core.ValidSHA(p.After) {
		return e, core.Errorf(core.KindInvalid, "The payload names no repository or no commit")
	}
	e.RepositoryID, e.RepositoryName = p.Repository, address{text: p.Repository}.name()
	e.Ref, e.SHA, e.Message, e.Author, e.Actor = p.Ref, p.After, p.Message, p.Author, p.Author
	if strings.Trim(p.Before, "0") != "" {
		e.Before = p.Before
	}
	if branch, ok := strings.CutPrefix(p.Ref, "refs/heads/"); ok {
		e.Kind, e.Branch = core.EventPush, branch
		return e, nil
	}
	if tag, ok := strings.CutPrefix(p.Ref, "refs/tags/"); ok {
		e.Kind, e.Tag = core.EventTag, tag
		return e, nil
	}
	e.Ignored = &core.Reason{Code: core.WhyRefUnknown, Text: "Oore builds branches and tags; " + p.Ref + " is neither."}
	return e, nil
}
