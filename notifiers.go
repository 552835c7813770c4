package main

import (
	"errors"
	"net/netip"
	"strings"
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

func readNotifyNetworks(c *Config, value string) (err error) {
	c.NotifyNetworks, err = readNetworks(value)
	return err
}

// readNetworks reads networks in CIDR notation, and single addresses.
func readNetworks(value string) (all []netip.Prefix, err error) {
	for _, text := range strings.Split(value, ",") {
		text = strings.TrimSpace(text)
		if addr, err := netip.ParseAddr(text); err == nil && addr.Zone() == "" {
			text = netip.PrefixFrom(addr, addr.BitLen()).String()
		}
		network, err := netip.ParsePrefix(text)
		if err != nil || network.Addr().Is4In6() {
			return nil, errors.New("give networks such as 10.1.0.0/16, parted by commas")
		}
		all = append(all, network.Masked())
	}
	return all, nil
}
