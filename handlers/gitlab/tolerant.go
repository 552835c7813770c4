package gitlab

import (
	"bytes"
	"encoding/json"
	"errors"
	"regexp"
	"strconv"
	"strings"

	"github.com/oore-ci/oore/app/core"
)

// numericID is the form of GitLab's ids.
var numericID = regexp.MustCompile(`^[1-9][0-9]{0,17}$`)

// id is a numeric id that comes as a number or as text; empty for anything else.
type id string

// UnmarshalJSON implements json.Unmarshaler. It never fails: what is no id is none.
func (i *id) UnmarshalJSON(raw []byte) error {
	*i = ""
	if text := strings.Trim(string(raw), `"`); numericID.MatchString(text) {
		*i = id(text)
	}
	return nil
}

// number is the id as the library wants it; 0: there is none.
func (i id) number() int {
	n, err := strconv.Atoi(string(i))
	if err != nil {
		return 0
	}
	return n
}

// flag is a boolean that comes as one, as text or as a number; false for anything else.
type flag bool

// UnmarshalJSON implements json.Unmarshaler. It never fails.
func (f *flag) UnmarshalJSON(raw []byte) error {
	switch strings.ToLower(strings.Trim(string(raw), `"`)) {
	case "true", "1":
		*f = true
	default:
		*f = false
	}
	return nil
}

// text is text that may come as a number; empty for anything else.
type text string

// UnmarshalJSON implements json.Unmarshaler. It never fails.
func (t *text) UnmarshalJSON(raw []byte) error {
	*t = ""
	var s string
	var n json.Number
	if json.Unmarshal(raw, &s) == nil {
		*t = text(s)
	} else if json.Unmarshal(raw, &n) == nil {
		*t = text(n)
	}
	return nil
}

// parse reads a payload, which must be a JSON object. A field of another type than
// GitLab documents reads as if it were not there: the types of fields that nobody here
// needs change from release to release, and whoever needs one checks it.
func parse(event string, payload []byte, into any) error {
	if !bytes.HasPrefix(bytes.TrimSpace(payload), []byte("{")) {
		return undocumented(event, "it is no JSON object")
	}
	var mistyped *json.UnmarshalTypeError
	if err := json.Unmarshal(payload, into); err != nil && !errors.As(err, &mistyped) {
		return undocumented(event, "the JSON is broken").Because(err)
	}
	return nil
}

func undocumented(event, what string) *core.Error {
	return core.Errorf(core.KindInvalid, "The payload of %s is not what GitLab documents: %s", event, what)
}
