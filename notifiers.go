package main

import (
	"errors"
	"time"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/handlers/api"
	"github.com/oore-ci/oore/handlers/notify"
)

// newNotifiers makes the ways by which people hear of builds beside the forge and Slack.
func newNotifiers(cfg Config) (map[core.NotificationKind]core.Notifier, error) {
	client := notify.NewClient(cfg.notifyTransport(), 0)
	build := func(b core.Build) any { return api.RenderBuild(b, cfg.PublicURL) }
	all := map[core.NotificationKind]core.Notifier{
		core.NotifyMattermost: notify.NewMattermost(client), core.NotifyWebhook: notify.NewWebhook(client, build, time.Now),
	}
	if cfg.SMTPURL == "" {
		return all, nil
	}
	mail, err := notify.NewMail(cfg.SMTPURL, cfg.SMTPFrom)
	all[core.NotifyEmail] = mail
	return all, err
}

// validateMail refuses a mail server that cannot be used, before somebody waits for mail.
func (c *Config) validateMail() []error {
	if c.SMTPURL == "" && c.SMTPFrom == "" {
		return nil
	}
	if c.SMTPURL == "" {
		return []error{errors.New("OORE_SMTP_URL: set it too, for example smtp://user:password@mail.example.com:587")}
	}
	if _, err := notify.NewMail(c.SMTPURL, c.SMTPFrom); err != nil {
		return []error{err}
	}
	return nil
}
