package gitlabtest

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

const zeroSHA = "0000000000000000000000000000000000000000"

// load reads a recorded payload and makes it one of the project.
func (s *Server) load(name string, p Project) object {
	raw, err := payloads.ReadFile("payloads/" + name + ".json")
	if err != nil {
		panic(err) // embedded: a defect of this package
	}
	var out object
	if err := json.Unmarshal(raw, &out); err != nil {
		panic(err)
	}
	out["project"] = s.describe(out["project"].(object), p)
	if _, has := out["project_id"]; has {
		out["project_id"] = p.ID
	}
	return out
}

// describe makes a recorded project the given one.
func (s *Server) describe(recorded object, p Project) object {
	level := 20
	if p.Private {
		level = 0
	}
	maps.Copy(recorded, object{
		"id": p.ID, "name": p.FullName[strings.LastIndex(p.FullName, "/")+1:], "path_with_namespace": p.FullName, "default_branch": p.DefaultBranch,
		"web_url": s.URL() + "/" + p.FullName, "homepage": s.URL() + "/" + p.FullName, "git_http_url": p.CloneURL, "http_url": p.CloneURL,
		"visibility_level": level,
	})
	return recorded
}

func encode(p object) []byte {
	out, err := json.Marshal(p)
	if err != nil {
		panic(err) // it was JSON before
	}
	return out
}

// PushPayload is a push that moved a branch from before to sha. An empty before makes
// the branch new.
func (s *Server) PushPayload(p Project, branch, before, sha string) []byte {
	out := s.load("push", p)
	span := []string{sha + "^!"}
	if before == "" {
		before = zeroSHA
	} else {
		span = []string{sha, "^" + before}
	}
	out["ref"], out["before"], out["after"], out["checkout_sha"] = "refs/heads/"+branch, before, sha, sha
	list, err := runGit(p.Dir, append([]string{"rev-list", "--reverse"}, span...)...)
	if err != nil {
		panic(fmt.Sprintf("gitlabtest: %s has no commit %s: %s", p.Dir, sha, list))
	}
	ids := strings.Fields(list)
	commits := []object{}
	for _, id := range ids[max(0, len(ids)-20):] {
		commits = append(commits, s.pushCommit(p, id))
	}
	out["commits"], out["total_commits_count"] = commits, len(ids)
	return encode(out)
}

func (s *Server) pushCommit(p Project, sha string) object {
	c, found := readCommit(p.Dir, sha)
	if !found {
		panic(fmt.Sprintf("gitlabtest: %s has no commit %s", p.Dir, sha))
	}
	out := object{
		"id": c.sha, "message": c.message, "title": strings.SplitN(c.message, "\n", 2)[0], "timestamp": c.at, "author": object{"name": c.author, "email": c.email},
		"url": s.URL() + "/" + p.FullName + "/-/commit/" + c.sha, "added": []string{}, "removed": []string{}, "modified": []string{},
	}
	files, err := runGit(p.Dir, "diff-tree", "-r", "-z", "--root", "--no-commit-id", "--name-status", "--no-renames", sha)
	if err != nil {
		panic("gitlabtest: " + files)
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
func (s *Server) TagPayload(p Project, tag string) []byte {
	out := s.load("tag_push", p)
	object, err := runGit(p.Dir, "rev-parse", "--verify", "refs/tags/"+tag)
	if err != nil {
		panic("gitlabtest: no tag " + tag)
	}
	out["ref"], out["before"], out["after"], out["checkout_sha"], out["commits"] = "refs/tags/"+tag, zeroSHA, object, nil, []any{}
	if c, found := readCommit(p.Dir, "refs/tags/"+tag); found {
		out["checkout_sha"], out["commits"] = c.sha, []any{s.pushCommit(p, c.sha)}
	}
	return encode(out)
}

// DeletedPayload is the push that deletes a ref, e.g. refs/heads/old.
func (s *Server) DeletedPayload(p Project, ref, before string) []byte {
	out := s.load("push", p)
	out["ref"], out["before"], out["after"], out["checkout_sha"] = ref, before, zeroSHA, nil
	out["commits"], out["total_commits_count"] = []any{}, 0
	return encode(out)
}

// MergeRequestPayload is an event of a merge request, which the double knows from then
// on as it is in the payload. oldSHA is set when an update brings commits.
func (s *Server) MergeRequestPayload(p Project, action string, mr MergeRequest, oldSHA string) []byte {
	switch action {
	case "close":
		mr.State = "closed"
	case "merge":
		mr.State = "merged"
	}
	mr = s.Open(p, mr)
	out := s.load("merge_request", p)
	out["user"] = object{"id": mr.author.ID, "name": mr.Author, "username": mr.Author}
	out["assignees"], out["reviewers"], out["changes"] = []any{}, []any{}, object{}
	a := out["object_attributes"].(object)
	s.mu.Lock()
	address := s.mergeRequestURL(s.byID(p.ID), &mr)
	s.mu.Unlock()
	maps.Copy(a, object{
		"iid": mr.Number, "title": mr.Title, "action": action, "state": mr.State, "draft": mr.Draft, "work_in_progress": mr.Draft, "url": address,
		"source_branch": mr.SourceBranch, "target_branch": mr.TargetBranch, "source_project_id": mr.sourceProject(p), "target_project_id": p.ID,
		"author_id": mr.author.ID, "last_commit": s.pushCommit(p, mr.SHA),
	})
	s.describe(a["target"].(object), p)
	if oldSHA != "" {
		a["oldrev"] = oldSHA
	}
	return encode(out)
}

// SystemPayload is what an administrator's hook tells of a project, e.g. project_rename.
func (s *Server) SystemPayload(p Project, event string) []byte {
	visibility := "public"
	if p.Private {
		visibility = "private"
	}
	return encode(object{
		"event_name": event, "project_id": p.ID, "name": p.FullName[strings.LastIndex(p.FullName, "/")+1:], "path_with_namespace": p.FullName,
		"project_visibility": visibility, "owner_name": "John Smith", "created_at": "2012-07-21T07:30:58Z", "updated_at": "2012-07-21T07:38:22Z",
	})
}
