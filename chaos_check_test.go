package main

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/oore-ci/oore/handlers/github/githubtest"
)

// chaosBuild is a build with what only this test looks at.
type chaosBuild struct {
	buildView
	PullRequest *struct{ Number int } `json:"pull_request"`
}

// runKey is what has one chain of builds: the build that an event made, and its reruns.
type runKey struct{ pipeline, sha string }

// check holds every promise against what is there now.
func (s *storm) check() {
	s.t.Helper()
	builds := s.allBuilds()
	chains := map[runKey][]chaosBuild{}
	for _, b := range builds {
		key := runKey{b.PipelineID, b.SHA}
		chains[key] = append(chains[key], b)
	}
	s.checkDeliveries(chains)
	s.checkNumbers(builds)
	lost, forGood := 0, 0
	for key, chain := range chains {
		newest := s.checkChain(key, chain)
		s.checkStatus(key, newest)
		lost += len(chain) - 1
		if newest.StatusReason == "runner_lost" {
			lost, forGood = lost+1, forGood+1
		}
	}
	s.checkRuns(builds)
	for _, b := range builds {
		s.checkLog(b)
	}
	s.checkComments(builds)
	s.checkReplies()
	s.checkArtifacts(builds)
	eventually(s.t, "nothing of the builds is left running", func() bool { return len(processesWith(s.t, s.marker)) == 0 })
	s.t.Logf("%d deliveries (%d tries without answer, %d repeats), %d builds of %d commits and pipelines, %d lost by a kill, %d of them for good",
		len(s.ledger.entries), s.ledger.lost, s.ledger.repeats, len(builds), len(chains), lost, forGood)
}

func (s *storm) allBuilds() []chaosBuild {
	s.t.Helper()
	var all []chaosBuild
	for {
		var page struct {
			Builds []chaosBuild
			Total  int
		}
		s.must("GET", fmt.Sprintf("/v1/builds?limit=200&offset=%d", len(all)), nil, &page)
		all = append(all, page.Builds...)
		if len(all) >= page.Total || len(page.Builds) == 0 {
			return all // newest first
		}
	}
}

func (s *storm) allDeliveries() map[string][]deliveryView {
	s.t.Helper()
	all := map[string][]deliveryView{}
	for offset := 0; ; offset += 200 {
		var page deliveriesView
		s.must("GET", fmt.Sprintf("/v1/deliveries?limit=200&offset=%d", offset), nil, &page)
		for _, d := range page.Deliveries {
			all[d.DeliveryID] = append(all[d.DeliveryID], d)
		}
		if len(page.Deliveries) < 200 {
			return all
		}
	}
}

// checkDeliveries: every delivery that was answered 200 is there once, is decided,
// and each pipeline that wanted it has a build of its commit.
func (s *storm) checkDeliveries(chains map[runKey][]chaosBuild) {
	s.t.Helper()
	stored := s.allDeliveries()
	accepted := 0
	for id, e := range s.ledger.entries {
		found := stored[id]
		delete(stored, id)
		if !e.accepted && len(found) == 0 {
			continue
		}
		if e.accepted {
			accepted++
		}
		if len(found) != 1 || e.ours != "" && found[0].ID != e.ours {
			s.t.Errorf("delivery %s, answered as %q, is there %d times: %+v", id, e.ours, len(found), found)
			continue
		}
		if want := e.decision(); found[0].Status != want {
			s.t.Errorf("delivery %s is %+v, want it %s", id, found[0], want)
		}
		for _, pipeline := range s.wanting(*e) {
			if len(chains[runKey{pipeline, e.sha}]) == 0 {
				s.t.Errorf("delivery %s made no build of %s in pipeline %s", id, e.sha, pipeline)
			}
		}
	}
	for id := range stored {
		if strings.HasPrefix(id, "sweep:") {
			continue // after a restart the survey found the head before its webhook came
		}
		s.t.Errorf("delivery %s was never sent", id)
	}
	if accepted == 0 {
		s.t.Error("no delivery was accepted: the test tests nothing")
	}
}

// decision is what becomes of the delivery.
func (e *entry) decision() string {
	if e.event == "ping" {
		return "ignored"
	}
	return "processed"
}

// wanting lists the pipelines that a delivery starts.
func (s *storm) wanting(e entry) []string {
	if e.command != 0 || e.event == "ping" {
		return nil
	}
	if e.event == "push" && (e.branch == "main" || strings.HasPrefix(e.branch, "release/")) {
		return []string{s.android.ID, s.release.ID}
	}
	return []string{s.android.ID}
}

// checkNumbers: 1 to n, none twice, none left out.
func (s *storm) checkNumbers(builds []chaosBuild) {
	s.t.Helper()
	var numbers []int
	for _, b := range builds {
		numbers = append(numbers, b.Number)
	}
	slices.Sort(numbers)
	for i, n := range numbers {
		if n != i+1 {
			s.t.Errorf("the build numbers are %v", numbers)
			return
		}
	}
}

// checkChain: one build made by events, then one rerun for each lost one, at most
// two, and an end that is the commit's own unless three were lost. It returns the
// last.
func (s *storm) checkChain(key runKey, chain []chaosBuild) chaosBuild {
	s.t.Helper()
	slices.SortFunc(chain, func(a, b chaosBuild) int { return a.Number - b.Number })
	for i, b := range chain {
		source, how := "", "webhook"
		if i > 0 {
			source, how = chain[i-1].ID, "rerun"
		}
		if b.SourceBuildID != source || b.TriggerType != how {
			s.t.Errorf("%+v: build #%d is a %s of %q, want a %s of %q", key, b.Number, b.TriggerType, b.SourceBuildID, how, source)
		}
		if i < len(chain)-1 && (b.Status != "failed" || b.StatusReason != "runner_lost") {
			s.t.Errorf("%+v: build #%d was run again, but is %s %s", key, b.Number, b.Status, b.StatusReason)
		}
	}
	newest := chain[len(chain)-1]
	status, reason := "succeeded", ""
	if s.ledger.kinds[key.sha] == failingBuild {
		status, reason = "failed", "command_failed"
	}
	if len(chain) == 3 && newest.StatusReason == "runner_lost" {
		status, reason = "failed", "runner_lost"
	}
	if len(chain) > 3 || newest.Status != status || newest.StatusReason != reason {
		s.t.Errorf("%+v: after %d builds the newest is %s %s, want %s %s: %s",
			key, len(chain), newest.Status, newest.StatusReason, status, reason, s.build(newest.ID).StatusMessage)
	}
	return newest
}

// checkStatus: what GitHub shows is the newest build.
func (s *storm) checkStatus(key runKey, newest chaosBuild) {
	s.t.Helper()
	context := s.android.StatusContext
	if key.pipeline == s.release.ID {
		context = s.release.StatusContext
	}
	want := "success"
	if newest.Status != "succeeded" {
		want = "failure"
	}
	last := s.gh.WaitStatus(s.t, key.sha, context, want, patience)
	if last.TargetURL != s.url+"/builds/"+newest.ID {
		s.t.Errorf("the last status of %s on %s is that of %s, the newest build is %s", context, key.sha, last.TargetURL, newest.ID)
	}
}

// checkRuns: no command ran twice, a build that succeeded ran both of its commands to
// the end, and nothing ran that is no build.
func (s *storm) checkRuns(builds []chaosBuild) {
	s.t.Helper()
	data, err := os.ReadFile(s.runs)
	if err != nil {
		s.t.Fatal(err)
	}
	times := map[string]int{}
	ran := map[string]bool{}
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		if times[line]++; times[line] > 1 {
			s.t.Errorf("twice: %s", line)
		}
		if fields := strings.Fields(line); len(fields) == 3 {
			ran[fields[1]] = true
		}
	}
	for _, b := range builds {
		delete(ran, b.ID)
		for _, line := range []string{"start " + b.ID + " 1", "stop " + b.ID + " 1", "start " + b.ID + " 2", "stop " + b.ID + " 2"} {
			if b.Status == "succeeded" && times[line] == 0 {
				s.t.Errorf("build #%d succeeded without: %s", b.Number, line)
			}
		}
	}
	if len(ran) > 0 {
		s.t.Errorf("commands of builds that are not there have run: %v", ran)
	}
}

// checkComments: one comment for each pull request, about its newest commit's newest
// build. builds are newest first.
func (s *storm) checkComments(builds []chaosBuild) {
	s.t.Helper()
	for pull := 1; pull <= 2; pull++ {
		comments := s.reports(pull)
		of := func(b chaosBuild) bool { return b.PullRequest != nil && b.PullRequest.Number == pull }
		head := slices.IndexFunc(builds, func(b chaosBuild) bool { return of(b) && b.TriggerType == "webhook" })
		if head < 0 {
			if len(comments) > 0 {
				s.t.Errorf("pull request %d has comments and no build: %+v", pull, comments)
			}
			continue
		}
		newest := builds[slices.IndexFunc(builds, func(b chaosBuild) bool { return b.SHA == builds[head].SHA })]
		if len(comments) != 1 || !strings.Contains(comments[0].Body, s.url+"/builds/"+newest.ID) {
			s.t.Errorf("pull request %d, whose newest build is %s, has these comments: %+v", pull, newest.ID, comments)
		}
	}
}

// reports are the bot's comments on a pull request, its answers left out.
func (s *storm) reports(pull int) []githubtest.Comment {
	return slices.DeleteFunc(s.gh.Comments(s.repo, pull), func(c githubtest.Comment) bool {
		return slices.Contains(commanders(), c.Login) || strings.HasPrefix(c.Body, "<!-- oore:reply ")
	})
}

// checkReplies: a command that was accepted is answered once, and none twice.
func (s *storm) checkReplies() {
	s.t.Helper()
	for _, e := range s.ledger.entries {
		if e.command == 0 {
			continue
		}
		answers := 0
		for _, c := range s.gh.Comments(s.repo, e.pull) {
			if strings.HasPrefix(c.Body, fmt.Sprintf("<!-- oore:reply c=%d -->", e.command)) {
				answers++
			}
		}
		if answers > 1 || e.accepted && answers == 0 {
			s.t.Errorf("command %d, accepted: %t, is answered %d times", e.command, e.accepted, answers)
		}
	}
}
