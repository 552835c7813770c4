package main

import (
	"fmt"
	"go/ast"
	"os"
	"path"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/oore-ci/oore/app/core"
)

// advisories are faults that programs like this one had, each with the tests that hold that
// it has none of them. `go test ./<folder> -run <name>` shows one.
func advisories() map[string][]string {
	return map[string][]string{
		"Woodpecker CVE-2023-40034: a webhook with a bad signature changes the repository":            {".TestAForgedDeliveryIsRefusedAndLeavesNoTrace", ".TestAForgedEventChangesNothingOfARepository"},
		"Woodpecker CVE-2026-50141: a runner's token with another runner's id or build":               {".TestARunnersTokenIsOfNoUseForAnother", "app.TestARunnersTokenIsGoodForItsRunnerAlone", "app.TestALeaseIsOfOneRunner"},
		"Woodpecker CVE-2024-41121, CVE-2024-41122: paths out of the workspace, PATH, LD_PRELOAD":     {"app/core.TestNamesThatABuildMayNotSet", "runner.TestTheEnvironmentOfABuildIsTheAllowedSet", "app/core.TestPathsOfCachesAreKeptIn"},
		"Woodpecker CVE-2022-29947: markup and OSC 8 links in a log":                                  {"templates.TestAnsi", "templates.FuzzAnsi", "handlers/web.TestHostileNamesStayText"},
		"Woodpecker CVE-2026-58370: a fork's commit author has the name of somebody who may":          {"app.TestWhoOpenedAForksPullRequestIsKnownByNumber", "app.TestNobodyIsBelievedWhomTheForgeCannotVouchFor"},
		"Woodpecker CVE-2026-61549: a repository asks for an executor with more rights":               {".TestAWorkflowAsksForNoRightsOfItsExecutor"},
		"Gitea CVE-2026-58424: an approval is used for a later push":                                  {"store.TestApprovalsAreOfOneCommit", "app.TestAForksCommitWaitsUntilExactlyItIsApproved"},
		"Gitea CVE-2026-58439: an approval for another target":                                        {"app.TestAnApprovalEndsWhenThePullRequestGetsAnotherTarget"},
		"Gitea CVE-2026-58426: bytes move between the fields of a signed address":                     {".TestNoByteOfALinkMayChange", "app.TestADownloadLinkIsForOneFileAndAWhile", "store.TestADownloadLinkKnowsItsArtifact"},
		"Gitea CVE-2025-68941, 2026-24791, 28699, 28744, 20706, 27761: a limited token on each way":   {".TestEveryRouteForEveryActor", "app.TestAProjectsTokenKnowsOfNothingElse", "app.TestAStreamTokenReadsOneLogAndNothingElse"},
		"act CVE-2026-34041, CVE-2026-34042: output that reads as a command":                          {".TestHostileLogsAreKeptByteForByte"},
		"act CVE-2023-22726: an artifact whose name is a path; another project's cache":               {"app/core.TestNamesOfArtifactsAreNeverPaths", "runner.TestTheExactKeyComesBeforeTheLongestPrefixAndThatBeforeTheNewest"},
		"Harness CVE-2025-58158: an upload that leads out of its folder":                              {"app/core.TestNamesOfArtifactsAreNeverPaths", "runner.TestHostileArchivesAreRefusedAndLeaveNothing"},
		"Atlantis CVE-2024-52009: a token in a log":                                                   {".TestNoSecretIsFoundWhereItDoesNotBelong", "runner.TestASecretIsInNoArgumentAndNoFile", "app.TestNoSecretIsInTheLog"},
		"Atlantis CVE-2022-24912: how long a comparison takes":                                        {".TestSecretsAreComparedInConstantTime"},
		"Atlantis CVE-2025-58445: the version, told to everybody":                                     {"handlers.TestTheVersionIsToldToThoseInsideAlone", "handlers.TestTheDescriptionIsSoundAndNamesNoVersionOfTheProgram"},
		"Tekton CVE-2026-40938: a revision that is an option of git":                                  {"runner.TestNothingThatIsHostileIsEverRun", "runner.TestHostileBranchNamesDoNoHarm"},
		"Tekton CVE-2026-33211, CVE-2026-40161: a path out; the address of an API, chosen by a user":  {"runner.TestWhereTheCommandsComeFrom", "handlers/gitlab.TestTheTokenGoesToItsHostAlone", "handlers/gitlab.TestRedirectsDoNotCarryTheToken"},
		"Tekton CVE-2026-40924, CVE-2026-33022: an answer without end, a name of 300 characters":      {"handlers/notify.TestAnAnswerThatNeverEndsIsLeft", "handlers/github.TestAnAnswerWithoutEndIsLeft", "handlers/slack.TestAnAnswerWithoutEndIsLeft", ".TestHostileInputIsRefusedAsDescribed"},
		"Nomad CVE-2024-7625, 6717, 1329, CVE-2026-6959: archives with links, links that are swapped": {"runner.TestHostileArchivesAreRefusedAndLeaveNothing", "runner.TestALinkOnTheWayIsNotFollowed", "runner.TestAFileThatIsReplacedMeanwhileIsRefused"},
		"Concourse CVE-2026-49826: //evil and /\\evil after signing in":                               {"handlers/web.TestSignInGoesOnlyToOurPages"},
		"Jenkins CVE-2024-23897: @/etc/passwd as an argument":                                         {".TestAnArgumentWithAnAtSignIsText", ".TestHostileInputIsRefusedAsDescribed"},
		"Jenkins 2021, agents: a runner asks for another build's files":                               {"app.TestALeaseIsOfOneRunner", "handlers.TestARunnersTokenOpensItsOwnRoutesOnly"},
		"GitLab runner: what an earlier job's submodule left":                                         {"runner.TestAnotherProjectGetsNoSubmoduleOutOfTheMirror"},
		"go-git CVE-2025-21613, CVE-2026-41506, 45571: options in addresses, credentials that follow": {"runner.TestTheCredentialDoesNotFollowARedirectToAnotherHost", "runner.TestSubmoduleAddressesThatAreRefused"},
		"Git CVE-2024-32002, 32004, 32020, 32021, 32465, CVE-2025-48384: hostile submodules":          {"runner.TestHostileSubmodulesFailTheBuildAndDoNothing", "runner.TestASubmoduleIsNotWrittenThroughALink", "runner.TestASubmoduleRunsNothingDuringTheCheckout"},
		"fiber CVE-2025-48075, CVE-2025-54801, CVE-2026-25882: a[-1]=, a[999999999]=":                 {".TestOddFormKeysOnEveryPage", "handlers.TestOddFormKeysDoNoHarm", ".TestNoRouteHasTooManyParameters"},
		"fiber CVE-2025-66630: ids when there is no randomness":                                       {".TestNoIDIsMadeByFiber"},
		"fasthttp GO-2026-4950: addresses that are encoded twice":                                     {".TestOddAddressesLeadNowhere", "handlers.TestUnknownAddressesAndMethods"},
		"pgx CVE-2026-41889, CVE-2024-27304; golang-jwt CVE-2025-30204":                               {".TestLibrariesAreNoOlderThanTheirFixes"},
		"slack-go GO-2026-5410: an empty signing secret":                                              {"handlers/slack.TestWithoutASigningSecretThereIsNoRoom"},
		"tj-actions: a third party's step whose tag moved":                                            {".TestAWorkflowAsksForNoRightsOfItsExecutor"},
	}
}

func TestEveryAdvisoryHasATestThatIsThere(t *testing.T) {
	there := map[string]bool{}
	for _, s := range sources(t) {
		for _, decl := range s.ast.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && strings.HasSuffix(s.path, "_test.go") && f.Recv == nil {
				there[strings.TrimPrefix(path.Clean(s.dir), ".")+"."+f.Name.Name] = true
			}
		}
	}
	for advisory, tests := range advisories() {
		if len(tests) == 0 {
			t.Errorf("%s has no test", advisory)
		}
		for _, name := range tests {
			if !there[name] {
				t.Errorf("%s: there is no test %s", advisory, name)
			}
		}
	}
}

// A workflow names commands; neither who runs them with what rights, nor steps of others.
func TestAWorkflowAsksForNoRightsOfItsExecutor(t *testing.T) {
	for _, key := range []string{
		"privileged: true", "image: alpine", "volumes: [/:/host]", "service_account: admin", "user: root", "runs_as: root", "uses: some/action@v1", "include: https://evil.example/ci.yaml",
		"sandbox: off", "steps: [{uses: some/action@v1}]",
	} {
		if _, err := core.ParseWorkflow([]byte("version: 1\n" + key + "\n")); err == nil {
			t.Errorf("%s is taken", key)
		}
	}
	if _, err := core.ParseWorkflow([]byte("version: 1\ncommands: {build: [{name: x, run: y, uses: some/action@v1}]}\n")); err == nil {
		t.Error("a step of somebody else is taken")
	}
}

// Secrets are looked up by their hash, or compared by what takes the same time for all.
func TestSecretsAreComparedInConstantTime(t *testing.T) {
	compares := regexp.MustCompile(`(?i)\b(\w*(secret|signature|token|mac|digest|proof)\w*) *(==|!=) *(\w+[\w.\[\]]*)`)
	for _, s := range sources(t) {
		if s.test || strings.HasSuffix(path.Dir(s.path), "test") || s.path == "handlers/gitlab/room.go" || s.path == "app/tokens.go" { // which compare two of our own
			continue
		}
		text, err := os.ReadFile(s.path)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range compares.FindAllStringSubmatch(string(text), -1) {
			if right := found[4]; right != "nil" && !strings.HasPrefix(right, "core") {
				t.Errorf("%s compares %s: use crypto/subtle or hmac.Equal", s.path, found[0])
			}
		}
	}
}

func TestAnArgumentWithAnAtSignIsText(t *testing.T) {
	for _, door := range []core.ChatDoor{core.DoorForge, core.DoorSlack} {
		command, err := core.ParseChat(door, " build @/etc/passwd")
		if said := fmt.Sprint(command, err); strings.Contains(said, "root:") || !strings.Contains(said, "@/etc/passwd") {
			t.Errorf("%s: %s", door, said)
		}
	}
}

func TestNoRouteHasTooManyParameters(t *testing.T) {
	for key := range matrixRows(t) {
		if n := strings.Count(key, ":"); n > 5 {
			t.Errorf("%s has %d", key, n)
		}
	}
}

func TestNoIDIsMadeByFiber(t *testing.T) {
	for _, s := range sources(t) {
		for _, spec := range s.ast.Imports {
			if name, _ := strconv.Unquote(spec.Path.Value); name == "github.com/gofiber/utils" || name == "github.com/gofiber/fiber/v2/utils" || strings.HasPrefix(name, "github.com/gofiber/fiber/v2/middleware/session") || name == "math/rand" {
				t.Errorf("%s imports %s", s.path, name)
			}
		}
	}
}

func TestLibrariesAreNoOlderThanTheirFixes(t *testing.T) {
	text, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	for module, least := range map[string][3]int{
		"github.com/jackc/pgx/v5": {5, 9, 2}, "github.com/golang-jwt/jwt/v4": {4, 5, 2}, "github.com/gofiber/fiber/v2": {2, 52, 12}, "github.com/slack-go/slack": {0, 35, 0},
	} {
		found := regexp.MustCompile(`(?m)^\s*` + regexp.QuoteMeta(module) + ` v(\d+)\.(\d+)\.(\d+)`).FindStringSubmatch(string(text))
		if found == nil {
			t.Errorf("%s is not in go.mod", module)
			continue
		}
		for i, want := range least {
			got, _ := strconv.Atoi(found[i+1])
			if got > want {
				break
			}
			if got < want {
				t.Errorf("%s is older than %v: %s", module, least, found[0])
				break
			}
		}
	}
}
