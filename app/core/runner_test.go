package core

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestARunnerHasTheLabelsOfItsPlatform(t *testing.T) {
	r := Runner{Platform: Platform("darwin", "arm64"), Embedded: true}
	r.SetLabels([]string{" xcode ", "macos", "xcode", "built-in"})
	if want := []string{"xcode"}; !slices.Equal(r.Labels, want) {
		t.Errorf("its own labels are %v, want %v", r.Labels, want)
	}
	if got, want := r.AllLabels(), []string{"arm64", "built-in", "macos", "xcode"}; !slices.Equal(got, want) {
		t.Errorf("all labels are %v, want %v", got, want)
	}
	for _, p := range [][3]string{{"linux", "amd64", "linux/x64"}, {"darwin", "amd64", "macos/x64"}, {"freebsd", "riscv64", "freebsd/riscv64"}} {
		if got := Platform(p[0], p[1]); got != p[2] {
			t.Errorf("%s on %s is %s, want %s", p[0], p[1], got, p[2])
		}
	}
}

func TestTheStateOfARunner(t *testing.T) {
	now := time.Unix(1000, 0)
	for want, r := range map[RunnerState]Runner{
		RunnerOnline:   {Enabled: true, Slots: 1, LastSeenAt: now.Add(-time.Minute)},
		RunnerOffline:  {Enabled: true, Slots: 1, LastSeenAt: now.Add(-time.Minute - 1)},
		RunnerDraining: {Draining: true, Slots: 1, LastSeenAt: now},
		RunnerPaused:   {LastSeenAt: now},
		RunnerFull:     {Enabled: true, LastSeenAt: now},
	} {
		if got := r.State(now); got != want {
			t.Errorf("%+v is %s, want %s", r, got, want)
		}
	}
	if got := (Runner{Enabled: true}).State(now); got != RunnerOffline {
		t.Errorf("one that was never seen is %s", got)
	}
}

func TestWhatIsSaidOfARunnerIsChecked(t *testing.T) {
	good := Runner{Name: "mini", Labels: []string{"xcode-16"}, Platform: "macos/arm64", Slots: 1}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	for what, change := range map[string]func(*Runner){
		"name":     func(r *Runner) { r.Name = "" },
		"labels":   func(r *Runner) { r.Labels = []string{"a b"} },
		"platform": func(r *Runner) { r.Platform = "windows" },
		"slots":    func(r *Runner) { r.Slots = 257 },
		"version":  func(r *Runner) { r.Version = "a\nb" },
	} {
		bad := good
		change(&bad)
		if err := bad.Validate(); KindOf(err) != KindInvalid || !strings.HasPrefix(err.Error(), what) {
			t.Errorf("a bad %s: %v", what, err)
		}
	}
	if err := (RunnerBeat{Platform: "linux/x64", Slots: 1}).Validate(); KindOf(err) != KindInvalid {
		t.Errorf("a beat without a session: %v", err)
	}
}

func TestALeaseIsGivenUpBeforeItEnds(t *testing.T) {
	if fence := FenceAfter(LeaseTTL); fence <= 150*time.Second+RenewEvery(LeaseTTL) || fence+20*time.Second > LeaseTTL {
		t.Errorf("of %s a runner gives up after %s: too soon for a house that is away for 150 s, or too late to stop what runs", LeaseTTL, fence)
	}
}

// Between a runner and its server these travel as encoding/json writes them.
func TestNothingIsLostOnTheWayToARunner(t *testing.T) {
	for _, value := range []any{&Job{}, &Step{}, &Result{}, &LogChunk{}, &Artifact{}, &Checkout{}, &Renewal{}, &RunnerBeat{}, &SecretValue{}} {
		fill(reflect.ValueOf(value).Elem())
		data, err := json.Marshal(value)
		if err != nil {
			t.Fatalf("%T: %v", value, err)
		}
		back := reflect.New(reflect.TypeOf(value).Elem())
		if err := json.Unmarshal(data, back.Interface()); err != nil {
			t.Fatalf("%T: %v", value, err)
		}
		if !reflect.DeepEqual(back.Interface(), value) {
			t.Errorf("%T changes on its way:\n%+v\n%+v", value, value, back.Interface())
		}
	}
}

// fill gives every field a value that is not its zero.
func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(time.Unix(1, 1000).UTC()))
			return
		}
		for i := range v.NumField() {
			fill(v.Field(i))
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0))
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key)
		fill(value)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	case reflect.String:
		v.SetString("x")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(7)
	case reflect.Uint8, reflect.Uint32:
		v.SetUint(7)
	case reflect.Float64:
		v.SetFloat(7)
	default:
		panic("fill does not know " + v.Kind().String())
	}
}

func TestARunnerAndItsServerMayBeOneVersionApart(t *testing.T) {
	for _, c := range []struct {
		runner, server int
		says           string
	}{
		{3, 3, ""},
		{2, 3, ""},
		{4, 3, ""},
		{0, 1, ""},
		{1, 3, "update the runner"},
		{5, 3, "update the server"},
	} {
		err := UnderstandRunner(c.runner, c.server)
		if (err == nil) != (c.says == "") || err != nil && (!strings.HasSuffix(err.Error(), c.says) || CodeOf(err) != CodeRunnerProtocol) {
			t.Errorf("runner %d, server %d: %v, want %q", c.runner, c.server, err, c.says)
		}
	}
}
