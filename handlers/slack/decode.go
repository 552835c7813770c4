package slack

import "github.com/oore-ci/oore/app/core"

// Decoder turns slash commands and pressed buttons into the normal form; it is a
// core.Decoder.
type Decoder struct{}

// Decode implements core.Decoder. The events are slash_command, whose payload is the
// form, and Slack's own types of interactions, whose payload is JSON.
func (Decoder) Decode(event string, payload []byte) (core.Event, error) {
	switch event {
	case eventCommand:
		return decodeCommand(payload)
	case eventButtons:
		return decodeButtons(payload)
	}
	return ignored("", core.WhyEventUnknown, "Oore does nothing with what Slack calls "+event+"."), nil
}

func chatEvent(c core.Chat) core.Event {
	return core.Event{Provider: core.ProviderSlack, Actor: c.Author, Chat: &c}
}

func ignored(actor, code, text string) core.Event {
	return core.Event{Provider: core.ProviderSlack, Actor: actor, Ignored: &core.Reason{Code: code, Text: text}}
}

func missing(what, field string) error {
	return core.Errorf(core.KindInvalid, "The %s has no %s", what, field)
}
