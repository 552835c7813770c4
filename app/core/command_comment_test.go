package core

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// heard prints what was found in a comment, a line each.
func heard(lines []ChatLine) string {
	var out []string
	for _, l := range lines {
		if l.Err != nil {
			out = append(out, fmt.Sprintf("%d! %s", l.Line, l.Err.Code))
			continue
		}
		out = append(out, fmt.Sprintf("%d: %s", l.Line, l.Command))
	}
	return strings.Join(out, "\n")
}

func TestWhichLinesOfACommentAreCommands(t *testing.T) {
	const fence = "```"
	for _, c := range []struct{ name, body, want string }{
		// The rows of the specification.
		{"plain", "/oore build", "1: build"},
		{"any case", "/OORE Build ios-release", "1: build ios-release"},
		{"three leading spaces", "   /oore build", "1: build"},
		{"the App's name", "@oore-bot build", "1: build"},
		{"the App's name with a colon", "@oore-bot: build", "1: build"},
		{"the App's name with a comma, in any case", "@Oore-Bot, build", "1: build"},
		{"alone", "/oore", "1: help"},
		{"not at the line's start", "please run /oore build", ""},
		{"in a list", "- /oore build", ""},
		{"not the word", "/oorebuild", ""},
		{"quoted", "> /oore build", ""},
		{"in backticks", fence + "\n/oore build\n" + fence, ""},
		{"in tildes", "~~~\n/oore build\n~~~", ""},
		{"in an unclosed fence", fence + "\n/oore build", ""},
		{"in a longer fence", "````\n" + fence + "\n/oore build\n" + fence + "\n/oore build\n````", ""},
		{"four spaces", "    /oore build", ""},
		{"a tab", "\t/oore build", ""},
		{"inline code", "`/oore build`", ""},
		{"in an HTML comment", "<!-- /oore build -->", ""},
		{"in an HTML comment of several lines", "<!--\n/oore build\n-->", ""},
		{"above a bot's trailer", "/oore build\n<!-- linear-linkback -->", "1: build"},
		{"beside a trailer", "/oore build ios <!-- linear\nlinkback -->", "1: build ios"},
		{"between prose", "Looks good.\n\n/oore build\n\nThanks!", "3: build"},
		{"CRLF", "Hello\r\n/oore build\r\n/oore status\r\n", "2: build\n3: status"},
		{"two", "/oore build\n/oore status", "1: build\n2: status"},
		{"five", strings.Repeat("/oore build\n", 5), "1: build\n2: build\n3: build\n4: build\n5: build"},
		{"six", strings.Repeat("/oore build\n", 6), "1: build\n2: build\n3: build\n4: build\n5: build\n6! too_many"},
		{"twenty", strings.Repeat("/oore nope\n", 20), "1! unknown_command\n2! unknown_command\n3! unknown_command\n4! unknown_command\n5! unknown_command\n6! too_many"},
		{"a slip of the finger", "/oore biuld", "1! unknown_command"},
		{"no value", "/oore build pipeline=", "1! missing_value"},
		{"twice", "/oore build b=x branch=y", "1! duplicate_arg"},
		{"an open quote", `/oore build pipeline="iOS`, "1! unclosed_quote"},
		{"a second equals sign", "/oore build branch=feature/x=y", "1: build branch=feature/x=y"},

		// Names.
		{"another's name", "@somebody build", ""},
		{"a longer name", "@oore-bot-2 build", ""},
		{"the name alone", "@oore-bot", "1: help"},
		{"two colons", "@oore-bot:: build", ""},
		{"a colon after the word", "/oore: build", ""},
		{"a path", "/oore/build", ""},
		{"the second of the names", "@acme-ci build", "1: build"},
		{"a tab as space", "/oore\tbuild", "1: build"},
		{"a hard space", "/oore\u00a0build\u00a0ios", "1: build ios"},
		{"a hard space before", "\u00a0/oore build", ""},

		// Loop guard.
		{"our own answer", "/oore build\n<!-- oore:reply c=1 -->", ""},
		{"our own mark in a fence", "/oore build\n" + fence + "\n<!-- oore:report -->\n" + fence, ""},

		// Fences.
		{"after a fence", fence + "\nx\n" + fence + "\n/oore build", "4: build"},
		{"a fence with a language", fence + "sh\n/oore build\n" + fence + "\n/oore status", "4: status"},
		{"a shorter fence closes nothing", "````\n" + fence + "\n/oore build", ""},
		{"a longer fence closes", fence + "\n/oore build\n`````\n/oore status", "4: status"},
		{"the other mark closes nothing", "~~~\n" + fence + "\n/oore build", ""},
		{"a language closes nothing", fence + "\n" + fence + "sh\n/oore build", ""},
		{"no fence: backticks after backticks", fence + "x" + fence + "\n/oore build", "2: build"},
		{"tildes may follow tildes", "~~~ ~~~\n/oore build", ""},
		{"two marks are no fence", "``\n/oore build", "2: build"},
		{"an indented fence", "  " + fence + "\n/oore build\n " + fence + "\n/oore status", "4: status"},
		{"a fence with four spaces is code", "    " + fence + "\n/oore build", "2: build"},
		{"a closing with four spaces is not one", fence + "\n    " + fence + "\n/oore build", ""},
		{"a closing with spaces after it", fence + "\n" + fence + " \t\n/oore build", "3: build"},
		{"a fence in a quote ends with it", "> " + fence + "\n> x\n\n/oore build", "4: build"},
		{"a quote within a fence", fence + "\n> " + fence + "\n/oore build", ""},

		// Lists.
		{"a fence in a list", "- " + fence + "\n  /oore build\n  " + fence + "\n/oore status", "4: status"},
		{"a fence in a numbered list", "1) - " + fence + "\n     /oore build\n     " + fence + "\n/oore status", "4: status"},
		{"a fence below a list's text", "* x\n  " + fence + "\n  /oore build\n  " + fence + "\n\n/oore status", "6: status"},
		{"a list ends in the fence", "- " + fence + "\n  x\n" + fence + "\n/oore build\n" + fence, ""},
		{"a fence after a tab in a list", "-\t" + fence + "\n\t/oore build\n\t" + fence + "\n/oore status", "4: status"},
		{"code, no fence, in a list", "-      " + fence + "\n/oore build", "2: build"},
		{"a deep fence in a list", "- x\n    " + fence + "\n  /oore build\n    " + fence, ""},
		{"a closing that may be code", "- x\n  " + fence + "\n     " + fence + "\n  /oore build\n" + fence + "\n/oore build", ""},
		{"a list with nothing in it", "-\n\n/oore build", "3: build"},

		// HTML comments.
		{"two on a line", "<!-- a --><!-- b -->/oore build", "1: build"},
		{"within a command", "/oore build <!-- a --> ios", "1: build ios"},
		{"empty ones", "<!--> /oore build\n<!---> /oore status", "1: build\n2: status"},
		{"after the end of one", "<!-- a\nb --> /oore build", "2: build"},
		{"a fence within one", "<!--\n" + fence + "\n-->\n/oore build", "4: build"},
		{"one within a fence", fence + "\n<!--\n" + fence + "\n/oore build\n<!-- a -->", "4: build"},
		{"never closed at a line's start", "x\n<!-- a\n/oore build", ""},
		{"never closed within a line", "the mark <!-- begins it\n/oore build", "2: build"},
		{"begun within a line", "x <!-- a\n/oore build\nb --> /oore build\n/oore status", "4: status"},
		{"a fence ends one begun within a line", "x <!-- a\n" + fence + "\n/oore build -->\n" + fence + "\n/oore status", "5: status"},
		{"begun within a line, closed by the fence's first", "x <!-- a\n" + fence + " -->\n/oore build\n" + fence + "\n/oore status", "5: status"},
		{"one in a list that ends first", "- x\n\n  <!-- a\n" + fence + "\n-->\n/oore build\n" + fence, ""},
		{"never closed at the start of a list", "- <!-- a\n  /oore build\n\n/oore build", ""},
		{"never closed within a list", "1. x\n\n    <!-- a\n   /oore build", ""},
		{"one in a list", "- x\n  <!-- /oore build\n  -->\n\n/oore status", "5: status"},

		// GitLab's quotes.
		{"between three arrows", ">>>\n/oore build\n>>>\n/oore status", "4: status"},
		{"after three arrows", ">>>\n/oore build", ""},

		// Caps.
		{"nothing", "", ""},
		{"a thousand characters", "/oore build" + strings.Repeat(" ", 986) + "iOS", "1: build iOS"},
		{"a character more", "/oore build" + strings.Repeat(" ", 987) + "iOS", "1! invalid_input"},
		{"a thousand characters of many bytes", "/oore build " + strings.Repeat(strings.Repeat("é", 99)+" ", 9), "1: build" + strings.Repeat(" "+strings.Repeat("é", 99), 9)},
		{"what Slack alone has", "/oore whoami", "1! unknown_command"},
	} {
		if got := heard(ParseComment(c.body, []string{"", "oore-bot", "@acme-ci"})); got != c.want {
			t.Errorf("%s: %q\ngave %q\nwant %q", c.name, c.body, got, c.want)
		}
	}
}

func TestACommandKnowsItsLine(t *testing.T) {
	lines := ParseComment("Hello\n\n/oore build\n/oore nope", nil)
	if len(lines) != 2 || lines[0].Command.Line != 3 || lines[1].Line != 4 || lines[1].Command.Verb != "" {
		t.Errorf("got %+v", lines)
	}
}

// addressedLines is what may at most be found, by the plainest of rules.
func addressedLines(body string) []int {
	var numbers []int
	for i, line := range strings.Split(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(body), "\n") {
		if strings.Contains(strings.ToLower(line), "/oore") {
			numbers = append(numbers, i+1)
		}
	}
	return numbers
}

func FuzzParseComment(f *testing.F) {
	for _, s := range []string{
		"/oore build ios branch=main\n/oore status", "```\n/oore build\n```", "- ~~~\n  /oore\n  ~~~\n", "<!-- a\n/oore -->\n/oore x",
		"/oore build \"a b\" --p='c\"d,e' note=\u2028", "> /oore\n>>>\n/oore\n>>>", "/oore approve " + exampleSHA, "\t/oore\r/oore #5 = -- -=\x00",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		lines := ParseComment(body, []string{"oore-bot"})
		may := addressedLines(strings.ReplaceAll(strings.ToLower(body), "@oore-bot", "/oore"))
		for i, l := range lines {
			if i > maxChatCommands || i == maxChatCommands && (l.Err == nil || l.Err.Code != CodeTooMany) {
				t.Fatalf("more than %d commands: %s", maxChatCommands, heard(lines))
			}
			// Stripping comments can bring a word together, so only whole ones are counted.
			if !strings.Contains(body, "<!") && !slices.Contains(may, l.Line) {
				t.Fatalf("line %d of %q does not speak to us", l.Line, body)
			}
			if i > 0 && l.Line <= lines[i-1].Line {
				t.Fatalf("lines out of order: %s", heard(lines))
			}
			checkChatLineFound(t, l)
		}
		for _, mark := range []string{"```", "~~~"} {
			if strings.Contains(body, mark) {
				continue
			}
			fenced := mark + "\n" + body + "\n/oore build\n" + mark
			if got := ParseComment(fenced, []string{"oore-bot"}); got != nil {
				t.Fatalf("commands out of a fence %q: %s", fenced, heard(got))
			}
		}
	})
}

func checkChatLineFound(t *testing.T, l ChatLine) {
	t.Helper()
	if l.Err != nil {
		if l.Err.Kind != KindInvalid || strings.ContainsAny(l.Err.Message, "\n\r") {
			t.Fatalf("a bad error: %+v", l.Err)
		}
		return
	}
	again, err := ParseChat(DoorForge, l.Command.String())
	again.Line = l.Line
	if err != nil || fmt.Sprintf("%#v", again) != fmt.Sprintf("%#v", l.Command) {
		t.Fatalf("%#v printed %q, which reads %#v (%v)", l.Command, l.Command, again, err)
	}
}
