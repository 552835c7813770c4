package githubtest

import (
	"fmt"
	"maps"
	"strings"
)

// CommentPayload is an event of a comment in a pull request, which the double knows
// from then on; "created" comes when it is written.
func (s *Server) CommentPayload(action string, repo Repo, pull Pull, comment Comment) []byte {
	known, _ := s.pull(repo, pull)
	p := s.load("issue_comment", repo)
	p["action"] = action
	s.wrote(p, p["comment"].(object), comment)
	page := fmt.Sprintf("%s/%s/pull/%d", s.URL(), repo.FullName, known.Number)
	p["comment"].(object)["html_url"] = fmt.Sprintf("%s#issuecomment-%d", page, comment.ID)
	issue := p["issue"].(object)
	maps.Copy(issue, object{
		"number": known.Number, "title": known.Title, "state": known.state(), "draft": known.Draft, "html_url": page,
		// What tells a pull request from an issue. The recorded comment is on an issue.
		"pull_request": object{
			"url": fmt.Sprintf("%srepos/%s/pulls/%d", s.APIURL(), repo.FullName, known.Number), "html_url": page,
			"diff_url": page + ".diff", "patch_url": page + ".patch", "merged_at": nil,
		},
	})
	maps.Copy(issue["user"].(object), s.person(known.Author))
	return encode(p)
}

// ReviewPayload is an event of a pull request's review, which the double knows from
// then on; "submitted" comes when it is written. Its text is given as a comment, whose
// id is the review's.
func (s *Server) ReviewPayload(action string, repo Repo, pull Pull, review Comment) []byte {
	known, headID := s.pull(repo, pull)
	p := s.load("pull_request_review", repo)
	p["action"] = action
	s.wrote(p, p["review"].(object), review)
	p["review"].(object)["commit_id"] = known.HeadSHA
	s.describePull(p["pull_request"].(object), repo, known, headID)
	return encode(p)
}

// wrote fills in who wrote what. An App's comments say by which it was written.
func (s *Server) wrote(payload, text object, c Comment) {
	s.mu.Lock()
	defer s.mu.Unlock()
	user := s.showUser(c.Login)
	maps.Copy(text["user"].(object), user)
	maps.Copy(payload["sender"].(object), user)
	text["id"], text["body"] = c.ID, c.Body
	if slug, isBot := strings.CutSuffix(c.Login, "[bot]"); isBot {
		text["performed_via_github_app"] = object{"slug": slug}
	}
}
