package runner

import (
	"time"

	"golang.org/x/sys/unix"
)

// Uptime tells for how long this machine is on, the time in which it slept included: Go's
// own clock stands still then, and whoever had its builds taken meanwhile must know. No
// setting of the clock changes it.
func Uptime() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(sleeplessClock, &t); err != nil {
		panic("the system has no clock that goes on in sleep: " + err.Error())
	}
	return time.Duration(t.Nano())
}
