package core

import (
	"errors"
	"strings"
	"time"

	"github.com/netresearch/go-cron"
)

// Cron says at which moments something is due: five fields (minute, hour, day of the
// month, month, day of the week; where both days are given one of them is enough, as in
// crontab) or one of @hourly, @daily, @weekly, @monthly,
// @yearly, read on the clocks of a time zone.
type Cron struct {
	spec cron.Schedule
	zone *time.Location
	// byHour tells that it is due at times of the day, and not every so many minutes: a
	// time that the clocks show twice then counts once, and one that they skip comes as
	// soon as they have.
	byHour bool
}

// ParseCron reads an expression and the name of a time zone (Europe/Berlin; empty: UTC).
// KindInvalid names the field and what is wrong with it.
func ParseCron(expression, zone string) (Cron, error) {
	location, err := time.LoadLocation(zone)
	if err != nil || zone == "Local" {
		return Cron{}, Errorf(KindInvalid, "time_zone: %q is no time zone; give a name such as Europe/Berlin or UTC", truncate(zone, 64))
	}
	fields := strings.Fields(strings.TrimSpace(expression))
	if len(fields) == 1 {
		fields = strings.Fields(map[string]string{
			"@hourly": "0 * * * *", "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@weekly": "0 0 * * 0", "@monthly": "0 0 1 * *", "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *",
		}[fields[0]])
	}
	if len(expression) > maxPatternLength || len(fields) != 5 {
		return Cron{}, Errorf(KindInvalid, "cron: give five fields (minute, hour, day of the month, month, day of the week), such as \"30 2 * * 1-5\", or one of @hourly, @daily, @weekly, @monthly, @yearly")
	}
	spec, err := parseFields(fields)
	if err != nil {
		return Cron{}, err
	}
	c := Cron{spec: spec, zone: location, byHour: !strings.HasPrefix(fields[1], "*")}
	if c.Next(time.Now()).IsZero() {
		return Cron{}, Errorf(KindInvalid, "cron: there is no such day in the next years")
	}
	return c, nil
}

// cronFields are the fields, and what each takes.
var cronFields = []struct{ name, takes string }{
	{"minute", "0-59"}, {"hour", "0-23"}, {"day of the month", "1-31"}, {"month", "1-12 or JAN-DEC"}, {"day of the week", "0-7 or SUN-SAT"},
}

func parseFields(fields []string) (cron.Schedule, error) {
	for n, f := range cronFields {
		alone := []string{"*", "*", "*", "*", "*"}
		alone[n] = fields[n]
		if _, err := parseCron(alone); err != nil {
			return nil, Errorf(KindInvalid, "cron: %q is no %s: give %s, * for each, 1-5 for a range, 1,3 for a list, */2 for every second one", truncate(fields[n], 32), f.name, f.takes).Because(err)
		}
	}
	spec, err := parseCron(fields)
	if err != nil {
		return nil, Errorf(KindInvalid, "cron: it cannot be read").Because(err)
	}
	return spec, nil
}

// parseCron keeps a defect of the parser from ending the process.
func parseCron(fields []string) (spec cron.Schedule, err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("the parser gave up")
		}
	}()
	return cron.MustNewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow | cron.DowOrDom).Parse(strings.Join(fields, " "))
}

// Next is the first moment after t; zero: there is none in the next years.
func (c Cron) Next(t time.Time) time.Time {
	if !c.byHour {
		return c.nextThrough(t)
	}
	for wall := c.spec.Next(wallClock(t.In(c.zone))); !wall.IsZero(); wall = c.spec.Next(wall) {
		if at := c.when(wall); at.After(t) {
			return at.UTC()
		}
	}
	return time.Time{}
}

// Last is the last moment that is not after t, of those from first on, which is one.
func (c Cron) Last(first, t time.Time) time.Time {
	for range maxMissed {
		next := c.Next(first)
		if next.IsZero() || next.After(t) {
			return first
		}
		first = next
	}
	return first
}

// maxMissed bounds how many missed moments Last goes through: a month of minutes.
const maxMissed = 50_000

// nextThrough is the first moment after t of all that the clocks show, twice or once. It
// asks for one stretch between two changes of the clocks after the other, since the library
// loses a day that has no midnight.
func (c Cron) nextThrough(t time.Time) time.Time {
	for local := t.In(c.zone); ; {
		_, change := local.ZoneBounds()
		next := c.spec.Next(t.In(time.FixedZone("", int(offset(local).Seconds()))))
		if next.IsZero() || change.IsZero() || next.Before(change) {
			return next.UTC()
		}
		local, t = change, change.Add(-time.Second) // what is due at the change itself is after that
	}
}

// wallClock is what the clocks show, as if they were in UTC.
func wallClock(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
}

// when is the first moment at which the clocks show it, or else that at which they have
// skipped it.
func (c Cron) when(wall time.Time) time.Time {
	before, after := offset(wall.Add(-24*time.Hour).In(c.zone)), offset(wall.Add(24*time.Hour).In(c.zone))
	for _, o := range []time.Duration{before, after} {
		if at := wall.Add(-o); wallClock(at.In(c.zone)).Equal(wall) {
			return at
		}
	}
	low, high := wall.Add(-24*time.Hour), wall.Add(24*time.Hour) // the change lies between
	for high.Sub(low) > time.Second {
		middle := low.Add(high.Sub(low) / 2)
		if offset(middle.In(c.zone)) == before {
			low = middle
		} else {
			high = middle
		}
	}
	return high.Truncate(time.Second)
}

func offset(t time.Time) time.Duration {
	_, seconds := t.Zone()
	return time.Duration(seconds) * time.Second
}
