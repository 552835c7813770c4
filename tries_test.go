package main

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/oore-ci/oore/store/storetest"
)

// Each server counted for itself: with three, a password could be guessed at three times as
// often.
func TestSeveralServersCountTriesTogether(t *testing.T) {
	database, env := storetest.Postgres(t), append(shared(t), "OORE_RUNNERS=0")
	var servers []*program
	for range 3 {
		servers = append(servers, newProgram(t, database, nil, env...).start())
	}
	seen := map[int]int{}
	for i := range 15 {
		status, _, _ := postJSON(t, servers[i%3].url+"/v1/auth/local/login", body{"email": "ada@example.com", "password": fmt.Sprintf("guess number %d", i)})
		seen[status]++
	}
	if seen[http.StatusUnauthorized] != 5 || seen[http.StatusTooManyRequests] != 10 {
		t.Errorf("of 15 tries of one account at three servers: %v", seen)
	}
	seen = map[int]int{}
	for i := range 45 {
		status, _, _ := postJSON(t, servers[i%3].url+"/v1/auth/local/login", body{"email": fmt.Sprintf("somebody-%d@example.com", i), "password": "a guess"})
		seen[status]++
	}
	if seen[http.StatusUnauthorized] > 30 {
		t.Errorf("of 45 tries from one address at three servers: %v", seen)
	}
}
