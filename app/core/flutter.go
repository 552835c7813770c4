package core

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
)

// FVMRCPath is the file of a repository that names its Flutter version. It wins over
// the configuration's.
const FVMRCPath = ".fvmrc"

// ParseFVMRC reads the version from a `.fvmrc`: plain text, a JSON string, or a JSON
// object with the key "flutter". A file without a version is KindInvalid, code
// config_invalid.
func ParseFVMRC(data []byte) (string, error) {
	text := strings.TrimSpace(strings.TrimPrefix(string(data), "\ufeff"))
	var err error
	version := text
	switch {
	case strings.HasPrefix(text, "{"):
		var file struct {
			Flutter string `json:"flutter"`
		}
		err = json.Unmarshal([]byte(text), &file)
		version = file.Flutter
	case strings.HasPrefix(text, `"`):
		err = json.Unmarshal([]byte(text), &version)
	}
	version = strings.TrimSpace(version)
	const how = `write a version into it, for example {"flutter": "3.24.5"}`
	switch {
	case err != nil:
		return "", Codef(KindInvalid, ReasonConfigInvalid, "%s is broken JSON (%s); %s", FVMRCPath, err, how)
	case text == "":
		return "", Codef(KindInvalid, ReasonConfigInvalid, "%s is empty; %s", FVMRCPath, how)
	case version == "":
		return "", Codef(KindInvalid, ReasonConfigInvalid, `%s has no "flutter"; %s`, FVMRCPath, how)
	}
	if wrong := checkVersion(version); wrong != "" {
		return "", Codef(KindInvalid, ReasonConfigInvalid, "%s: the version %s; %s", FVMRCPath, wrong, how)
	}
	return version, nil
}

// versionPattern keeps versions from being anything but one word for the shell.
var versionPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+@/-]*$`)

func checkVersion(s string) string {
	if wrong := checkLine(s, maxVersionLength); wrong != "" {
		return wrong
	}
	if !versionPattern.MatchString(s) {
		return "is no version or channel of Flutter, like 3.24.5 or stable"
	}
	return ""
}

var flutterCommand = regexp.MustCompile(`^\s*(?:flutter|dart)(?:\s|$)`)

// UseFVM makes the plan run its FlutterVersion by fvm: a first step chooses it, and
// commands that start with flutter or dart go through fvm.
func (p *Plan) UseFVM() {
	for i, s := range p.Steps {
		if flutterCommand.MatchString(s.Run) {
			p.Steps[i].Run = "fvm " + strings.TrimLeft(s.Run, " \t\r\n")
		}
	}
	use := PlanStep{Name: p.unique("fvm use"), Run: "fvm use " + p.FlutterVersion + " --force --skip-pub-get"}
	p.Steps = slices.Insert(p.Steps, 0, use)
}
