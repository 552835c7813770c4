package app

import (
	"context"
	"fmt"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// checkBackup finds that nobody has made a backup for long.
func (a *App) checkBackup(ctx context.Context) core.Check {
	made, since, err := a.store.LastBackup(ctx)
	now := a.now()
	const fix = "Let a timer run oore backup FILE every night, and keep the file on another disk"
	switch {
	case err != nil:
		return core.Fail(core.MessageOf(err), "")
	case made.IsZero() && now.Sub(since) < core.BackupLife:
		return core.Skip("none has been made yet")
	case made.IsZero():
		return core.Warn("none was ever made by oore backup", fix)
	case now.Sub(made) > core.BackupLife:
		return core.Warn(lastBackup(made, now), fix)
	}
	return core.Good(lastBackup(made, now))
}

func lastBackup(made, now time.Time) string {
	age := now.Sub(made)
	ago := "just now"
	switch {
	case age >= 48*time.Hour:
		ago = fmt.Sprintf("%d days ago", age/(24*time.Hour))
	case age >= 2*time.Hour:
		ago = fmt.Sprintf("%d hours ago", age/time.Hour)
	case age >= 2*time.Minute:
		ago = fmt.Sprintf("%d minutes ago", age/time.Minute)
	}
	return fmt.Sprintf("the last was made %s (%s)", ago, made.UTC().Format("2006-01-02 15:04 MST"))
}
