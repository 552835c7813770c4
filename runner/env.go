package runner

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/oore-ci/oore/app/core"
)

// passed lists what a build sees of the server's own environment.
func passed() []string {
	return []string{
		"PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ",
		"JAVA_HOME", "ANDROID_HOME", "ANDROID_SDK_ROOT", "FLUTTER_ROOT", "PUB_CACHE", "GRADLE_USER_HOME", "DEVELOPER_DIR",
		"SSL_CERT_FILE", "GIT_SSL_CAINFO", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
	}
}

// hostEnv is the environment that every process of a build starts from. A server
// that has no home of its own (a service) lends one below its data directory.
func hostEnv(dir string) map[string]string {
	env := map[string]string{"HOME": filepath.Join(dir, "home")}
	for _, name := range passed() {
		if value, ok := os.LookupEnv(name); ok {
			env[name] = value
		}
	}
	if bundle := env["SSL_CERT_FILE"]; bundle != "" && env["GIT_SSL_CAINFO"] == "" {
		env["GIT_SSL_CAINFO"] = bundle // git knows no other variable for it
	}
	return env
}

// commandEnv is the environment of a build's commands. The repository may set any
// variable but those that say which build this is.
func commandEnv(host map[string]string, job core.Job, sha string, plan []core.EnvVar) []string {
	b := job.Build
	pullRequest := ""
	if b.PullRequest != nil {
		pullRequest = strconv.Itoa(b.PullRequest.Number)
	}
	env := maps.Clone(host)
	maps.Copy(env, map[string]string{
		"CI": "true", "BUILD_NUMBER": strconv.Itoa(b.Number), "BRANCH": b.Branch, "COMMIT_SHA": sha,
	})
	if job.Traceparent != "" {
		env["TRACEPARENT"] = job.Traceparent
	}
	for _, v := range plan {
		env[v.Key] = v.Value
	}
	maps.Copy(env, map[string]string{
		"OORE": "true", buildMark: b.ID, "OORE_BUILD_NUMBER": strconv.Itoa(b.Number),
		"OORE_PROJECT_ID": b.ProjectID, "OORE_PIPELINE_ID": b.PipelineID,
		"OORE_BRANCH": b.Branch, "OORE_COMMIT_SHA": sha, "OORE_PULL_REQUEST": pullRequest, "OORE_BUILD_URL": job.BuildURL,
	})
	return environ(env)
}

// buildMark is in the environment of every process of a build.
const buildMark = "OORE_BUILD_ID"

// environ leaves out what no environment can hold: a NUL would keep the command
// from starting at all.
func environ(env map[string]string) []string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(env)) {
		if v := name + "=" + env[name]; !strings.Contains(v, "\x00") {
			list = append(list, v)
		}
	}
	return list
}
