//go:build bench

package main

import (
	"fmt"
	"testing"

	"github.com/oore-ci/oore/store/storetest"
)

// BenchmarkLiveLineOfAnotherServer is BenchmarkLiveLine with the builds at one server and
// the readers at another, and beside it, in the same run, with both at one of the two.
func BenchmarkLiveLineOfAnotherServer(b *testing.B) {
	for _, readers := range []int{1, 100} {
		for _, elsewhere := range []bool{false, true} {
			b.Run(fmt.Sprintf("%d-readers/elsewhere-%t", readers, elsewhere), func(b *testing.B) {
				database, common := storetest.Postgres(b), shared(b)
				liveLines(b, database, readers, common, func(s *site) *program {
					other := newProgram(b, database, s.gh, append(common, "OORE_RUNNERS=0")...).start()
					if elsewhere {
						return other
					}
					return s.program
				})
			})
		}
	}
}
