package core

import (
	"strings"
	"testing"
	"time"
	_ "time/tzdata"
)

// TestMomentsFollowTheClocksOfTheirZone has the days on which clocks are changed.
func TestMomentsFollowTheClocksOfTheirZone(t *testing.T) {
	for _, c := range []struct{ name, cron, zone, from, want string }{
		{"a plain day", "30 2 * * *", "America/New_York", "2026-03-06T12:00:00Z", "2026-03-07T07:30:00Z 2026-03-08T07:00:00Z 2026-03-09T06:30:00Z"},
		{"a skipped time comes when the clocks have been changed", "0 2 * * *", "America/New_York", "2026-03-08T06:59:59Z", "2026-03-08T07:00:00Z 2026-03-09T06:00:00Z"},
		{"two skipped times come once", "15,45 2 * * *", "America/New_York", "2026-03-08T06:00:00Z", "2026-03-08T07:00:00Z 2026-03-09T06:15:00Z"},
		{"a doubled time counts once", "30 1 * * *", "America/New_York", "2026-10-31T12:00:00Z", "2026-11-01T05:30:00Z 2026-11-02T06:30:00Z"},
		{"and no second time when asked in the second hour", "30 1 * * *", "America/New_York", "2026-11-01T06:10:00Z", "2026-11-02T06:30:00Z"},
		{"every half hour goes on through the doubled hour", "*/30 * * * *", "America/New_York", "2026-11-01T05:15:00Z", "2026-11-01T05:30:00Z 2026-11-01T06:00:00Z 2026-11-01T06:30:00Z"},
		{"and through the skipped one", "*/30 * * * *", "America/New_York", "2026-03-08T06:15:00Z", "2026-03-08T06:30:00Z 2026-03-08T07:00:00Z"},
		{"half an hour is skipped", "15 2 * * *", "Australia/Lord_Howe", "2026-10-03T12:00:00Z", "2026-10-03T15:30:00Z 2026-10-04T15:15:00Z"},
		{"midnight is skipped", "0 0 * * *", "America/Sao_Paulo", "2018-11-03T12:00:00Z", "2018-11-04T03:00:00Z 2018-11-05T02:00:00Z"},
		{"each hour of a day that has no midnight", "0 * * * 5", "Africa/Cairo", "2026-04-23T21:30:00Z", "2026-04-23T22:00:00Z 2026-04-23T23:00:00Z 2026-04-24T00:00:00Z"},
		{"a day without midnight, and no other", "30 * * * 5", "Africa/Cairo", "2026-04-17T21:45:00Z", "2026-04-23T22:30:00Z"},
		{"Berlin in spring", "30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z 2026-03-30T00:30:00Z"},
		{"Berlin in autumn", "30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z 2026-10-26T01:30:00Z"},
		{"weekdays", "0 9 * * 1-5", "", "2026-11-27T10:00:00Z", "2026-11-30T09:00:00Z 2026-12-01T09:00:00Z"},
		{"names of days", "0 9 * * MON", "UTC", "2026-11-27T10:00:00Z", "2026-11-30T09:00:00Z"},
		{"a word", "@monthly", "UTC", "2026-11-27T10:00:00Z", "2026-12-01T00:00:00Z"},
		{"a leap day", "0 0 29 2 *", "UTC", "2026-11-27T10:00:00Z", "2028-02-29T00:00:00Z"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cron, err := ParseCron(c.cron, c.zone)
			if err != nil {
				t.Fatal(err)
			}
			at, err := time.Parse(time.RFC3339, c.from)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for range strings.Fields(c.want) {
				at = cron.Next(at)
				got = append(got, at.Format(time.RFC3339))
			}
			if strings.Join(got, " ") != c.want {
				t.Errorf("%q, want %s", got, c.want)
			}
		})
	}
}

// Where both days are given one is enough, as in crontab.
func TestEitherDayIsEnough(t *testing.T) {
	cron, err := ParseCron("0 3 15 * 1", "UTC")
	if err != nil {
		t.Fatal(err)
	}
	var days []string
	for at := time.Date(2026, 12, 8, 0, 0, 0, 0, time.UTC); len(days) < 3; {
		at = cron.Next(at)
		days = append(days, at.Format("Mon 2"))
	}
	if got := strings.Join(days, ", "); got != "Mon 14, Tue 15, Mon 21" {
		t.Error(got)
	}
}

func TestWhatIsNoCronSaysWhichFieldAndWhy(t *testing.T) {
	for _, c := range []struct{ cron, zone, want string }{
		{"", "", "cron: give five fields"},
		{"* * * *", "", "cron: give five fields"},
		{"0 0 0 * * *", "", "cron: give five fields"},
		{"@every 5m", "", "cron: give five fields"},
		{"@reboot", "", "cron: give five fields"},
		{"TZ=UTC 0 0 * * *", "", "cron: give five fields"},
		{"61 * * * *", "", `cron: "61" is no minute: give 0-59`},
		{"0 0 L * *", "", `cron: "L" is no day of the month: give 1-31`},
		{"0 0 * * L", "", `cron: "L" is no day of the week: give 0-7 or SUN-SAT`},
		{"0 0 30 2 *", "", "cron: there is no such day"},
		{"0 0 * * *", "Mars/Olympus", "time_zone: \"Mars/Olympus\" is no time zone"},
		{"0 0 * * *", "Local", "time_zone:"},
		{"0 0 * * *", "../etc/passwd", "time_zone:"},
	} {
		if _, err := ParseCron(c.cron, c.zone); KindOf(err) != KindInvalid || !strings.HasPrefix(MessageOf(err), c.want) {
			t.Errorf("%q in %q: %v, want %s", c.cron, c.zone, err, c.want)
		}
	}
}

func TestTheLastMissedMomentIsFound(t *testing.T) {
	cron, err := ParseCron("0 * * * *", "UTC")
	if err != nil {
		t.Fatal(err)
	}
	first := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	for after, want := range map[time.Duration]time.Time{0: first, 59 * time.Minute: first, 5*time.Hour + 1: first.Add(5 * time.Hour)} {
		if got := cron.Last(first, first.Add(after)); !got.Equal(want) {
			t.Errorf("after %s: %s, want %s", after, got, want)
		}
	}
}

func FuzzParseCron(f *testing.F) {
	for _, seed := range []string{"30 2 * * 1-5", "*/5 * * * *", "@daily", "0 0 29 2 *", "H H * * *", "1-2/3,4 ? L W #"} {
		f.Add(seed, "Europe/Berlin")
	}
	f.Fuzz(func(t *testing.T, expression, zone string) {
		c, err := ParseCron(expression, zone)
		if err != nil {
			if KindOf(err) != KindInvalid {
				t.Errorf("%q: %v", expression, err)
			}
			return
		}
		at := time.Date(2026, 10, 24, 0, 0, 0, 0, time.UTC)
		for range 5 {
			next := c.Next(at)
			if next.IsZero() {
				return
			}
			if !next.After(at) {
				t.Fatalf("%q in %q: %s comes after %s", expression, zone, next, at)
			}
			at = next
		}
	})
}
