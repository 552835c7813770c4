package apitest

import (
	"context"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

// CheckSystem answers Checkup.
func (f *Commands) CheckSystem(_ context.Context, actor core.Actor) (app.Checkup, error) {
	return f.Checkup, f.note("CheckSystem", actor, "", nil)
}

// AnswerChallenge answers Secret to the question "ours".
func (f *Commands) AnswerChallenge(question string) (string, error) {
	if question != "ours" {
		return "", core.Errorf(core.KindNotFound, "Not found")
	}
	return f.Secret, nil
}
