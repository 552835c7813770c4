package app

import (
	"context"
	"errors"
	"time"

	"github.com/oore-ci/oore/app/core"
)

const (
	// renewBefore is how long before its end a token is renewed.
	renewBefore = 5 * time.Minute
	// renewLife is how long a server may take to renew before another takes over: the
	// host's answer takes 10 s at most, and storing it must be possible.
	renewLife = 30 * time.Second
	// renewPoll is how often others look whether it is done.
	renewPoll = 100 * time.Millisecond
	// renewRest is how long a host is left alone that refused for good. GitLab.com shuts
	// out who goes on asking.
	renewRest = time.Hour
	// renewedNow is how new a token is that renewing again would not mend.
	renewedNow = time.Minute
)

// errGrantEnded means that no waiting helps: a person has to connect anew.
var errGrantEnded = errors.New("the grant has ended")

// grantTokens gives the tokens of one connection. Everything it knows lies in the
// database, sealed: each refresh token works once, so that all servers must agree who
// uses it. Whoever stores first that they have begun does.
type grantTokens struct {
	app *App
	id  string // of the integration
}

// Token implements core.TokenSource.
func (g grantTokens) Token(ctx context.Context, refused string) (string, error) {
	for {
		c, err := g.read(ctx)
		if err != nil {
			return "", err
		}
		now, s := g.app.now(), c.Secrets
		began := now.Sub(s.Renewal.Began)
		switch {
		case s.Token != refused && (g.fresh(s, now) || refused != "" && now.Before(s.TokenExpires)):
			return s.Token, nil
		case s.Token == refused && now.Sub(s.Renewal.Done) < renewedNow:
			return s.Token, nil // the host does not mean the token
		case s.RefreshToken == "" || now.Sub(s.Renewal.Refused) < renewRest:
			return "", core.Errorf(core.KindUnavailable, "%s", orElse(c.Trouble, "The access that was granted has ended; connect it again under Settings → Sources")).Because(errGrantEnded)
		case began < renewLife:
			if err := sleep(ctx, renewPoll); err != nil {
				return "", err
			}
			continue
		}
		if token, err := g.renew(ctx, c); err != nil || token != "" {
			return token, err
		}
	}
}

// fresh tells whether the token is good for a while.
func (g grantTokens) fresh(s core.Secrets, now time.Time) bool {
	return s.TokenExpires.IsZero() || now.Before(s.TokenExpires.Add(-renewBefore))
}

func (g grantTokens) read(ctx context.Context) (core.Connection, error) {
	i, err := g.app.store.FindIntegration(ctx, g.id)
	if err != nil {
		return core.Connection{}, err
	}
	return g.app.unseal(i)
}

// renew exchanges the refresh token. Neither token nor error: another server did, or
// somebody has connected anew; look again.
func (g grantTokens) renew(ctx context.Context, c core.Connection) (string, error) {
	granter, ok := g.app.forges[c.Provider].(core.Granter)
	if !ok {
		return "", core.Errorf(core.KindInvalid, "%s is not set up any more", c.Provider)
	}
	// Who asked may go away. What the host has exchanged must be stored all the same.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), renewLife)
	defer cancel()
	used := c.Secrets.RefreshToken
	c.Secrets.Renewal.Began = g.app.now()
	if mine, err := g.swap(ctx, &c); err != nil || !mine {
		return "", err
	}
	renewed, err := granter.Renew(ctx, c)
	c.Secrets.Renewal = core.TokenRenewal{}
	switch {
	case err == nil:
		c.Secrets.Token, c.Secrets.RefreshToken, c.Secrets.TokenExpires = renewed.Token, renewed.RefreshToken, renewed.TokenExpires
		c.Secrets.Renewal.Done, c.Trouble = g.app.now(), ""
		return g.keep(ctx, c, used)
	case core.KindOf(err) == core.KindInvalid:
		c.Secrets.Renewal.Refused, c.Trouble = g.app.now(), core.MessageOf(err)
		g.app.log.Error("the access that was granted is not renewed", "integration", c.Name, "host", c.Host, "error", err)
		mine, swapErr := g.swap(ctx, &c)
		if swapErr != nil || !mine {
			return "", swapErr
		}
		return "", core.Errorf(core.KindUnavailable, "%s", c.Trouble).Because(errors.Join(errGrantEnded, err))
	}
	if _, swapErr := g.swap(ctx, &c); swapErr != nil {
		g.app.log.Warn("note that a token was not renewed", "integration", c.Name, "error", swapErr)
	}
	return "", err
}

// keep stores new tokens, whatever comes between: nobody will give them out again. It
// gives way only to who has connected anew meanwhile.
func (g grantTokens) keep(ctx context.Context, c core.Connection, used string) (string, error) {
	for {
		mine, err := g.swap(ctx, &c)
		if err == nil && mine {
			g.app.log.Info("token renewed", "integration", c.Name, "host", c.Host, "expires", c.Secrets.TokenExpires)
			return c.Secrets.Token, nil
		}
		if err == nil {
			var now core.Connection
			if now, err = g.read(ctx); err == nil {
				if now.Secrets.RefreshToken != used {
					return "", nil
				}
				c.Sealed = now.Sealed
				continue
			}
		}
		if core.KindOf(err) == core.KindNotFound {
			return "", err // disconnected
		}
		if sleep(ctx, renewPoll) != nil {
			g.app.log.Error("a token was renewed and could not be stored: connect again", "integration", c.Name, "host", c.Host, "error", err)
			return "", err
		}
	}
}

// swap stores the connection's secrets and trouble, if its keys are the stored ones
// still, and takes over what is stored then.
func (g grantTokens) swap(ctx context.Context, c *core.Connection) (bool, error) {
	old := c.Sealed
	i, err := g.app.seal(*c)
	if err != nil {
		return false, err
	}
	i.UpdatedAt = g.app.now()
	mine, err := g.app.store.SwapKeys(ctx, i, old)
	if mine {
		c.Integration = i
	}
	return mine, err
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
