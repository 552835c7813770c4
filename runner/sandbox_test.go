package runner

import (
	"errors"
	"flag"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// dialEnv makes the test binary, as a command of a build, connect to a unix socket, which
// it serves itself unless it is an abstract one.
const dialEnv = "RUNNER_TEST_DIAL"

func dial(addr string) {
	var err error
	if !strings.HasPrefix(addr, "@") {
		_, err = net.Listen("unix", addr)
	}
	conn, dialErr := net.Dial("unix", addr)
	if err = errors.Join(err, dialErr); err != nil {
		println(err.Error())
		os.Exit(1)
	}
	_ = conn.Close()
}

// newHome is a home of the server's user, outside of the temporary folders, to which
// builds may write.
func newHome(t testing.TB) string {
	t.Helper()
	real, err := os.UserHomeDir()
	if err != nil {
		t.Fatal(err)
	}
	home, err := os.MkdirTemp(real, ".oore-test-") //nolint:usetesting // it must lie in the home
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = removeAll(home) })
	for _, open := range []string{"/tmp", "/var/tmp", os.TempDir()} {
		if within(resolve(open), resolve(home)) {
			t.Fatalf("%s is a temporary folder, which builds may write to: run the tests with a HOME elsewhere", home)
		}
	}
	t.Setenv("HOME", home)
	return home
}

// makeFiles makes files below root, and returns it; those whose names end with a slash are folders.
func makeFiles(t *testing.T, root string, names ...string) string {
	t.Helper()
	for _, name := range names {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if strings.HasSuffix(name, "/") {
			err = os.MkdirAll(path, 0o755)
		} else {
			err = os.WriteFile(path, nil, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestWhatMayBeReadIsAllButWhatIsHidden(t *testing.T) {
	root := makeFiles(t, t.TempDir(), "etc/secret", "etc/hosts", "home/ann/.bashrc", "home/ann/.local/share/oore/db", "home/ann/.local/share/other/", "home/bob/", "usr/")
	if err := os.Symlink(filepath.Join(root, "home/ann/.local/share/oore"), filepath.Join(root, "link")); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		of     string
		hidden []string
		want   []string
	}{
		{"nothing hidden", "", nil, []string{"."}},
		{"something elsewhere", "usr", []string{"home/ann"}, []string{"usr"}},
		{"a name that only begins alike", "usr", []string{"us", "usr2"}, []string{"usr"}},
		{"a folder deep down", "", []string{"home/ann/.local/share/oore"}, []string{"etc", "home/ann/.bashrc", "home/ann/.local/share/other", "home/bob", "usr"}},
		{"a file and a folder", "", []string{"etc/secret", "home"}, []string{"etc/hosts", "usr"}},
		{"itself", "home", []string{"home"}, nil},
		{"something in what is hidden", "home/ann", []string{"home"}, nil},
		{"something hidden that is not there", "etc", []string{"etc/none"}, []string{"etc/hosts", "etc/secret"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var s sandbox
			for _, hidden := range c.hidden {
				s.Hidden = append(s.Hidden, filepath.Join(root, hidden))
			}
			var got []string
			for _, path := range s.except(filepath.Join(root, c.of)) {
				name, err := filepath.Rel(root, path)
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, name)
			}
			slices.Sort(got)
			if !slices.Equal(got, c.want) {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

func TestWhereBuildsMayWrite(t *testing.T) {
	root := makeFiles(t, resolve(newHome(t)), "data/oore.db", "data/workspaces/0/", "home/project/", "big/gradle/")
	home, data := filepath.Join(root, "home"), filepath.Join(root, "data")
	if err := os.Symlink(filepath.Join(root, "big/gradle"), filepath.Join(home, ".gradle")); err != nil {
		t.Fatal(err)
	}
	// A build can make this link, since it may write to .cache: it must lead nowhere.
	if err := os.MkdirAll(filepath.Join(home, ".cache"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(home, filepath.Join(home, ".cache/planted")); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"HOME": home, "TMPDIR": "relative", "PUB_CACHE": filepath.Join(home, ".cache/planted")}
	s := newSandbox(data, env, SandboxOptions{Writable: []string{filepath.Join(home, "project")}, Hidden: []string{filepath.Join(root, "key")}})
	for path, want := range map[string]bool{
		filepath.Join(root, "big/gradle"): true, filepath.Join(home, ".cache"): true, filepath.Join(home, "project"): true, resolve("/tmp"): true,
		home: false, filepath.Join(home, ".cache/planted"): false, "relative": false, "": false, "/": false, ".": false, data: false,
	} {
		if slices.Contains(s.Writable, path) != want {
			t.Errorf("%q is writable: %t, want %t", path, !want, want)
		}
	}
	if !isDir(filepath.Join(home, ".pub-cache")) {
		t.Error("a common cache was not made")
	}
	if !slices.Contains(s.Hidden, filepath.Join(root, "key")) || !slices.Contains(s.Hidden, data) {
		t.Errorf("hidden are %q", s.Hidden)
	}
	if len(s.Listable) != 0 {
		t.Errorf("a home with nothing hidden in it: listable is %q", s.Listable)
	}
	lent := newSandbox(data, map[string]string{"HOME": filepath.Join(data, "home")}, SandboxOptions{})
	if !slices.Contains(lent.writable(), filepath.Join(data, "home")) || slices.Contains(lent.Writable, filepath.Join(data, "home/.cache")) {
		t.Errorf("with the home that is lent: %q", lent.Writable)
	}
	around := &sandbox{Hidden: byteStrings{data}, Writable: byteStrings{root}}
	if got := around.writable(); slices.Contains(got, root) || slices.Contains(got, data) || !slices.Contains(got, home) {
		t.Errorf("what is hidden is writable: %q", got)
	}
}

func TestFlutterMayWriteToItsOwnFolder(t *testing.T) {
	root := makeFiles(t, t.TempDir(), "sdk/bin/flutter", "sdk/packages/flutter_tools/", "other/bin/flutter", "bin/")
	if err := os.Symlink(filepath.Join(root, "sdk/bin/flutter"), filepath.Join(root, "bin/flutter")); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"other/bin:bin": "sdk", "sdk/bin": "sdk", "other/bin": "", "none": "",
	} {
		var dirs []string
		for dir := range strings.SplitSeq(path, ":") {
			dirs = append(dirs, filepath.Join(root, dir))
		}
		if want != "" {
			want = filepath.Join(root, want)
		}
		if got := flutterRoot(strings.Join(dirs, ":")); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
}

func TestTheProfileForMacOS(t *testing.T) {
	data := "/Users/ann/Library/Application Support/oore"
	s := &sandbox{
		Hidden: byteStrings{"/Users/ann/secret \"key\\.pem", data}, Readable: byteStrings{data + "/mirrors/0f.git"},
		Writable: byteStrings{"/Users/ann/.gradle", data + "/workspaces/0", "/private/tmp"},
	}
	golden := filepath.Join("testdata", "seatbelt.golden")
	if *update {
		if err := os.WriteFile(golden, []byte(s.seatbelt()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got := s.seatbelt(); got != string(want) {
		t.Errorf("the profile is\n%s\nwant\n%s", got, want)
	}
}
