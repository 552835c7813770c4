package core

import (
	"testing"
	"time"
)

func TestAQuotaRefusesAtItsBounds(t *testing.T) {
	for name, c := range map[string]struct {
		quota Quota
		use   QuotaUse
		code  string // empty: nothing is refused
	}{
		"no bound":                {Quota{}, QuotaUse{Queued: 1e6, Worked: 1e6 * time.Hour}, ""},
		"room in the queue":       {Quota{MaxQueued: 3}, QuotaUse{Queued: 2}, ""},
		"a full queue":            {Quota{MaxQueued: 3}, QuotaUse{Queued: 3}, CodeConcurrency},
		"a queue that was fuller": {Quota{MaxQueued: 3}, QuotaUse{Queued: 9}, CodeConcurrency},
		"minutes left":            {Quota{MinutesPerDay: 10}, QuotaUse{Worked: 10*time.Minute - time.Second}, ""},
		"minutes used":            {Quota{MinutesPerDay: 10}, QuotaUse{Worked: 10 * time.Minute}, CodeMinutesUsed},
		"both":                    {Quota{MaxQueued: 1, MinutesPerDay: 1}, QuotaUse{Queued: 1, Worked: time.Hour}, CodeConcurrency},
	} {
		err := c.quota.Refuses(c.use)
		if code := CodeOf(err); (err == nil) != (c.code == "") || err != nil && (code != c.code || KindOf(err) != KindConflict) {
			t.Errorf("%s: %v", name, err)
		}
		if v, is := QuotaVerdict(err); is != (err != nil) || is && (v.Matched || v.Code == "" || v.Reason == "") {
			t.Errorf("%s: the verdict is %+v, %v", name, v, is)
		}
	}
	if _, is := QuotaVerdict(Codef(KindConflict, CodePipelineDisabled, "x")); is {
		t.Error("another refusal is taken for the quota's")
	}
}

func TestAQuotaHasBoundsOfItsOwn(t *testing.T) {
	for _, q := range []Quota{{MaxConcurrent: -1}, {MaxQueued: maxQuota + 1}, {MinutesPerDay: -5}, {LogsBytes: -1}, {ArtifactsBytes: -1}} {
		if err := q.Validate(); KindOf(err) != KindInvalid {
			t.Errorf("%+v: %v", q, err)
		}
	}
	if err := (Quota{1, 2, 3, 4, 5}).Validate(); err != nil {
		t.Error(err)
	}
}
