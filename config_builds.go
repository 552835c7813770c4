package main

import (
	"errors"
	"strconv"
	"time"
)

// defaultDrain is how long a server that is told to stop waits for its builds.
const defaultDrain = 30 * time.Minute

func readRunners(c *Config, value string) (err error) {
	c.Runners, err = strconv.Atoi(value)
	if err != nil || c.Runners < 0 || c.Runners > 256 {
		return errors.New("give a number from 0 to 256")
	}
	return nil
}

func drainSettings() []setting {
	return []setting{
		{"OORE_DRAIN", "how long a server that is told to stop waits for the builds that run here, before it hands them back to be run again; 0: not at all (default 30m)", readDrain},
	}
}

func readDrain(c *Config, value string) (err error) {
	if c.Drain, err = time.ParseDuration(value); err != nil || c.Drain < 0 || c.Drain > 24*time.Hour {
		return errors.New("give a duration up to 24h such as 30m, or 0")
	}
	return nil
}
