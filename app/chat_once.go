package app

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/oore-ci/oore/app/core"
)

// said is what a command came to.
type said struct {
	text     string // Markdown; empty: there is nothing to answer
	done     bool   // something was started or stopped
	partly   bool   // and something else was refused, as text says
	refused  string // the code: nothing was done, and text says why
	sha      string // what was built
	verdicts []core.DeliveryVerdict
	rings    []string // builds to wake
}

func saying(format string, args ...any) (said, error) {
	return said{text: fmt.Sprintf(format, args...)}, nil
}

func refusing(e *core.Error) said { return said{text: e.Message, refused: e.Code} }

// deed does what a command asks for, in the transaction that keeps its result. All that
// has to be asked outside was asked when it was planned. It may run again from the start.
type deed func(ctx context.Context, tx core.Store) (said, error)

// telling is the deed of a command that changes nothing.
func telling(s said, err error) (deed, error) {
	return func(context.Context, core.Store) (said, error) { return s, nil }, err
}

// refusal is err as what a person is answered; nil: it is none, and may pass with time.
func refusal(err error) *core.Error {
	var e *core.Error
	if !errors.As(err, &e) || e.Kind == core.KindUnavailable || e.Kind == core.KindInternal || e.Kind == core.KindLimited {
		return nil
	}
	return e
}

// past is what was run before of a message: two webhooks, of a project and of its group,
// tell of one comment, a delivery may be brought again, and a try that failed is repeated.
type past struct {
	lines map[int]core.ChatResult
	all   []core.ChatResult
	over  bool // another delivery of the message was answered: what it did not run is not run
}

func (p past) covers(lines []core.ChatLine) bool {
	if p.over {
		return true
	}
	for _, line := range lines {
		r, known := p.lines[line.Line]
		if !known || r.Refused != "" {
			return known
		}
	}
	return true
}

// recall reads what was run before.
func (a *App) recall(ctx context.Context, c conversation) (past, error) {
	source, id := c.identity()
	all, err := a.store.ListChatResults(ctx, source, id)
	p := past{lines: map[int]core.ChatResult{}, all: all}
	for _, r := range all {
		p.lines[r.Line] = r
		if r.DeliveryID == c.delivery.ID || p.over || err != nil {
			continue
		}
		var first core.Delivery
		first, err = a.store.FindDelivery(ctx, r.DeliveryID)
		p.over = first.Status == core.DeliveryProcessed || first.Status == core.DeliveryIgnored
	}
	return p, err
}

// identity is the same for every delivery of one message. Comments and reviews are
// numbered apart, and so are those of each repository; in Slack a delivery is a message.
func (c *conversation) identity() (source, id string) {
	if c.door == core.DoorSlack {
		return string(core.ProviderSlack), c.delivery.ID
	}
	return strings.Join([]string{string(c.delivery.Provider), c.delivery.Event, c.repo.ID}, ":"), c.chat.ID
}

func (c *conversation) result(line core.ChatLine, s said) core.ChatResult {
	r := core.ChatResult{
		Line: line.Line, DeliveryID: c.delivery.ID,
		Text: s.text, Done: s.done, Partly: s.partly, Refused: s.refused, SHA: s.sha, Verdicts: s.verdicts,
	}
	r.Source, r.SourceID = c.identity()
	if line.Err == nil {
		r.Command = line.Command.String()
	}
	return r
}

// errTooLate undoes what a command did while somebody else did it.
var errTooLate = errors.New("the line was run meanwhile")

// runLine runs one line and keeps its result. An error is none of the person's: the line
// was not run, and may be tried again.
func (a *App) runLine(ctx context.Context, c *conversation, line core.ChatLine) (core.ChatResult, error) {
	d, err := a.plan(ctx, c, line)
	var r core.ChatResult
	if err == nil {
		r, err = a.do(ctx, c, line, d)
	}
	if refused := refusal(err); refused != nil {
		r, err = a.do(ctx, c, line, func(context.Context, core.Store) (said, error) { return refusing(refused), nil })
	}
	if err == nil {
		a.log.Info("command", "verb", line.Command.Verb, "door", c.door, "actor", c.actor.Name, "delivery", c.delivery.ID, "text", r.Command, "refused", r.Refused)
	}
	return r, err
}

func (a *App) do(ctx context.Context, c *conversation, line core.ChatLine, d deed) (r core.ChatResult, err error) {
	var s said
	err = a.store.InTx(ctx, func(tx core.Store) (err error) {
		if s, err = d(ctx, tx); err != nil {
			return err
		}
		r = c.result(line, s)
		r.At = a.now()
		created, err := tx.CreateChatResult(ctx, r)
		if err == nil && !created {
			return errTooLate
		}
		core.CrashPoint("command.written")
		return err
	})
	if errors.Is(err, errTooLate) {
		known, err := a.recall(ctx, *c)
		return known.lines[line.Line], err
	}
	if err != nil {
		return r, err
	}
	core.CrashPoint("command.run")
	for _, id := range s.rings {
		a.tails.forget(id)
		a.bell.ring(topicBuild(id), topicCancel(id))
	}
	a.listed()
	a.bell.ring(topicQueue, topicOutbox)
	return r, nil
}

// parts gathers what a command came to for each pipeline or build that it is about.
type parts struct {
	said
	lines   []string
	refused []*core.Error
}

// add notes one of them. What is refused stands beside the others; any other error ends
// the command. about begins the sentence that says what was refused.
func (p *parts) add(one candidate, about string, s said, err error) error {
	refused := refusal(err)
	if err != nil && refused == nil {
		return err
	}
	if refused != nil {
		p.refused = append(p.refused, refused)
		p.lines = append(p.lines, about+": "+refused.Message)
		p.verdicts = append(p.verdicts, verdictOf(one, core.Verdict{Code: refused.Code, Reason: refused.Message}))
		return nil
	}
	p.lines = append(p.lines, s.text)
	p.done, p.sha = p.done || s.done, orElse(s.sha, p.sha)
	p.verdicts, p.rings = append(p.verdicts, s.verdicts...), append(p.rings, s.rings...)
	return nil
}

// sum is the whole command's: refused only if everything was.
func (p *parts) sum() (said, error) {
	if n := len(p.refused); n > 0 && n == len(p.lines) {
		first, same := p.refused[0], true
		for _, other := range p.refused {
			same = same && other.Message == first.Message
		}
		if same {
			return said{}, first
		}
		return said{}, core.Codef(first.Kind, first.Code, "%s", strings.Join(p.lines, "\n"))
	}
	p.text, p.partly = strings.Join(p.lines, "\n"), len(p.refused) > 0
	return p.said, nil
}
