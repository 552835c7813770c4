package api

import (
	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app/core"
)

type chatCommandJSON struct {
	Usage   string `json:"usage"`
	Also    string `json:"also,omitempty"`
	Who     string `json:"who"`
	Where   string `json:"where"`
	Meaning string `json:"meaning"`
	Example string `json:"example"`
}

type completionJSON struct {
	Line    string `json:"line"`
	Meaning string `json:"meaning"`
}

type chatCommandsJSON struct {
	Commands    []chatCommandJSON `json:"commands"`
	Completions []completionJSON  `json:"completions"`
}

// ChatCommands answers GET /v1/commands?line=&door=: the grammar of `/oore`, and how
// the line that is being written may go on at that door (forge, unless slack is asked for).
func (a *API) ChatCommands(c *fiber.Ctx, actor core.Actor) error {
	if err := core.Allow(actor, core.ActRead, nil); err != nil {
		return err
	}
	line, err := queryText(c, "line")
	if err != nil {
		return err
	}
	door := core.ChatDoor(c.Query("door", string(core.DoorForge)))
	if door != core.DoorForge && door != core.DoorSlack {
		return invalid("door is forge or slack")
	}
	return c.JSON(chatCommandsJSON{
		Commands:    renderAll(core.CommandTable(), func(r core.CommandRow) chatCommandJSON { return chatCommandJSON(r) }),
		Completions: renderAll(core.CompleteChat(door, line), func(n core.Completion) completionJSON { return completionJSON(n) }),
	})
}
