package core

// ChatVerbs is the whole grammar, in the order in which help shows it.
func ChatVerbs() []ChatVerb {
	both, forge, slack := []ChatDoor{DoorForge, DoorSlack}, []ChatDoor{DoorForge}, []ChatDoor{DoorSlack}
	return []ChatVerb{
		{
			Name: "build", Aliases: []string{"run", "trigger"}, Class: ClassRun, Doors: both,
			Position: pipelineArgument("pipelines by slug, name or glob, or `all`"), Many: true,
			Options: []ChatArgument{
				branchArgument(), tagArgument(), commitArgument(), projectArgument(),
				{Key: "platform", Kind: ArgChoice, List: true, Choices: platforms(), Example: "platform=ios,android", Meaning: "these platforms alone"},
				{Key: "note", Kind: ArgText, Example: `note="for the testers"`, Meaning: "shown with the build"},
				freshArgument(),
			},
			Usage:   `build [pipeline …] [branch= | tag= | commit=] [platform=] [project=] [note="…"] [fresh=true]`,
			Example: "build ios-release branch=main", Meaning: "start builds",
		},
		{
			Name: "retry", Aliases: []string{"rebuild", "rerun"}, Class: ClassRun, Doors: both,
			Position: targetArgument("retry 57", "failed", "all"),
			Options:  []ChatArgument{pipelineArgument("builds of these pipelines"), projectArgument(), freshArgument()},
			Usage:    "retry [build | pipeline | failed | all] [pipeline=] [project=] [fresh=true]",
			Example:  "retry failed", Meaning: "run builds of the same commit again",
		},
		{
			Name: "cancel", Aliases: []string{"stop", "abort"}, Class: ClassCancel, Doors: both,
			Position: targetArgument("cancel 57", "all"),
			Options:  []ChatArgument{pipelineArgument("builds of these pipelines"), projectArgument()},
			Usage:    "cancel [build | pipeline | all] [pipeline=] [project=]",
			Example:  "cancel 57", Meaning: "stop builds that have not finished",
		},
		{
			Name: "status", Class: ClassRead, Doors: both, Closed: true,
			Position: targetArgument("status 57"),
			Options:  []ChatArgument{branchArgument(), commitArgument(), pipelineArgument("builds of these pipelines"), projectArgument()},
			Usage:    "status [build | pipeline] [branch=] [commit=] [pipeline=] [project=]",
			Example:  "status branch=main", Meaning: "show how builds stand",
		},
		{
			Name: "logs", Aliases: []string{"log"}, Class: ClassRead, Doors: both, Closed: true,
			Position: buildArgument("logs 57"),
			Options:  []ChatArgument{pipelineArgument("builds of these pipelines"), limitArgument("lines"), projectArgument()},
			Usage:    "logs [build | latest] [pipeline=] [limit=] [project=]",
			Example:  "logs latest limit=20", Meaning: "show where a log is and how it ends",
		},
		{
			Name: "list", Aliases: []string{"ls", "pipelines"}, Class: ClassRead, Doors: both, Closed: true,
			Position: ChatArgument{Key: "what", Kind: ArgChoice, Choices: []string{"pipelines", "builds", "projects"}, Example: "list builds", Meaning: "of what: pipelines, builds or projects"},
			Options:  []ChatArgument{limitArgument("entries"), projectArgument()},
			Usage:    "list [pipelines | builds | projects] [limit=] [project=]",
			Example:  "list pipelines", Meaning: "show what there is and what triggers it",
		},
		{
			Name: "artifacts", Class: ClassRead, Doors: both,
			Position: buildArgument("artifacts 57"),
			Options:  []ChatArgument{pipelineArgument("builds of these pipelines"), projectArgument()},
			Usage:    "artifacts [build | latest] [pipeline=] [project=]",
			Example:  "artifacts 57", Meaning: "link to what a build made",
		},
		{
			Name: "why", Class: ClassRead, Doors: both,
			Position: commitArgument(), Options: []ChatArgument{projectArgument()},
			Usage:   "why [commit] [project=]",
			Example: "why 1a2b3c4", Meaning: "say why a commit was or was not built",
		},
		{
			Name: "approve", Class: ClassApprove, Doors: forge, Required: true,
			Position: ChatArgument{Key: "commit", Aliases: []string{"c", "sha"}, Kind: ArgFullSHA, Example: "commit=" + exampleSHA, Meaning: "the whole SHA of the commit that you reviewed"},
			Options:  []ChatArgument{pipelineArgument("these pipelines alone")},
			Usage:    "approve <full sha> [pipeline=]",
			Example:  "approve " + exampleSHA, Meaning: "let exactly this commit of a fork be built",
		},
		{
			Name: "revoke", Class: ClassApprove, Doors: forge,
			Usage: "revoke", Example: "revoke", Meaning: "take an approval back and stop its builds",
		},
		{
			Name: "help", Class: ClassNone, Doors: both, Closed: true,
			Position: ChatArgument{Key: "command", Kind: ArgVerb, Example: "help build", Meaning: "the command to explain"},
			Usage:    "help [command]", Example: "help build", Meaning: "explain the commands, or one of them",
		},
		{
			Name: "ping", Class: ClassNone, Doors: both,
			Usage: "ping", Example: "ping", Meaning: "answer with the version and the queue's length",
		},
		{
			Name: "link", Class: ClassNone, Doors: slack,
			Usage: "link", Example: "link", Meaning: "link your Slack user with your account",
		},
		{
			Name: "unlink", Class: ClassNone, Doors: slack,
			Usage: "unlink", Example: "unlink", Meaning: "undo the link",
		},
		{
			Name: "whoami", Class: ClassNone, Doors: slack,
			Usage: "whoami", Example: "whoami", Meaning: "show the linked account and its role",
		},
		{
			Name: "use", Class: ClassAdmin, Doors: slack, Required: true,
			Position: projectArgument(),
			Usage:    "use <project>", Example: "use my-app", Meaning: "make a project this channel's own",
		},
		{
			Name: "subscribe", Class: ClassAdmin, Doors: slack, Required: true,
			Position: projectArgument(),
			Options: []ChatArgument{
				pipelineArgument("these pipelines alone"),
				{Key: "events", Aliases: []string{"on"}, Kind: ArgChoice, Choices: []string{string(OnBroken), string(OnFixed), string(OnAll)}, Example: "events=fixed", Meaning: "which results: broken, fixed or all"},
			},
			Usage: "subscribe <project> [pipeline=] [events=]", Example: "subscribe my-app events=fixed", Meaning: "tell this channel of a project's builds",
		},
		{
			Name: "unsubscribe", Class: ClassAdmin, Doors: slack, Required: true,
			Position: projectArgument(), Options: []ChatArgument{pipelineArgument("these pipelines alone")},
			Usage: "unsubscribe <project> [pipeline=]", Example: "unsubscribe my-app", Meaning: "tell it no more",
		},
	}
}

const exampleSHA = "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d"

func pipelineArgument(meaning string) ChatArgument {
	return ChatArgument{
		Key: "pipeline", Aliases: []string{"p", "pipe", "workflow", "w"}, Kind: ArgText, List: true,
		Example: `pipeline="iOS release"`, Meaning: meaning,
	}
}

func projectArgument() ChatArgument {
	return ChatArgument{Key: "project", Aliases: []string{"proj", "repo"}, Kind: ArgText, Example: "project=my-app", Meaning: "which project"}
}

func branchArgument() ChatArgument {
	return ChatArgument{Key: "branch", Aliases: []string{"b"}, Kind: ArgRef, Example: "branch=main", Meaning: "a branch"}
}

func tagArgument() ChatArgument {
	return ChatArgument{Key: "tag", Aliases: []string{"t"}, Kind: ArgRef, Example: "tag=v1.2.0", Meaning: "a tag"}
}

func commitArgument() ChatArgument {
	return ChatArgument{Key: "commit", Aliases: []string{"c", "sha"}, Kind: ArgSHA, Example: "commit=1a2b3c4", Meaning: "a commit, at least 7 digits"}
}

func freshArgument() ChatArgument {
	return ChatArgument{Key: "fresh", Kind: ArgChoice, Choices: []string{"true", "false"}, Example: "fresh=true", Meaning: "build even if the same build runs already"}
}

func limitArgument(what string) ChatArgument {
	return ChatArgument{Key: "limit", Kind: ArgNumber, Max: 50, Example: "limit=20", Meaning: "how many " + what + ", at most 50"}
}

func targetArgument(example string, choices ...string) ChatArgument {
	return ChatArgument{Key: "build", Kind: ArgTarget, Choices: choices, Example: example, Meaning: "a build's number or a pipeline"}
}

func buildArgument(example string) ChatArgument {
	return ChatArgument{Key: "build", Kind: ArgBuild, Choices: []string{"latest"}, Example: example, Meaning: "a build's number or `latest`"}
}
