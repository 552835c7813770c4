package web

import (
	"strings"

	"github.com/oore-ci/oore/app/core"
)

// Commands and variables stand one a line in a text area. What has several lines goes on
// in lines that begin with two spaces. A line that begins with # names the command after
// it, which is then taken as it stands.
const carriesOn = "  "

func commandsText(commands []core.Command) string {
	var lines []string
	for _, c := range commands {
		first, _, _ := strings.Cut(c.Run, "\n")
		if c.Name != "" || first == "" || strings.HasPrefix(first, "#") || first != strings.TrimSpace(first) {
			lines = append(lines, strings.TrimRight("# "+c.Name, " "))
		}
		lines = append(lines, strings.ReplaceAll(c.Run, "\n", "\n"+carriesOn))
	}
	return strings.Join(lines, "\n")
}

// parseCommands is the inverse of commandsText.
func parseCommands(text string) []core.Command {
	var commands []core.Command
	name, named := "", false
	for _, line := range textLines(text) {
		switch {
		case named:
			commands = append(commands, core.Command{Name: name, Run: line})
			name, named = "", false
		case strings.HasPrefix(line, "#"):
			name, named = strings.TrimSpace(line[1:]), true
		case strings.HasPrefix(line, carriesOn) && len(commands) > 0:
			commands[len(commands)-1].Run += "\n" + line[len(carriesOn):]
		case strings.TrimSpace(line) != "":
			commands = append(commands, core.Command{Run: strings.TrimSpace(line)})
		}
	}
	return commands
}

func envText(env []core.EnvVar) string {
	lines := make([]string, len(env))
	for i, v := range env {
		lines[i] = v.Key + "=" + strings.ReplaceAll(v.Value, "\n", "\n"+carriesOn)
	}
	return strings.Join(lines, "\n")
}

// parseEnv is the inverse of envText. A line without = is a variable with no value.
func parseEnv(text string) []core.EnvVar {
	var env []core.EnvVar
	for _, line := range textLines(text) {
		switch {
		case strings.HasPrefix(line, carriesOn) && len(env) > 0:
			env[len(env)-1].Value += "\n" + line[len(carriesOn):]
		case strings.TrimSpace(line) != "":
			key, value, _ := strings.Cut(line, "=")
			env = append(env, core.EnvVar{Key: strings.TrimSpace(key), Value: value})
		}
	}
	return env
}

// textLines are the lines of a text area, which ends them with carriage returns.
func textLines(text string) []string {
	return strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
}
