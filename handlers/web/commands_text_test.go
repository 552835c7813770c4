package web

import (
	"reflect"
	"strings"
	"testing"

	"github.com/oore-ci/oore/app/core"
)

func FuzzCommandsAreReadAsTheyAreWritten(f *testing.F) {
	f.Add("Size report", "ls -la\n  build/\n", "flutter test", "A", "a=b\n c")
	f.Add("", "# a comment", "  indented", "KEY", "")
	f.Add("#", "\nx", "#", "K", "\n")
	f.Fuzz(func(t *testing.T, name, one, two, key, value string) {
		name = strings.TrimSpace(strings.NewReplacer("\n", "", "\r", "").Replace(name))
		commands := []core.Command{{Name: name, Run: strings.ReplaceAll(one, "\r", "")}, {Run: strings.ReplaceAll(two, "\r", "")}}
		// A browser sends lines that end with carriage returns.
		sent := strings.ReplaceAll(commandsText(commands), "\n", "\r\n")
		if got := parseCommands(sent); !reflect.DeepEqual(got, commands) {
			t.Errorf("%q is read as %q, not %q", sent, got, commands)
		}
		key = strings.TrimSpace(strings.NewReplacer("\n", "", "\r", "", "=", "").Replace(key))
		if key == "" {
			return
		}
		env := []core.EnvVar{{Key: key, Value: strings.ReplaceAll(value, "\r", "")}}
		if got := parseEnv(envText(env)); !reflect.DeepEqual(got, env) {
			t.Errorf("%q is read as %q", env, got)
		}
	})
}
