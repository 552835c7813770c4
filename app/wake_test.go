package app

import (
	"fmt"
	"testing"
)

// What nobody rings any more is forgotten; whoever waits for it is woken once in vain.
func TestABellRemembersSoMuch(t *testing.T) {
	b := newBell(nil)
	first := b.wait("build:0")
	for n := range 3 * mostTopics {
		b.wait(fmt.Sprintf("build:%d", n))
		if len(b.topics) > mostTopics {
			t.Fatalf("%d topics", len(b.topics))
		}
	}
	select {
	case <-first:
	default:
		t.Error("whoever waited is forgotten")
	}
}
