package api

import (
	"time"

	"github.com/gofiber/fiber/v2"
)

// list answers {"<plural>": […], "total": n}.
func list[T any](c *fiber.Ctx, plural string, items []T, total int) error {
	return c.JSON(fiber.Map{plural: orEmpty(items), "total": total})
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
