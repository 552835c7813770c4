package githubtest

import (
	"embed"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

//go:embed payloads/*.json
var payloads embed.FS

// The repositories that the recorded payloads speak of.
const (
	recordedRepository = "Codertocat/Hello-World"
	recordedQueue      = "octo-org/octo-repo"
)

const zeroSHA = "0000000000000000000000000000000000000000"

// load reads a recorded payload and makes it one of the repository, everywhere that
// names and addresses stand.
func (s *Server) load(name string, repo Repo) object {
	raw, err := payloads.ReadFile("payloads/" + name + ".json")
	if err != nil {
		panic(err) // embedded: a defect of this package
	}
	text := strings.NewReplacer(
		"https://api.github.com/repos/"+recordedRepository, s.APIURL()+"repos/"+repo.FullName,
		"https://api.github.com/repos/"+recordedQueue, s.APIURL()+"repos/"+repo.FullName,
		"https://github.com/"+recordedRepository, s.URL()+"/"+repo.FullName,
		"https://github.com/"+recordedQueue, s.URL()+"/"+repo.FullName,
		recordedRepository, repo.FullName, recordedQueue, repo.FullName,
	).Replace(string(raw))
	var p object
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		panic(err)
	}
	describe(p["repository"].(object), repo)
	p["installation"] = object{"id": repo.InstallationID}
	return p
}

// describe makes a recorded repository the given one.
func describe(r object, repo Repo) {
	owner, name, _ := strings.Cut(repo.FullName, "/")
	maps.Copy(r, object{
		"id": repo.ID, "name": name, "full_name": repo.FullName, "private": repo.Private,
		"clone_url": repo.CloneURL, "default_branch": repo.DefaultBranch, "master_branch": repo.DefaultBranch,
	})
	r["owner"].(object)["login"] = owner
}

func encode(p object) []byte {
	out, err := json.Marshal(p)
	if err != nil {
		panic(err) // it was JSON before
	}
	return out
}

// PushPayload is a push that moved a branch from before to sha. An empty before
// makes the branch new; a before that sha does not descend from is a forced push.
func (s *Server) PushPayload(repo Repo, branch, before, sha string) []byte {
	p := s.load("push", repo)
	p["ref"], p["before"], p["after"] = "refs/heads/"+branch, before, sha
	p["created"], p["forced"] = before == "", false
	span := []string{sha + "^!"}
	if before == "" {
		p["before"] = zeroSHA
	} else {
		_, err := runGit(repo.Dir, "merge-base", "--is-ancestor", before, sha)
		p["forced"] = err != nil
		span = []string{sha, "^" + before}
	}
	list, err := runGit(repo.Dir, append([]string{"rev-list", "--reverse"}, span...)...)
	if err != nil {
		panic(fmt.Sprintf("githubtest: %s has no commit %s: %s", repo.Dir, sha, list))
	}
	commits := []object{}
	for _, id := range strings.Fields(list) {
		commits = append(commits, s.pushCommit(repo, id))
	}
	p["commits"], p["head_commit"] = commits, s.pushCommit(repo, sha)
	return encode(p)
}

func (s *Server) pushCommit(repo Repo, sha string) object {
	c, found := readCommit(repo.Dir, sha)
	if !found {
		panic(fmt.Sprintf("githubtest: %s has no commit %s", repo.Dir, sha))
	}
	person := object{"name": c.author, "email": c.email, "username": "octocat"}
	out := object{
		"id": c.sha, "tree_id": c.tree, "distinct": true, "message": c.message, "timestamp": c.at, "author": person, "committer": person,
		"url": s.URL() + "/" + repo.FullName + "/commit/" + c.sha, "added": []string{}, "removed": []string{}, "modified": []string{},
	}
	files, err := runGit(repo.Dir, "diff-tree", "-r", "-z", "--root", "--no-commit-id", "--name-status", "--no-renames", sha)
	if err != nil {
		panic("githubtest: " + files)
	}
	for pair := range slices.Chunk(strings.Split(strings.TrimRight(files, "\x00"), "\x00"), 2) {
		field := map[string]string{"A": "added", "D": "removed", "M": "modified", "T": "modified"}[pair[0]]
		if field != "" {
			out[field] = append(out[field].([]string), pair[1])
		}
	}
	return out
}

// TagPayload is the push of a tag that is in the repository.
func (s *Server) TagPayload(repo Repo, tag string) []byte {
	p := s.load("push_tag", repo)
	object, err := runGit(repo.Dir, "rev-parse", "--verify", "refs/tags/"+tag)
	if err != nil {
		panic("githubtest: no tag " + tag)
	}
	c, found := readCommit(repo.Dir, "refs/tags/"+tag)
	p["ref"], p["after"], p["head_commit"] = "refs/tags/"+tag, object, nil
	if found {
		p["head_commit"] = s.pushCommit(repo, c.sha)
	}
	return encode(p)
}

// DeletedPayload is the push that deletes a ref, e.g. refs/heads/old.
func (s *Server) DeletedPayload(repo Repo, ref, before string) []byte {
	p := s.load("push_deleted", repo)
	p["ref"], p["before"] = ref, before
	return encode(p)
}

// PullRequestPayload is an event of a pull request, which the double knows from then
// on as it is in the payload.
func (s *Server) PullRequestPayload(action string, repo Repo, pull Pull) []byte {
	pull.Closed = pull.Closed || action == "closed"
	known, headID := s.pull(repo, pull)
	p := s.load("pull_request", repo)
	p["action"], p["number"] = action, known.Number
	p["sender"].(object)["login"] = known.Author
	s.describePull(p["pull_request"].(object), repo, known, headID)
	return encode(p)
}

// pull makes a pull request known, and tells in which repository its head lives.
func (s *Server) pull(repo Repo, p Pull) (known Pull, headID int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.repositories[strings.ToLower(repo.FullName)]
	known = *r.know(p)
	return known, r.headRepository(&known)
}

// describePull makes a recorded pull request the given one.
func (s *Server) describePull(pr object, repo Repo, known Pull, headID int64) {
	pr["number"], pr["title"], pr["draft"], pr["state"] = known.Number, known.Title, known.Draft, known.state()
	pr["html_url"] = fmt.Sprintf("%s/%s/pull/%d", s.URL(), repo.FullName, known.Number)
	maps.Copy(pr["user"].(object), s.person(known.Author))
	head, base := pr["head"].(object), pr["base"].(object)
	head["ref"], head["sha"], base["ref"] = known.HeadBranch, known.HeadSHA, known.BaseBranch
	describe(base["repo"].(object), repo)
	describe(head["repo"].(object), repo)
	if known.Fork {
		_, name, _ := strings.Cut(repo.FullName, "/")
		head["repo"].(object)["id"], head["repo"].(object)["full_name"], head["repo"].(object)["fork"] = headID, known.Author+"/"+name, true
	}
	if known.ForkGone {
		head["repo"] = nil
	}
}

// MergeGroupPayload is the merge queue's question about a commit for a base branch.
func (s *Server) MergeGroupPayload(repo Repo, base, sha string) []byte {
	p := s.load("merge_group", repo)
	c, _ := readCommit(repo.Dir, sha)
	group := p["merge_group"].(object)
	group["head_sha"], group["base_ref"] = sha, "refs/heads/"+base
	group["head_ref"] = "refs/heads/gh-readonly-queue/" + base + "/pr-1-" + sha
	head := group["head_commit"].(object)
	head["id"], head["message"] = sha, c.message
	return encode(p)
}
