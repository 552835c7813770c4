package slacktest

import (
	"fmt"
	"strings"
	"testing"
)

func TestValidate(t *testing.T) {
	x := func(n int) string { return strings.Repeat("x", n) }
	section := func(text string) string {
		return fmt.Sprintf(`{"type":"section","text":{"type":"mrkdwn","text":%q}}`, text)
	}
	actions := func(button string) string {
		return `{"type":"actions","elements":[{"type":"button","text":{"type":"plain_text","text":"B"},` + button + `}]}`
	}
	ask := func(title, text, yes, no int) string {
		plain := `{"type":"plain_text","text":"` + "%s" + `"}`
		return actions(fmt.Sprintf(`"action_id":"a","confirm":{"title":`+plain+`,"text":`+plain+`,"confirm":`+plain+`,"deny":`+plain+`}`, x(title), x(text), x(yes), x(no)))
	}
	for blocks, wrong := range map[string]string{
		section(x(3000)):                         "",
		section(x(3001)):                         "3001",
		section(""):                              "must be 1",
		section(strings.Repeat("𝄞", 1501)):       "3002",
		section("a & b"):                         "not escaped",
		section("a < b"):                         "not escaped",
		section("&amp; &lt; <https://x|y&amp;>"): "",
		`{"type":"section"}`:                     "text is missing",
		`{"type":"blink"}`:                       "blink",
		`{"type":"divider"}`:                     "",
		`{"type":"context","elements":[]}`:       "elements: 0",
		`{"type":"header","text":{"type":"mrkdwn","text":"x"}}`:               "mrkdwn",
		actions(`"action_id":"a"`):                                            "",
		actions(`"action_id":""`):                                             "action_id",
		actions(`"action_id":"` + x(256) + `"`):                               "action_id",
		actions(`"action_id":"a","value":"` + x(2001) + `"`):                  "value",
		actions(`"action_id":"a","url":"javascript:alert(1)"`):                "no address",
		actions(`"action_id":"a","url":"https://` + x(3000) + `"`):            "url",
		actions(`"action_id":"a","style":"loud"`):                             "style",
		ask(100, 300, 30, 30):                                                 "",
		ask(101, 300, 30, 30):                                                 "confirm.title",
		ask(100, 301, 30, 30):                                                 "confirm.text",
		ask(100, 300, 31, 30):                                                 "confirm.confirm",
		ask(100, 300, 30, 31):                                                 "confirm.deny",
		strings.Repeat(`{"type":"divider"},`, 50) + `{"type":"divider"}`:      "blocks: 51",
		strings.Repeat(section(x(3000))+",", 4) + section(x(3000)):            "all blocks",
		`{"type":"divider","block_id":"a"},{"type":"divider","block_id":"a"}`: "twice",
		``: "no blocks",
	} {
		err := Validate([]byte("[" + blocks + "]"))
		if wrong == "" && err != nil || wrong != "" && (err == nil || !strings.Contains(err.Error(), wrong)) {
			t.Errorf("%.80s: got %v, not %q", blocks, err, wrong)
		}
	}
	if Validate([]byte("{")) == nil {
		t.Error("what is no JSON passes")
	}
}

func TestMentions(t *testing.T) {
	got := mentions("<!here> &lt;!channel&gt; <https://x>", []byte(`[{"type":"section","text":{"type":"mrkdwn","text":"<@U1> <!date^1^{time}|x>"}},{"type":"context","elements":[{"type":"mrkdwn","text":"<!subteam^S1>"}]}]`))
	if strings.Join(got, " ") != "<!here> <@U1> <!subteam^S1>" {
		t.Errorf("got %v", got)
	}
}
