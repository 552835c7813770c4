package runner

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
)

func testdata(t *testing.T, name, workspace string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(data), "{{WORKSPACE}}", workspace)
}

func TestTheTestsOfFlutterInMachineForm(t *testing.T) {
	dir := workspaceWith(t, append(sourceFiles(), "test/broken_test.dart")...)
	output := testdata(t, "tests/flutter_machine.jsonl", dir)
	want := core.TestSummary{
		Passed: 1, Failed: 3, Skipped: 1, Duration: 2512 * time.Millisecond,
		Failures: []core.TestFailure{
			{Suite: "test/cart_test.dart", Name: "adds two items", Message: "Expected: <2>\n  Actual: <1>", Path: "test/cart_test.dart", Line: 14},
			{
				Suite: "test/cart_test.dart", Name: "shows the price", Path: "test/cart_test.dart", Line: 22,
				Message: "Test failed. See exception logs above.\nThe test description was: shows the price",
			},
			{
				Suite: "test/broken_test.dart", Name: "loading test/broken_test.dart", Path: "test/broken_test.dart",
				Message: `Failed to load "test/broken_test.dart": Compilation failed for testPath=test/broken_test.dart`,
			},
		},
	}
	machine := core.PlanStep{Name: "test", Run: "flutter test --machine"}
	for _, size := range []int{1, 4000, 1 << 20} {
		f := newFindings(shippedMatchers(t), dir)
		printed(f, machine, output, size)
		got := f.counted()
		if !reflect.DeepEqual(got.TestSummary, want) {
			t.Errorf("in pieces of %d: %+v", size, got)
		}
		wantCases(t, got.cases, "failed test/cart_test.dart: adds two items", "failed test/cart_test.dart: shows the price", "failed test/broken_test.dart: loading test/broken_test.dart", "passed test/cart_test.dart: an empty cart costs nothing", "skipped test/cart_test.dart: pays in euros")
	}
	f := newFindings(shippedMatchers(t), dir)
	printed(f, core.PlanStep{Name: "test", Run: "flutter test"}, output, 1<<20)
	if got := f.counted(); got.Total() != 0 {
		t.Errorf("a command that says nothing of it made %s", got)
	}
	printed(f, machine, output+output, 1<<20)
	printed(f, machine, output, 1<<20)
	if got := f.counted(); got.Passed != 3 || got.Failed != 9 || got.Duration != 3*want.Duration {
		t.Errorf("three runs make %+v", got)
	}
}

// wantCases compares single tests, whatever their order.
func wantCases(t *testing.T, got []core.TestCase, want ...string) {
	t.Helper()
	var words []string
	for _, c := range got {
		words = append(words, fmt.Sprintf("%s %s: %s", c.Status, c.Suite, c.Name))
	}
	slices.Sort(words)
	slices.Sort(want)
	if !slices.Equal(words, want) {
		t.Errorf("the tests are %q, want %q", words, want)
	}
}

func TestEventsOfAnyLength(t *testing.T) {
	f := newFindings(shippedMatchers(t), t.TempDir())
	var output strings.Builder
	event := func(id int, text string) {
		fmt.Fprintf(&output, `{"test":{"id":%d,"name":"t%d"},"type":"testStart"}`+"\n", id, id)
		fmt.Fprintf(&output, `{"testID":%d,"error":%q,"type":"error"}`+"\n", id, text)
		fmt.Fprintf(&output, `{"testID":%d,"result":"failure","type":"testDone"}`+"\n", id)
	}
	event(1, strings.Repeat("long ", 20_000))         // several records
	event(2, strings.Repeat("x", maxEventLine+1))     // too long
	event(3, strings.Repeat("é", core.MaxFindings))   // the next is whole again
	output.WriteString("{\"type\": 7}\n{\n{}\n[1]\n") // nothing of ours
	for id := range 100 {
		event(10+id, "more")
	}
	output.WriteString(`{"testID":1,"result":"failure","type":"testDone"}` + "\n" + `{"test":{"id":500,"name":"last"},"type":"testStart"}`)
	printed(f, core.PlanStep{Name: "s", Run: "flutter test --machine"}, output.String(), 10_000)
	got := f.counted()
	if got.Failed != 103 || len(got.Failures) != core.MaxFindings {
		t.Fatalf("%s, %d failures", got, len(got.Failures))
	}
	if a, b, c := got.Failures[0], got.Failures[1], got.Failures[2]; !strings.HasPrefix(a.Message, "long long") || len(a.Message) > maxMatched ||
		b.Message != "" || !strings.HasPrefix(c.Message, "éé") {
		t.Errorf("messages of %d, %d and %d bytes", len(a.Message), len(b.Message), len(c.Message))
	}
}

// reported runs a build whose command makes files, and names reports.
func reported(t *testing.T, patterns string, commands ...string) *ledger {
	t.Helper()
	repo, house := newRepository(t), newHouse()
	startPool(t, house, 1)
	for _, name := range []string{"gradle.xml", "nested.xml"} {
		repo.commit("reports/"+name, testdata(t, "tests/"+name, "/elsewhere"))
	}
	repo.commit("test/cart_test.dart", "")
	build := ""
	for _, c := range commands {
		build += fmt.Sprintf("    - %q\n", c)
	}
	repo.commit(".oore.yaml", "version: 1\nreports: {junit: ["+patterns+"]}\ncommands:\n  build:\n"+build)
	return house.run(t, repo.job("b1"))
}

func TestTheReportsThatTheConfigurationNames(t *testing.T) {
	l := reported(t, `"reports/*.xml", "*-junit.xml"`,
		"mkdir -p deep/er; cp reports/gradle.xml deep/er/a-junit.xml; cp reports/gradle.xml other.xml; exit 1")
	mustEnd(t, l, core.BuildFailed, core.ReasonCommandFailed, "build-1 failed: exit 1")
	tests := l.result.Tests
	if tests == nil || tests.Passed != 5 || tests.Failed != 4 || tests.Skipped != 2 || len(tests.Failures) != 4 {
		t.Fatalf("tests %+v; log:\n%s", tests, l.bytes(""))
	}
	if tests.Duration != 2*(1000*time.Second+250*time.Millisecond)+500*time.Millisecond {
		t.Errorf("they took %v", tests.Duration)
	}
	want := []core.TestFailure{
		{Suite: "dev.acme.shop.CartTest", Name: "addsTwoItems", Message: "org.junit.ComparisonFailure: expected:<2> but was:<1>"},
		{
			Suite: "cart", Name: "adds", Path: "test/cart_test.dart", Line: 14,
			Message: "Expected: <2>\n  Actual: <1>\npackage:matcher              expect\ntest/cart_test.dart 14:5     main.<fn>",
		},
		{Suite: "src.cart", Name: "crashes", Message: "TypeError: undefined"},
	}
	if got := tests.Failures[1:]; !slices.Equal(got, want) {
		t.Errorf("failures %+v", got)
	}
	if system := string(l.bytes(core.StreamSystem)); !strings.Contains(system, "Tests: 5 passed, 4 failed, 2 skipped") {
		t.Errorf("the log says\n%s", system)
	}
	mustSteps(t, l, "checkout succeeded", "build-1 failed")
}

func TestReportsThatAreNone(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret.xml")
	if err := os.WriteFile(secret, []byte(`<testsuite><testcase name="secret"/></testsuite>`), 0o600); err != nil {
		t.Fatal(err)
	}
	l := reported(t, `"out/*.xml"`, strings.Join([]string{
		"mkdir out; cd out; ln -s " + secret + " link.xml; ln -s ../reports/gradle.xml inner.xml; mkfifo pipe.xml; mkdir folder.xml",
		"truncate -s 17M huge.xml; echo '<html/>' > page.xml; : > empty.xml",
		`echo '<testsuite><testcase name="a"/><testcase' > torn.xml`,
		`printf '<?xml version="1.0" encoding="EBCDIC"?><testsuite/>' > odd.xml`,
		`printf '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><testsuite><testcase name="&e;"/></testsuite>' > entity.xml`,
	}, "; "))
	mustEnd(t, l, core.BuildSucceeded, "", "")
	if tests := l.result.Tests; tests == nil || tests.String() != "1 passed" {
		t.Errorf("tests %v", tests)
	}
	system := string(l.bytes(core.StreamSystem))
	for _, want := range []string{
		"out/huge.xml is no report of tests: it has 17825792 bytes; at most 16777216 are read", "out/page.xml is no report of tests: it begins with <html>",
		"out/empty.xml is no report of tests: EOF", "out/torn.xml is no report of tests: XML syntax error", "out/odd.xml is no report of tests: xml: opening charset \"EBCDIC\": only UTF-8 is read",
		"out/entity.xml is no report of tests: XML syntax error",
	} {
		if !strings.Contains(system, want) {
			t.Errorf("the log lacks %q", want)
		}
	}
	if strings.Contains(system, "out/link.xml") || strings.Contains(system, "out/pipe.xml") || t.Failed() {
		t.Errorf("the log says\n%s", system)
	}
}

func TestNoReports(t *testing.T) {
	l := reported(t, `"none/*.xml"`, "true")
	mustEnd(t, l, core.BuildSucceeded, "", "")
	if l.result.Tests != nil || !strings.Contains(string(l.bytes(core.StreamSystem)), "No file matches reports.junit (none/*.xml)") {
		t.Errorf("tests %v; log\n%s", l.result.Tests, l.bytes(core.StreamSystem))
	}
}

func TestReportsAreBounded(t *testing.T) {
	b := testBuild(t)
	for i := range maxReports + 5 {
		name := filepath.Join(b.dir, fmt.Sprintf("%04d.xml", i))
		if err := os.WriteFile(name, []byte(`<testsuite><testcase name="a"><failure/></testcase></testsuite>`), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	sum := b.readReports(t.Context(), "s", []string{"*.xml"})
	if sum.Failed != maxReports || len(sum.Failures) != core.MaxFindings {
		t.Errorf("%s, %d failures", sum, len(sum.Failures))
	}
	records, _, _ := b.log.take(1 << 20)
	if len(records) != 1 || !strings.Contains(string(records[0].Content), "More than 1000 files match") {
		t.Errorf("the log says %+v", records)
	}
}

func TestAPipeInPlaceOfAReportHoldsNobody(t *testing.T) {
	b := testBuild(t)
	if err := syscall.Mkfifo(filepath.Join(b.dir, "pipe.xml"), 0o600); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(b.dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = root.Close() }()
	if _, err := b.readReport(root, "pipe.xml"); err == nil || err.Error() != "it is no plain file" {
		t.Errorf("it was read: %v", err)
	}
}

func TestTheResultSaysWhatFailedAndWhere(t *testing.T) {
	repo, house := newRepository(t), newHouse()
	startPool(t, house, 1)
	repo.commit("lib/main.dart", "")
	l := house.run(t, repo.job("b1",
		`echo "lib/main.dart:9:1: Warning: unused"; echo "$PWD/lib/main.dart:3:1: Error: was no matter"`,
		`printf "\033[31mlib/main.dart:12:41: Error: Expected ';' after this.\033[0m\n" >&2; exit 1`))
	mustEnd(t, l, core.BuildFailed, core.ReasonCommandFailed, "build-2 failed: exit 1")
	want := []string{
		"error lib/main.dart:12:41 Expected ';' after this. [Dart]", "error lib/main.dart:3:1 was no matter [Dart]", "warning lib/main.dart:9:1 unused [Dart]",
	}
	if got := told(l.result.Problems); !slices.Equal(got, want) || l.result.Tests != nil {
		t.Errorf("problems %q, tests %v", got, l.result.Tests)
	}
}
