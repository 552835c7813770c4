package githubtest

import (
	"encoding/json"
	"net/http"
	"slices"
)

// reaction is somebody's small answer to a comment.
type reaction struct {
	id      int64
	login   string
	content string
}

// Reactions lists what people think of a comment, oldest first, e.g. "eyes".
func (s *Server) Reactions(commentID int64) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for _, r := range s.reactions[commentID] {
		out = append(out, r.content)
	}
	return out
}

// createReaction adds a reaction, or answers 200 with the one that is there.
func (s *Server) createReaction(c *call) answer {
	_, comment, a := s.commentOf(c, "write")
	if comment == nil {
		return a
	}
	var wish struct {
		Content string `json:"content"`
	}
	if err := json.Unmarshal(c.body, &wish); err != nil {
		return refuse(http.StatusBadRequest, "Problems parsing JSON")
	}
	if !slices.Contains([]string{"+1", "-1", "laugh", "confused", "heart", "hooray", "rocket", "eyes"}, wish.Content) {
		return invalid("Reaction", "content", "content is not included in the list")
	}
	login := s.botOf(c)
	for _, r := range s.reactions[comment.ID] {
		if r.login == login && r.content == wish.Content {
			return ok(s.showReaction(r))
		}
	}
	r := reaction{s.nextID(), login, wish.Content}
	s.reactions[comment.ID] = append(s.reactions[comment.ID], r)
	return created(s.showReaction(r))
}

func (s *Server) showReaction(r reaction) object {
	return object{"id": r.id, "user": s.showUser(r.login), "content": r.content}
}
