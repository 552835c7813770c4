//go:build !chaos

package main

import "time"

// wallClock is this machine's clock.
func wallClock() time.Time { return time.Now().UTC() }
