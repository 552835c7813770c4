package web

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/templates"
)

// pipelineForm is the fields of a pipeline, filled in.
type pipelineForm struct {
	events    []core.EventKind
	platforms []string
	wrong     templates.Field // events or platforms
	inputs    []*templates.Input
	isNew     bool
}

// formPlatforms are what Flutter builds for.
func formPlatforms() []templates.Tick {
	return []templates.Tick{{Value: "android", Label: "Android"}, {Value: "ios", Label: "iOS"}, {Value: "macos", Label: "macOS"}}
}

// formOf is the form of a pipeline as it is.
func formOf(p core.Pipeline) *pipelineForm {
	f := &pipelineForm{events: p.Trigger.Events, platforms: p.Execution.Platforms, isNew: p.ID == ""}
	e, joined := p.Execution, func(items []string) string { return strings.Join(items, "\n") }
	ticked := func(on bool) string {
		if on {
			return "true"
		}
		return ""
	}
	path := ""
	if p.ConfigPathExplicit {
		path = p.ConfigPath
	}
	atOnce := ""
	if p.Concurrency.MaxConcurrent > 0 {
		atOnce = strconv.Itoa(p.Concurrency.MaxConcurrent)
	}
	const patterns = "One pattern a line, such as main or release/*; ! before a pattern takes away. Empty: any."
	add := func(kind templates.InputKind, rows int, name, label, hint, value string) {
		f.inputs = append(f.inputs, &templates.Input{
			Name: name, Label: label, Hint: hint, Kind: kind, Rows: rows, Optional: name != "name" && name != "timeout", Field: templates.Field{Value: value},
		})
	}
	add(templates.InputText, 0, "name", "Name", "", p.Name)
	if !f.isNew {
		add(templates.InputTick, 0, "enabled", "Enabled", "A disabled pipeline runs nothing.", ticked(p.Enabled))
	}
	add(templates.InputLines, 3, "branches", "Branches", patterns, joined(p.Trigger.Branches))
	add(templates.InputCode, 6, "commands", "Commands", "One a line; each is a step, and the first that fails ends the build. A line that begins with # names the command after it, two spaces go on with the one before.", commandsText(e.Commands.Build))
	add(templates.InputText, 0, "timeout", "Longest time", "In minutes, or with units: 90, 1h30m.", minutes(p.Timeout))
	add(templates.InputLines, 3, "target_branches", "Target branches of pull requests", patterns, joined(p.Trigger.TargetBranches))
	add(templates.InputLines, 3, "tags", "Tags", "One pattern a line. They count only if tag is among the events. Empty: any.", joined(p.Trigger.Tags))
	add(templates.InputLines, 3, "paths", "Changed files", "One pattern a line, such as lib/**; without a slash it means a name in any folder. Empty: any.", joined(p.Trigger.Paths))
	add(templates.InputCode, 3, "pre_build", "Before the build", "Commands, as above.", commandsText(e.Commands.PreBuild))
	add(templates.InputCode, 3, "post_build", "After the build", "Commands, as above; they run after success alone.", commandsText(e.Commands.PostBuild))
	add(templates.InputCode, 4, "env", "Environment", "One variable a line: FLAVOR=staging. No secrets: those are in the project's settings.", envText(e.Env))
	add(templates.InputLines, 3, "artifact_patterns", "Artifacts", "Files to keep, one pattern a line, such as **/*.apk.", joined(e.ArtifactPatterns))
	add(templates.InputText, 0, "flutter_version", "Flutter version", "Such as 3.24.5; an .fvmrc in the repository wins. Empty: whichever there is.", e.FlutterVersion)
	for _, platform := range formPlatforms() {
		add(templates.InputLines, 2, "args_"+platform.Value, "Arguments of flutter build for "+platform.Label, "One a line.", joined(e.PlatformBuildArgs[platform.Value]))
		add(templates.InputCode, 2, "command_"+platform.Value, "Command for "+platform.Label, "In place of flutter build.", e.PlatformCommands[platform.Value])
	}
	add(templates.InputLines, 2, "labels", "Labels", "What a runner must have, one a line, such as macos.", joined(p.Labels))
	add(templates.InputText, 0, "max_concurrent", "Builds at once", "Empty: any number.", atOnce)
	add(templates.InputTick, 0, "cancel_previous", "A newer build of a branch cancels those before it", "", ticked(p.Concurrency.CancelPrevious))
	add(templates.InputText, 0, "config_path", "Configuration file", "Its path in the repository. Empty: .oore.yaml or .oore.yml.", path)
	add(templates.InputText, 0, "status_context", "Name of its check", "What branch rules know it by; one of its own in the repository. Empty: made of the name.", p.StatusContext)
	return f
}

func minutes(d time.Duration) string {
	if d%time.Minute != 0 {
		return d.String()
	}
	return strconv.Itoa(int(d / time.Minute))
}

func (f *pipelineForm) input(name string) *templates.Input {
	i := slices.IndexFunc(f.inputs, func(i *templates.Input) bool { return i.Name == name })
	return f.inputs[i]
}

// read takes what was typed.
func (f *pipelineForm) read(c *fiber.Ctx) {
	for _, i := range f.inputs {
		i.Value = strings.Clone(c.FormValue(i.Name))
	}
	f.events, f.platforms = nil, nil
	for _, kind := range c.Request().PostArgs().PeekMulti("events") {
		f.events = append(f.events, core.EventKind(kind))
	}
	for _, platform := range c.Request().PostArgs().PeekMulti("platforms") {
		f.platforms = append(f.platforms, string(platform))
	}
}

// command is what the form asks for; not ok: a number is none, and its field says so.
func (f *pipelineForm) command() (in app.PipelineInput, ok bool) {
	text := func(name string) string { return strings.TrimSpace(f.input(name).Value) }
	list := func(name string) []string { return lines(f.input(name).Value) }
	trigger := core.Trigger{Events: f.events, Branches: list("branches"), TargetBranches: list("target_branches"), Tags: list("tags"), Paths: list("paths")}
	execution := core.ExecutionConfig{
		Platforms: f.platforms, FlutterVersion: text("flutter_version"), ArtifactPatterns: list("artifact_patterns"), Env: parseEnv(f.input("env").Value),
		Commands: core.Commands{
			PreBuild: parseCommands(f.input("pre_build").Value), Build: parseCommands(f.input("commands").Value), PostBuild: parseCommands(f.input("post_build").Value),
		},
		PlatformBuildArgs: map[string][]string{}, PlatformCommands: map[string]string{},
	}
	for _, platform := range formPlatforms() {
		if args := list("args_" + platform.Value); len(args) > 0 {
			execution.PlatformBuildArgs[platform.Value] = args
		}
		if command := text("command_" + platform.Value); command != "" {
			execution.PlatformCommands[platform.Value] = command
		}
	}
	name, path, status, labels := text("name"), text("config_path"), text("status_context"), list("labels")
	concurrency := core.Concurrency{CancelPrevious: f.input("cancel_previous").Value != ""}
	in = app.PipelineInput{
		Name: &name, Trigger: &trigger, Execution: &execution, ConfigPath: &path, StatusContext: &status, Labels: &labels, Concurrency: &concurrency,
	}
	if !f.isNew {
		enabled := f.input("enabled").Value != ""
		in.Enabled = &enabled
	}
	timeout, ok := readTime(text("timeout"))
	if in.Timeout = &timeout; !ok {
		f.input("timeout").Error = "Give whole minutes, such as 90, or a time with units, such as 1h30m"
	}
	if s := text("max_concurrent"); s != "" {
		n, err := strconv.Atoi(s)
		if concurrency.MaxConcurrent = n; err != nil || n < 1 {
			f.input("max_concurrent").Error, ok = "Give a whole number from 1, or nothing", false
		}
	}
	return in, ok
}

func readTime(s string) (time.Duration, bool) {
	if n, err := strconv.Atoi(s); err == nil {
		return time.Duration(n) * time.Minute, n > 0 && n <= 24*60
	}
	d, err := time.ParseDuration(s)
	return d, err == nil && d > 0
}

// place puts a refusal beside the field that it is about.
func (f *pipelineForm) place(err error) (above *templates.Alert, other error) {
	taken := &f.input("name").Field
	if strings.TrimSpace(f.input("status_context").Value) != "" {
		taken = &f.input("status_context").Field
	}
	if coded(err, core.CodeNameTaken, &f.input("name").Field) || coded(err, core.CodeContextTaken, taken) {
		return nil, nil
	}
	const commands, run = "execution_config.commands.", "execution_config."
	slots := []slot{
		{commands + "pre_build", &f.input("pre_build").Field},
		{commands + "build", &f.input("commands").Field},
		{commands + "post_build", &f.input("post_build").Field},
		{run + "env", &f.input("env").Field},
		{run + "artifact_patterns", &f.input("artifact_patterns").Field},
		{run + "flutter_version", &f.input("flutter_version").Field},
		{run + "platforms", &f.wrong},
		{"trigger_config.events", &f.wrong},
		{"timeout", &f.input("timeout").Field},
		{"concurrency", &f.input("max_concurrent").Field},
	}
	for _, platform := range formPlatforms() {
		slots = append(slots, slot{run + "platform_build_args." + platform.Value, &f.input("args_" + platform.Value).Field}, slot{run + "platform_commands." + platform.Value, &f.input("command_" + platform.Value).Field})
	}
	for _, name := range []string{"name", "config_path", "labels", "status_context"} {
		slots = append(slots, slot{name, &f.input(name).Field})
	}
	for _, name := range []string{"branches", "target_branches", "tags", "paths"} {
		slots = append(slots, slot{"trigger_config." + name, &f.input(name).Field})
	}
	return place(err, append(slots, slot{"trigger", &f.input("branches").Field}, slot{"execution", &f.input("commands").Field})...)
}

// view lays the form out: what everybody needs first, the rest folded unless it is set or
// wrong.
func (f *pipelineForm) view() templates.PipelineFormView {
	v := templates.PipelineFormView{Wrong: f.wrong, Platforms: formPlatforms()}
	for i := range v.Platforms {
		v.Platforms[i].On = slices.Contains(f.platforms, v.Platforms[i].Value)
	}
	for _, kind := range core.BuildEventKinds() {
		v.Events = append(v.Events, templates.Tick{Value: string(kind), Label: capital(strings.ReplaceAll(string(kind), "_", " ")), On: slices.Contains(f.events, kind)})
	}
	groups := []struct {
		legend string
		first  string // of its fields
	}{
		{"More about what starts it", "target_branches"}, {"Before, after and around the commands", "pre_build"}, {"Flutter and its platforms", "flutter_version"}, {"Runners, order and names", "labels"},
	}
	for _, i := range f.inputs {
		if n := len(v.Groups); n < len(groups) && groups[n].first == i.Name {
			v.Groups = append(v.Groups, templates.InputGroup{Legend: groups[n].legend})
		}
		if len(v.Groups) == 0 {
			v.Main = append(v.Main, i)
			continue
		}
		g := &v.Groups[len(v.Groups)-1]
		g.Inputs, g.Open = append(g.Inputs, i), g.Open || i.Value != "" || i.Error != ""
	}
	return v
}
