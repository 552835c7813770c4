package api

import (
	"context"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app/core"
)

// list answers {"<plural>": […], "total": n}.
func list[T any](c *fiber.Ctx, plural string, items []T, total int) error {
	return c.JSON(fiber.Map{plural: orEmpty(items), "total": total})
}

// listOf answers with what the thing in the path has, where that always comes whole.
func listOf[From, To any](
	c *fiber.Ctx, actor core.Actor, thing, plural string,
	all func(ctx context.Context, actor core.Actor, id string) ([]From, error), render func(From) To,
) error {
	id, err := pathID(c, thing)
	if err != nil {
		return err
	}
	p, err := page(c)
	if err != nil {
		return err
	}
	items, err := all(c.UserContext(), actor, id)
	if err != nil {
		return err
	}
	return list(c, plural, renderAll(window(items, p), render), len(items))
}

func created(c *fiber.Ctx, thing any) error {
	return c.Status(fiber.StatusCreated).JSON(thing)
}

func renderAll[From, To any](items []From, render func(From) To) []To {
	out := make([]To, len(items))
	for i, item := range items {
		out[i] = render(item)
	}
	return out
}

// unix is a time in Unix seconds, or nil, which is left out.
func unix(t *time.Time) *int64 {
	if t == nil {
		return nil
	}
	s := t.Unix()
	return &s
}

// orEmpty keeps a list that has nothing in it a list, not null.
func orEmpty[T any](items []T) []T {
	if items == nil {
		return []T{}
	}
	return items
}
