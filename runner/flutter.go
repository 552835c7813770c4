package runner

import (
	"context"
	"encoding/json"
	"os/exec"
	"regexp"
	"strings"

	"github.com/oore-ci/oore/app/core"
)

// chooseFlutter makes the plan use the version of Flutter that the commit asks for,
// in its `.fvmrc` or its configuration. Without fvm the version is whichever the
// runner has, and the log says so if that is another one.
func (b *build) chooseFlutter(ctx context.Context, plan *core.Plan) error {
	path, data, err := readConfig(b.dir, []string{core.FVMRCPath})
	if err != nil {
		return failf(core.ReasonConfigInvalid, "%v", err)
	}
	if path != "" {
		version, err := core.ParseFVMRC(data)
		if err != nil {
			return failf(core.ReasonConfigInvalid, "%s", sentence(err))
		}
		if plan.FlutterVersion != "" && plan.FlutterVersion != version {
			b.log.system(checkoutStep, "%s asks for Flutter %s, so flutter_version %s is not used", path, version, plan.FlutterVersion)
		}
		plan.FlutterVersion = version
	}
	switch {
	case plan.FlutterVersion == "":
	case installed("fvm"):
		plan.UseFVM()
	case installed("flutter"):
		b.compareFlutter(ctx, *plan)
	}
	return nil
}

func installed(program string) bool {
	_, err := exec.LookPath(program)
	return err == nil
}

// compareFlutter warns if the runner's Flutter is not the one that is asked for.
func (b *build) compareFlutter(ctx context.Context, plan core.Plan) {
	out := &tailBuffer{limit: 16 << 10}
	ask := command{
		argv: []string{b.pool.shell, "-c", "flutter --version --machine"}, dir: b.dir,
		env: commandEnv(b.hostEnv(), b.job, b.sha, plan.Env), sandbox: b.sandbox(),
	}
	if _, err := b.spawn(ctx, ask, nil, out, &tailBuffer{}); err != nil {
		return // the steps will tell
	}
	f := flutterOf(out.String())
	if !f.is(plan.FlutterVersion) {
		b.log.system(checkoutStep,
			"Warning: this commit asks for Flutter %s, but the runner %s has %s. Install fvm (https://fvm.app) on it and Oore uses the version that is asked for.",
			plan.FlutterVersion, b.pool.runner.Name, f)
	}
}

// installedFlutter is what Flutter says of itself.
type installedFlutter struct {
	Version  string `json:"frameworkVersion"`
	Channel  string `json:"channel"`
	Revision string `json:"frameworkRevision"`
}

var flutterBanner = regexp.MustCompile(`(?m)^Flutter (\S+) • channel (\S+)`)

// flutterOf reads what `flutter --version --machine` printed, or the plain form.
func flutterOf(output string) (f installedFlutter) {
	if i := strings.IndexByte(output, '{'); i >= 0 {
		_ = json.NewDecoder(strings.NewReader(output[i:])).Decode(&f)
	}
	if m := flutterBanner.FindStringSubmatch(output); f.Version == "" && m != nil {
		f.Version, f.Channel = m[1], m[2]
	}
	return f
}

// is tells whether it is the wanted version, channel or commit.
func (f installedFlutter) is(wanted string) bool {
	version, channel, both := strings.Cut(wanted, "@")
	if both && channel != f.Channel {
		return false
	}
	bare := strings.TrimPrefix(version, "v")
	return bare == f.Version || version == f.Channel || len(version) >= 7 && strings.HasPrefix(f.Revision, version)
}

func (f installedFlutter) String() string {
	if f.Version == "" {
		return "a version that it does not tell"
	}
	return f.Version
}
