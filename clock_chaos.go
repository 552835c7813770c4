//go:build chaos

package main

import (
	"os"
	"strings"
	"time"
)

// wallClock is this machine's clock, set by what the file says that OORE_TEST_CLOCK names.
func wallClock() time.Time {
	by, err := os.ReadFile(os.Getenv("OORE_TEST_CLOCK"))
	if err != nil {
		return time.Now().UTC()
	}
	offset, err := time.ParseDuration(strings.TrimSpace(string(by)))
	if err != nil {
		panic(err)
	}
	return time.Now().UTC().Add(offset)
}
