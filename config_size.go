package main

import (
	"errors"
	"math"
	"strconv"
	"strings"
)

func readSize(field func(*Config) *int64) func(*Config, string) error {
	return func(c *Config, value string) (err error) {
		*field(c), err = parseSize(value)
		return err
	}
}

func parseSize(value string) (int64, error) {
	units := []struct {
		suffix string
		factor float64
	}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"B", 1}, {"", 1}}
	for _, u := range units {
		number, ok := strings.CutSuffix(value, u.suffix)
		if !ok {
			continue
		}
		n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		if n *= u.factor; err != nil || !(n >= 1<<10 && n <= math.MaxInt64/2) { // NaN is neither
			break
		}
		return int64(n), nil
	}
	return 0, errors.New("give a size of at least 1KiB, for example 256MiB")
}
