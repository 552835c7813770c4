package core

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxDescription bounds a project's description, in characters.
const maxDescription = 1000

func invalid(field, wrong string) error {
	if wrong == "" {
		return nil
	}
	return Errorf(KindInvalid, "%s %s", field, wrong)
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func each[T any](field string, items []T, limit int, check func(T) string) error {
	if err := invalid(field, checkCount(len(items), limit)); err != nil {
		return err
	}
	for i, item := range items {
		if err := invalid(fmt.Sprintf("%s[%d]", field, i), check(item)); err != nil {
			return err
		}
	}
	return nil
}

// Validate checks what a person may set. The first fault is KindInvalid, and its
// message names the field as the API does.
func (p Project) Validate() error {
	return firstError(
		invalid("name", checkName(p.Name)),
		p.validateDescription(),
		p.validateBranch(),
		invalid("forks", checkOneOf(p.Forks, ForksIgnore, ForksApprove, ForksBuild)),
		invalid("comments", checkOneOf(p.Comments, CommentsAlways, CommentsOnFailure, CommentsOff)),
		invalid("trigger_role", checkOneOf(p.TriggerRole, RoleViewer, RoleDeveloper, RoleMaintainer)),
		invalid("visibility", checkOneOf(p.Visibility, VisibleInstance, VisibleMembers, VisiblePublic)),
		invalid("checks", checkOneOf(p.Checks, CheckStatus, CheckRun)),
		p.Quota.Validate(),
	)
}

func (p Project) validateDescription() error {
	if p.Description == "" {
		return nil
	}
	return invalid("description", checkText(p.Description, maxDescription))
}

func (p Project) validateBranch() error {
	if p.DefaultBranch == "" {
		return nil
	}
	return invalid("default_branch", checkRef(p.DefaultBranch))
}

// Validate checks what a person may set. The first fault is KindInvalid, and its
// message names the field as the API does.
func (p Pipeline) Validate() error {
	return firstError(
		invalid("name", checkName(p.Name)),
		p.validateConfigPath(),
		p.Execution.Validate(),
		p.Trigger.Validate(),
		invalid("concurrency.max_concurrent", checkConcurrency(p.Concurrency)),
		invalid("timeout_seconds", checkTimeout(p.Timeout)),
		each("labels", p.Labels, maxListItems, checkLabel),
		invalid("status_context", checkLine(p.StatusContext, maxNameLength)),
	)
}

func (p Pipeline) validateConfigPath() error {
	if p.ConfigPath == "" && !p.ConfigPathExplicit {
		return nil
	}
	if err := invalid("config_path", checkLine(p.ConfigPath, maxPatternLength)); err != nil {
		return err
	}
	return invalid("config_path", checkRelative(p.ConfigPath))
}

// Validate checks the limits of an execution config, as Pipeline.Validate does.
func (c ExecutionConfig) Validate() error {
	if c.FlutterVersion != "" {
		if err := invalid("execution_config.flutter_version", checkVersion(c.FlutterVersion)); err != nil {
			return err
		}
	}
	return firstError(
		each("execution_config.platforms", c.Platforms, len(platforms()), func(s string) string { return checkOneOf(s, platforms()...) }),
		distinct("execution_config.platforms", c.Platforms),
		each("execution_config.commands.pre_build", c.Commands.PreBuild, maxStageCommands, checkCommand),
		each("execution_config.commands.build", c.Commands.Build, maxStageCommands, checkCommand),
		each("execution_config.commands.post_build", c.Commands.PostBuild, maxStageCommands, checkCommand),
		c.validatePerPlatform(),
		each("execution_config.env", c.Env, maxEnvVars, checkEnvVar),
		distinct("execution_config.env", keys(c.Env)),
		each("execution_config.artifact_patterns", c.ArtifactPatterns, maxListItems, checkPathPattern),
	)
}

// ValidPlatforms checks the platforms that somebody asks for: KindInvalid names the first
// that is none, or is named twice.
func ValidPlatforms(asked []string) error {
	return firstError(
		each("platforms", asked, len(platforms()), func(s string) string { return checkOneOf(s, platforms()...) }),
		distinct("platforms", asked),
	)
}

func (c ExecutionConfig) validatePerPlatform() error {
	for _, platform := range slices.Sorted(maps.Keys(c.PlatformBuildArgs)) {
		field := "execution_config.platform_build_args"
		if err := firstError(
			invalid(field, checkOneOf(platform, platforms()...)),
			each(field+"."+platform, c.PlatformBuildArgs[platform], maxListItems, checkArg),
		); err != nil {
			return err
		}
	}
	for _, platform := range slices.Sorted(maps.Keys(c.PlatformCommands)) {
		field := "execution_config.platform_commands"
		if err := firstError(
			invalid(field, checkOneOf(platform, platforms()...)),
			invalid(field+"."+platform, checkText(c.PlatformCommands[platform], maxCommandLength)),
		); err != nil {
			return err
		}
	}
	return nil
}

func keys(env []EnvVar) []string {
	names := make([]string, len(env))
	for i, v := range env {
		names[i] = v.Key
	}
	return names
}

func distinct(field string, items []string) error {
	seen := map[string]bool{}
	for _, item := range items {
		if seen[item] {
			return invalid(field, fmt.Sprintf("names %s twice", item))
		}
		seen[item] = true
	}
	return nil
}

// Validate checks event names and patterns, as Pipeline.Validate does.
func (t Trigger) Validate() error {
	return firstError(
		each("trigger_config.events", t.Events, maxListItems, func(e EventKind) string { return checkOneOf(e, BuildEventKinds()...) }),
		each("trigger_config.branches", t.Branches, maxListItems, checkRefPattern),
		each("trigger_config.target_branches", t.TargetBranches, maxListItems, checkRefPattern),
		each("trigger_config.paths", t.Paths, maxListItems, checkPathPattern),
		each("trigger_config.tags", t.Tags, maxListItems, checkRefPattern),
	)
}

var fullSHA = regexp.MustCompile(`\A(?:[0-9a-f]{40}|[0-9a-f]{64})\z`)

// ValidSHA tells whether s is a full commit name: 40 or 64 lower-case hex digits.
func ValidSHA(s string) bool { return fullSHA.MatchString(s) }

// ValidRef applies git's rules for the name of a branch or tag (git check-ref-format),
// and refuses what could be taken for an option. KindInvalid, code invalid_ref.
func ValidRef(name string) error {
	if wrong := checkRef(name); wrong != "" {
		return Codef(KindInvalid, CodeInvalidRef, "%q is no name of a branch or tag: it %s", truncate(name, 100), wrong)
	}
	return nil
}

// maxRefBytes is what a file name holds, and what the forges allow.
const maxRefBytes = 255

func checkRef(name string) string {
	control := func(r rune) bool { return r < ' ' || r == 0x7f }
	switch {
	case name == "":
		return "must not be empty"
	case len(name) > maxRefBytes:
		return fmt.Sprintf("must have at most %d bytes", maxRefBytes)
	case !utf8.ValidString(name):
		return "must be UTF-8"
	case strings.ContainsFunc(name, control) || strings.ContainsAny(name, ` ~^:?*[\`):
		return `must not contain spaces, control characters or any of ~ ^ : ? * [ \`
	case name == "@" || strings.Contains(name, "@{") || strings.Contains(name, ".."):
		return `must not be "@" or contain "@{" or ".."`
	case strings.HasPrefix(name, "-") || strings.HasSuffix(name, "."):
		return "must not start with - or end with ."
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == "" || strings.HasPrefix(part, ".") || strings.HasSuffix(part, ".lock") {
			return "must not have a part that is empty, starts with . or ends with .lock"
		}
	}
	return ""
}
