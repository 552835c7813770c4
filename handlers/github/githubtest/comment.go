package githubtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

const maxBody = 65_536

// Comment is a comment of a pull request.
type Comment struct {
	ID        int64
	Number    int // the pull request
	Login     string
	Body      string
	Edits     int
	CreatedAt time.Time
	UpdatedAt time.Time
}

func (s *Server) show(c *Comment) object {
	return object{
		"id": c.ID, "body": c.Body, "user": s.showUser(c.Login),
		"created_at": c.CreatedAt.UTC(), "updated_at": c.UpdatedAt.UTC(),
	}
}

// AddComment writes a comment as somebody else.
func (s *Server) AddComment(repo Repo, number int, login, body string) Comment {
	s.mu.Lock()
	defer s.mu.Unlock()
	return *s.addComment(s.repositories[strings.ToLower(repo.FullName)], number, login, body)
}

func (s *Server) addComment(r *repository, number int, login, body string) *Comment {
	now := time.Now()
	c := &Comment{ID: s.nextID(), Number: number, Login: login, Body: body, CreatedAt: now, UpdatedAt: now}
	r.comments = append(r.comments, c)
	return c
}

// DeleteComment removes a comment, as a user may.
func (s *Server) DeleteComment(repo Repo, id int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.repositories[strings.ToLower(repo.FullName)].dropComment(id)
}

func (r *repository) dropComment(id int64) {
	r.comments = slices.DeleteFunc(r.comments, func(c *Comment) bool { return c.ID == id })
}

// Comments lists the comments of a pull request, oldest first.
func (s *Server) Comments(repo Repo, number int) []Comment {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Comment
	for _, c := range s.repositories[strings.ToLower(repo.FullName)].comments {
		if c.Number == number {
			out = append(out, *c)
		}
	}
	return out
}

// readBody reads the one field that a comment has.
func readBody(c *call) (string, answer) {
	var in struct {
		Body string `json:"body"`
	}
	switch err := json.Unmarshal(c.body, &in); {
	case err != nil:
		return "", refuse(http.StatusBadRequest, "Problems parsing JSON")
	case strings.TrimSpace(in.Body) == "":
		return "", invalid("IssueComment", "body", "body can't be blank")
	case utf8.RuneCountInString(in.Body) > maxBody:
		return "", invalid("IssueComment", "body", "body is too long (maximum is 65536 characters)")
	}
	return in.Body, answer{}
}

// getIssue tells issues/{number}/comments from issues/comments/{id}, which the mux
// cannot.
func (s *Server) getIssue(c *call) answer {
	switch {
	case c.PathValue("number") == "comments":
		c.SetPathValue("id", c.PathValue("what"))
		return s.getComment(c)
	case c.PathValue("what") == "comments":
		return s.listComments(c)
	}
	return notFound()
}

func (s *Server) listComments(c *call) answer {
	r, a := s.repository(c, "issues:read", "pull_requests:read")
	if r == nil {
		return a
	}
	number := int(c.number("number"))
	if r.pulls[number] == nil {
		return notFound()
	}
	list := []object{}
	for _, comment := range r.comments {
		if comment.Number == number {
			list = append(list, s.show(comment))
		}
	}
	return paged(c, list)
}

func (s *Server) createComment(c *call) answer {
	r, a := s.repository(c, "issues:write", "pull_requests:write")
	if r == nil {
		return a
	}
	number := int(c.number("number"))
	if r.pulls[number] == nil {
		return notFound()
	}
	body, a := readBody(c)
	if body == "" {
		return a
	}
	return created(s.show(s.addComment(r, number, s.botOf(c), body)))
}

// botOf is the bot user of the App whose token a call has.
func (s *Server) botOf(c *call) string {
	return s.lookup(bearer(c.Request)).installation.app.Slug + "[bot]"
}

// commentOf finds the comment of a call; its answer is set if there is none.
func (s *Server) commentOf(c *call, level string) (*repository, *Comment, answer) {
	r, a := s.repository(c, "issues:"+level, "pull_requests:"+level)
	if r == nil {
		return nil, nil, a
	}
	i := slices.IndexFunc(r.comments, func(comment *Comment) bool { return comment.ID == c.number("id") })
	if i < 0 {
		return nil, nil, notFound()
	}
	return r, r.comments[i], answer{}
}

func (s *Server) getComment(c *call) answer {
	_, comment, a := s.commentOf(c, "read")
	if comment == nil {
		return a
	}
	return ok(s.show(comment))
}

func (s *Server) editComment(c *call) answer {
	_, comment, a := s.commentOf(c, "write")
	if comment == nil {
		return a
	}
	body, a := readBody(c)
	if body == "" {
		return a
	}
	comment.Body, comment.UpdatedAt, comment.Edits = body, time.Now(), comment.Edits+1
	return ok(s.show(comment))
}

func (s *Server) deleteComment(c *call) answer {
	r, comment, a := s.commentOf(c, "write")
	if comment == nil {
		return a
	}
	r.dropComment(comment.ID)
	return answer{status: http.StatusNoContent}
}

// paged answers one page of a list, with links to the others.
func paged[T any](c *call, list []T) answer {
	query := c.URL.Query()
	size, err := strconv.Atoi(query.Get("per_page"))
	if err != nil || size < 1 || size > 100 {
		size = 30
	}
	page, err := strconv.Atoi(query.Get("page"))
	if err != nil || page < 1 {
		page = 1
	}
	from := min((page-1)*size, len(list))
	to := min(from+size, len(list))
	a := ok(append([]T{}, list[from:to]...))
	if to < len(list) {
		link := func(page int, rel string) string {
			query.Set("page", strconv.Itoa(page))
			return fmt.Sprintf("<http://%s%s%s?%s>; rel=%q", c.Host, apiPrefix, c.URL.Path, query.Encode(), rel)
		}
		a.header = http.Header{"Link": {link(page+1, "next") + ", " + link((len(list)+size-1)/size, "last")}}
	}
	return a
}
