package core

import (
	"errors"
	"reflect"
	"strings"
	"testing"
)

const otherSHA = "9f8e7d6c5b4a39281706f5e4d3c2b1a09f8e7d6c"

func TestParseChat(t *testing.T) {
	long := strings.Repeat("x", 255)
	for _, c := range []struct{ in, want string }{
		{"", "help"},
		{"  \t ", "help"},
		{"BUILD", "build"},
		{"run", "build"},
		{"trigger ios", "build ios"},
		{"rebuild 57", "retry 57"},
		{"rerun failed", "retry failed"},
		{"stop", "cancel"},
		{"abort all", "cancel all"},
		{"log", "logs"},
		{"ls", "list"},
		{"pipelines", "list"},
		{"build android ios", "build android ios"},
		{"build all", "build all"},
		{"build ios-*", "build ios-*"},
		{"build pipeline=a,b", "build a b"},
		{"build a pipeline=b", "build a b"},
		{"build a,b, c", "build a b c"},
		{`build "iOS release"`, `build "iOS release"`},
		{`build 'iOS "beta"'`, `build 'iOS "beta"'`},
		{`build "it's"`, `build it's`},
		{`build it's`, `build it's`},
		{`build ' iOS , web '`, "build iOS web"},
		{`build "-x" "a=b"`, `build "-x" "a=b"`},
		{"build feature/x=y", `build "feature/x=y"`},
		{`build p=ios b=main`, "build ios branch=main"},
		{"build Pipe=iOS --BRANCH=Main", "build iOS branch=Main"},
		{"build workflow=a", "build a"},
		{"build w=a -t=v1", "build a tag=v1"},
		{"build branch=feature/x=y", "build branch=feature/x=y"},
		{`build branch="main" note="for QA, now"`, `build branch=main note="for QA, now"`},
		{`build note='"hi"'`, `build note='"hi"'`},
		{"build commit=1A2B3C4", "build commit=1a2b3c4"},
		{"build c=" + strings.ToUpper(otherSHA), "build commit=" + otherSHA},
		{"build sha=1a2b3c4 branch=main", "build branch=main commit=1a2b3c4"},
		{"build platform=ios,android fresh=true", "build fresh=true platform=ios,android"},
		{`build platform="ios, macos,"`, "build platform=ios,macos"},
		{"build proj=shop", "build project=shop"},
		{"build repo=shop", "build project=shop"},
		{"build note=" + long, "build note=" + long},
		{"build note=" + strings.Repeat("é", 255), "build note=" + strings.Repeat("é", 255)},
		{"retry #57", "retry 57"},
		{"retry 057", "retry 57"},
		{"retry build=#57", "retry 57"},
		{"retry 99999999999999999999", "retry 99999999999999999999"},
		{"retry #x pipeline=a,b", "retry #x pipeline=a,b"},
		{"cancel all project=shop", "cancel all project=shop"},
		{"status ios branch=main commit=1a2b3c4", "status ios branch=main commit=1a2b3c4"},
		{"logs latest limit=50 p=ios", "logs latest limit=50 pipeline=ios"},
		{"logs #57 limit=007", "logs 57 limit=7"},
		{"list builds limit=1", "list builds limit=1"},
		{"artifacts latest", "artifacts latest"},
		{"why", "why"},
		{"why 1A2B3C4", "why 1a2b3c4"},
		{"why sha=1a2b3c4", "why 1a2b3c4"},
		{"approve " + strings.ToUpper(otherSHA) + " w=ios", "approve " + otherSHA + " pipeline=ios"},
		{"approve sha=" + otherSHA, "approve " + otherSHA},
		{"approve " + otherSHA + otherSHA[:24], "approve " + otherSHA + otherSHA[:24]}, // a repository of SHA-256
		{"revoke", "revoke"},
		{"help Rerun", "help retry"},
		{"ping", "ping"},
	} {
		got, err := ParseChat(DoorForge, c.in)
		if err != nil || got.String() != c.want {
			t.Errorf("%q reads %q (%v), want %q", c.in, got, err, c.want)
		}
	}
}

func TestParseChatTakesWordsApart(t *testing.T) {
	got, err := ParseChat(DoorForge, `build 'iOS release' android p=web platform=ios,macos note="a  b" fresh=false`)
	want := ChatCommand{
		Verb: "build", Args: []string{"iOS release", "android", "web"},
		Options: map[string]string{"platform": "ios,macos", "note": "a  b", "fresh": "false"},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %#v (%v)\nwant %#v", got, err, want)
	}
	if l := got.List("platform"); !reflect.DeepEqual(l, []string{"ios", "macos"}) {
		t.Errorf("platforms: %q", l)
	}
	if l := got.List("pipeline"); l != nil {
		t.Errorf("a list that is not there: %q", l)
	}
}

func TestWhatIsWrongWithACommand(t *testing.T) {
	for _, c := range []struct{ in, code, says string }{
		{"biuld", "unknown_command", "Unknown command `biuld`. Did you mean `build`? `/oore help` lists all commands."},
		{"HLEP", "unknown_command", "Unknown command `HLEP`. Did you mean `help`? `/oore help` lists all commands."},
		{"rerum", "unknown_command", "Unknown command `rerum`. Did you mean `rerun`? `/oore help` lists all commands."},
		{"thanks for this", "unknown_command", "Unknown command `thanks`. `/oore help` lists all commands."},
		{"foo", "unknown_command", "Unknown command `foo`. `/oore help` lists all commands."},
		{"lnk", "unknown_command", "Unknown command `lnk`. `/oore help` lists all commands."}, // link is Slack's
		{"branch=main build", "unknown_command", "Unknown command `branch=main`. `/oore help` lists all commands."},
		{`""`, "unknown_command", "Unknown command `…`. `/oore help` lists all commands."},
		{"link", "unknown_command", "Command `link` works in Slack only. `/oore help` lists the commands for here."},
		{"help biuld", "unknown_command", "Unknown command `biuld`. Did you mean `build`? `/oore help` lists all commands."},
		{"help whoami", "unknown_command", "Command `whoami` works in Slack only. `/oore help` lists the commands for here."},

		{"build pipeline=", "missing_value", "Argument `pipeline` needs a value, e.g. `pipeline=\"iOS release\"`."},
		{"build p= ios", "missing_value", "Argument `pipeline` needs a value, e.g. `pipeline=\"iOS release\"`."},
		{`build branch=""`, "missing_value", "Argument `branch` needs a value, e.g. `branch=main`."},
		{`build ","`, "missing_value", "Argument `pipeline` needs a value, e.g. `pipeline=\"iOS release\"`."},
		{`build "  "`, "missing_value", "Argument `pipeline` needs a value, e.g. `pipeline=\"iOS release\"`."},
		{"build --branch main", "missing_value", "Argument `branch` needs a value, e.g. `branch=main`."},
		{"logs limit=", "missing_value", "Argument `limit` needs a value, e.g. `limit=20`."},

		{"build branch=a branch=b", "duplicate_arg", "Argument `branch` given twice."},
		{"build b=a --BRANCH=a", "duplicate_arg", "Argument `branch` given twice."},
		{"build pipeline=a p=b", "duplicate_arg", "Argument `pipeline` given twice."},
		{"retry 57 build=58", "duplicate_arg", "Argument `build` given twice."},

		{"build pipline=ios", "unknown_arg", "Unknown argument `pipline`; did you mean `pipeline`?"},
		{"build PIPLINE=ios", "unknown_arg", "Unknown argument `pipline`; did you mean `pipeline`?"},
		{"build flavor=red", "unknown_arg", "Unknown argument `flavor`; `/oore help build` lists the arguments."},
		{"build dry-run=true", "unknown_arg", "Unknown argument `dry-run`; `/oore help build` lists the arguments."},
		{"build --", "unknown_arg", "Unknown argument `…`; `/oore help build` lists the arguments."},
		{"ping now", "unknown_arg", "Unknown argument `now`; `/oore help ping` lists the arguments."},
		{"retry 57 58", "unknown_arg", "Unknown argument `58`; `/oore help retry` lists the arguments."},
		{"revoke limit=3", "unknown_arg", "Unknown argument `limit`; `/oore help revoke` lists the arguments."},

		{`build pipeline="iOS`, "unclosed_quote", "A quote is not closed."},
		{`build 'iOS release`, "unclosed_quote", "A quote is not closed."},
		{`build note="a'`, "unclosed_quote", "A quote is not closed."},
		{`build "iOS"release`, "invalid_input", "Put a space after a closing quote."},
		{`build p="a",b`, "invalid_input", "Put a space after a closing quote."},
		{"build branch = main", "invalid_input", "Write `key=value` without a space before the `=`."},

		{"build branch=main tag=v1", "invalid_input", "Give `branch` or `tag`, not both."},
		{"build branch=a..b", "invalid_ref", "Argument `branch` is `a..b`, which is no name of a branch or tag: it must not be \"@\" or contain \"@{\" or \"..\"."},
		{`build tag="-f"`, "invalid_ref", "Argument `tag` is `-f`, which is no name of a branch or tag: it must not start with - or end with .."},
		{"build commit=1a2b3c", "invalid_ref", "Argument `commit` is `1a2b3c`, which is no commit: it must have 7 to 40 hex digits."},
		{"build commit=" + otherSHA + "0", "invalid_ref", "Argument `commit` is `" + otherSHA + "0`, which is no commit: it must have 7 to 40 hex digits."},
		{"why head", "invalid_ref", "Argument `commit` is `head`, which is no commit: it must have 7 to 40 hex digits."},
		{"build platform=iOS", "invalid_input", "Argument `platform` is `iOS`; it must be one of android, ios, macos. Did you mean `ios`?"},
		{"build platform=ios,windows", "invalid_input", "Argument `platform` is `windows`; it must be one of android, ios, macos."},
		{"build fresh=1", "invalid_input", "Argument `fresh` is `1`; it must be one of true, false."},
		{"logs limit=51", "invalid_input", "Argument `limit` must be a number from 1 to 50."},
		{"logs limit=0", "invalid_input", "Argument `limit` must be a number from 1 to 50."},
		{"logs limit=+5", "invalid_input", "Argument `limit` must be a number from 1 to 50."},
		{"logs ios", "invalid_input", "Argument `build` is `ios`; it must be a build's number or `latest`."},
		{"artifacts #0", "invalid_input", "Argument `build` is `#0`; it must be a build's number or `latest`."},
		{"list people", "invalid_input", "Argument `what` is `people`; it must be one of pipelines, builds, projects."},
		{"build note=" + strings.Repeat("é", 256), "invalid_input", "Argument `note` may have at most 255 characters."},
		{"build note=\"a\x00b\"", "invalid_input", "Argument `note` must be one line of text without control characters."},
		{"build note=\"a\nb\"", "invalid_input", "Argument `note` must be one line of text without control characters."},
		{"build note=\"a\u2028b\"", "invalid_input", "Argument `note` must be one line of text without control characters."},
		{"build note=a\xffb", "invalid_input", "Argument `note` must be one line of text without control characters."},
		{`build note=a"b'c`, "invalid_input", "Argument `note` cannot hold both kinds of quotes."},

		{"approve", "sha_required", "Name the commit you reviewed by its whole SHA; the line to paste is: `/oore approve <full sha of the head>`."},
		{"approve pipeline=ios", "sha_required", "Name the commit you reviewed by its whole SHA; the line to paste is: `/oore approve <full sha of the head>`."},
		{"approve 1a2b3c4", "sha_required", "Name the commit you reviewed by its whole SHA; the line to paste is: `/oore approve <full sha of the head>`."},
	} {
		got, err := ParseChat(DoorForge, c.in)
		wantFault(t, c.in, err, c.code, c.says)
		if !reflect.DeepEqual(got, ChatCommand{}) {
			t.Errorf("%q: an error and a command: %#v", c.in, got)
		}
	}
}

func wantFault(t *testing.T, in string, err error, code, says string) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) || e.Kind != KindInvalid || e.Code != code || e.Message != says {
		t.Errorf("%q gave %v (%s)\nwant %s (%s)", in, err, CodeOf(err), says, code)
	}
}

func TestTooManyAndSHARequired(t *testing.T) {
	lines := ParseComment(strings.Repeat("/oore ping\n", 9), nil)
	wantFault(t, "nine", lines[5].Err, "too_many", "Only the first 5 commands of a comment are run.")
	wantFault(t, "approve", SHARequired(otherSHA), "sha_required",
		"Name the commit you reviewed by its whole SHA; the line to paste is: `/oore approve "+otherSHA+"`.")
}

func TestParseLine(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"", "help"},
		{"build “iOS release”", `build "iOS release"`},
		{"build „iOS release“ note=«hi»", `build "iOS release" note=hi`},
		{"build ‘iOS release’", `build "iOS release"`},
		{"build\u00a0ios\u00a0 —branch=main", "build ios branch=main"},
		{"build ios–beta", "build ios-beta"},
		{"build note=a&amp;b", "build note=a&b"},
		{"build note=&amp;lt;", "build note=&lt;"},
		{`build note="1 &lt; 2 &gt; 1"`, `build note="1 < 2 > 1"`},
		{"build note=&lt;@U1&gt;", "build note=<@U1>"}, // typed so, no mention
		{"build note=<https://example.com/a?b=1&amp;c=2|example.com/a>", "build note=https://example.com/a?b=1&c=2"},
		{"build note=<https://example.com>", "build note=https://example.com"},
		{"build note=<mailto:a@example.com|a@example.com>", "build note=mailto:a@example.com"},
		{"whoami", "whoami"},
		{"link", "link"},
		{"unlink", "unlink"},
		{"use my-app", "use my-app"},
		{"use project=my-app", "use my-app"},
		{"subscribe my-app on=fixed w=ios", "subscribe my-app events=fixed pipeline=ios"},
		{"unsubscribe my-app", "unsubscribe my-app"},
		{"build ios\nbranch=main", "build ios branch=main"},
	} {
		got, err := ParseLine(c.in)
		if err != nil || got.String() != c.want || got.Line != 0 {
			t.Errorf("%q reads %q (%v), want %q", c.in, got, err, c.want)
		}
	}
	for _, c := range []struct{ in, code, says string }{
		{"build note=<@U123|sam>", "invalid_input", "A mention of a person or channel is no value; write the name itself."},
		{"build <#C123|general>", "invalid_input", "A mention of a person or channel is no value; write the name itself."},
		{"build <!channel>", "invalid_input", "A mention of a person or channel is no value; write the name itself."},
		{"biuld", "unknown_command", "Unknown command `biuld`. Did you mean `build`? `/oore help` lists all commands."},
		{"approve " + otherSHA, "unknown_command", "Command `approve` works in pull requests only. `/oore help` lists the commands for here."},
		{"use", "missing_value", "Argument `project` needs a value, e.g. `project=my-app`."},
		{"subscribe my-app events=failed", "invalid_input", "Argument `events` is `failed`; it must be one of broken, fixed, all. Did you mean `fixed`?"},
		{strings.Repeat("é", 1001), "invalid_input", "A command may have at most 1000 characters."},
	} {
		_, err := ParseLine(c.in)
		wantFault(t, c.in, err, c.code, c.says)
	}
}

func TestAPersonsTextIsHarmlessInMessages(t *testing.T) {
	for _, c := range []struct{ word, shown string }{
		{"`@all`", "`'@all'`"},
		{"\u202eevil\u200b\x1b[31m", "`evil[31m`"},
		{"a\u2028/approve", "`a /approve`"},
		{"a\xff\xfeb", "`ab`"},
		{"\u200b", "`…`"},
		{strings.Repeat("é", 61), "`" + strings.Repeat("é", 59) + "…`"},
		{strings.Repeat("é", 60), "`" + strings.Repeat("é", 60) + "`"},
	} {
		_, err := ParseChat(DoorForge, `"`+c.word+`"`)
		wantFault(t, c.word, err, CodeUnknownCommand, "Unknown command "+c.shown+". `/oore help` lists all commands.")
	}
}
