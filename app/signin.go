package app

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// SignIn says how people come in besides one-time links.
type SignIn struct {
	Rooms     []core.SignInRoom // in the order in which they are offered
	Passwords bool
	Proxy     bool          // one of the operator's vouches for people
	Domains   []string      // in lower case: whose e-mail lies in one needs no invitation
	AskEvery  time.Duration // how often services with a list are asked about people; 0: core.StandingEvery
	Proof     time.Duration // how long the word of those is believed that only browsers can ask; 0: core.SessionProof
}

// signInLife is how long a browser may be away to sign in elsewhere.
const signInLife = 10 * time.Minute

// journey is what a browser's state stands for until it is back.
type journey struct {
	Way      string `json:"way"`
	Verifier string `json:"verifier"`
	Nonce    string `json:"nonce"`
	Next     string `json:"next"`              // where the person wanted to go
	UserID   string `json:"user_id,omitempty"` // who connects an account; empty: somebody signs in
	Again    bool   `json:"again,omitempty"`   // the service is asked about somebody who has signed in
}

// Departure is a browser that goes to sign in elsewhere.
type Departure struct {
	URL     string
	Name    string // of the service, for people
	Browser string // goes into a cookie, and must come back with the state
	Expires time.Time
}

// Return is a browser that comes back.
type Return struct {
	Way     string
	Browser string // the cookie
	State   string
	Code    string
	Issuer  string
	Denied  string // the service's code for why it sends no code
}

// Arrival is what came of a journey.
type Arrival struct {
	NewSession        // empty where an account was connected
	Next       string // as Depart was given it
	Connected  bool
}

// SignInWays lists the services that people sign in at.
func (a *App) SignInWays() []core.SignInWay {
	ways := make([]core.SignInWay, len(a.signIn.Rooms))
	for i, room := range a.signIn.Rooms {
		ways[i] = room.Way()
	}
	return ways
}

func (a *App) signInRoom(id string) (core.SignInRoom, error) {
	for _, room := range a.signIn.Rooms {
		if room.Way().ID == id {
			return room, nil
		}
	}
	return nil, core.Errorf(core.KindNotFound, "This server has no such way to sign in")
}

// SignInAddress is where a service sends the browser back to.
func (a *App) SignInAddress(way string) string { return a.publicURL + "/sign-in/" + way + "/callback" }

// Depart sends a browser to sign in elsewhere. It comes back to Arrive.
func (a *App) Depart(ctx context.Context, v Visitor, way, next string) (Departure, error) {
	room, err := a.signInRoom(way)
	if err != nil {
		return Departure{}, err
	}
	if err := a.beginTry(ctx, startKey(v), startsMost); err != nil {
		return Departure{}, err
	}
	d, err := a.depart(ctx, room, journey{Way: way, Next: next})
	if err != nil {
		a.refused(ctx, v, room.Way().Name, err)
	}
	return d, err
}

func startKey(v Visitor) string { return "start " + addressKey(v.Address) }

// DepartToConnect is Depart for somebody who has signed in and wants to be known by an
// account elsewhere too.
func (a *App) DepartToConnect(ctx context.Context, actor core.Actor, way, next string) (Departure, error) {
	if err := core.Allow(actor, core.ActRead, nil); err != nil {
		return Departure{}, err
	}
	if actor.Kind != core.ActorUser || actor.UserID == "" {
		return Departure{}, core.Errorf(core.KindForbidden, "Only a person who has signed in connects an account, no token")
	}
	room, err := a.signInRoom(way)
	if err != nil {
		return Departure{}, err
	}
	return a.depart(ctx, room, journey{Way: way, Next: next, UserID: actor.UserID})
}

// depart keeps the journey under a secret that the browser alone has. The state, which
// others see, is made of it: who knows the one does not know the other.
func (a *App) depart(ctx context.Context, room core.SignInRoom, j journey) (Departure, error) {
	j.Verifier, _ = newSecret(core.CredentialSignInState)
	j.Nonce, _ = newSecret(core.CredentialSignInState)
	c := core.Credential{ID: a.newID(), Kind: core.CredentialSignInState, Name: j.Way, UserID: j.UserID}
	plain, err := json.Marshal(j)
	if err != nil {
		return Departure{}, err
	}
	if c.Sealed, err = a.vault.Seal(plain, grantSealedAt(c.ID)); err != nil {
		return Departure{}, fmt.Errorf("seal a journey: %w", err)
	}
	browser, c, err := a.issue(ctx, a.store, c, signInLife)
	if err != nil {
		return Departure{}, fmt.Errorf("note that somebody goes to sign in: %w", err)
	}
	address, err := room.SignInURL(ctx, a.signInRequest(j, browser))
	return Departure{URL: address, Name: room.Way().Name, Browser: browser, Expires: *c.ExpiresAt}, err
}

func (a *App) signInRequest(j journey, browser string) core.SignInRequest {
	return core.SignInRequest{RedirectURL: a.SignInAddress(j.Way), State: stateOf(browser), Verifier: j.Verifier, Nonce: j.Nonce, Silent: j.Again}
}

func stateOf(browser string) string {
	sum := sha256.Sum256([]byte("oore sign-in state:" + browser))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// Arrive ends a journey: it signs the person in, or connects their account. The state
// works once, in the browser that left, within ten minutes. Beside an error there may be
// where they wanted to go.
func (a *App) Arrive(ctx context.Context, v Visitor, r Return) (Arrival, error) {
	room, err := a.signInRoom(r.Way)
	if err != nil {
		return Arrival{}, err
	}
	name := room.Way().Name
	arrival, err := a.arrive(ctx, v, room, r)
	if err != nil {
		a.refused(ctx, v, name, err)
		return Arrival{Next: arrival.Next}, err
	}
	if !arrival.Connected {
		a.undoTry(ctx, startKey(v)) // many people come from one address
		a.ringSignedIn(arrival.NewSession)
	}
	return arrival, nil
}

func (a *App) arrive(ctx context.Context, v Visitor, room core.SignInRoom, r Return) (Arrival, error) {
	j, err := a.takeJourney(ctx, r)
	if err != nil {
		return Arrival{}, err
	}
	way := room.Way()
	if j.Again && r.Code == "" {
		return Arrival{Next: j.Next}, a.notAgain(ctx, v, way, r.Denied)
	}
	if r.Denied != "" || r.Code == "" {
		return Arrival{}, deniedThere(way.Name, r.Denied)
	}
	person, err := room.Identify(ctx, a.signInRequest(j, r.Browser), core.SignInAnswer{Code: r.Code, Issuer: r.Issuer})
	if err != nil {
		return Arrival{}, err
	}
	if person.Subject == "" {
		return Arrival{}, core.Errorf(core.KindUnauthorized, "%s does not say who you are", way.Name)
	}
	if j.UserID != "" {
		return Arrival{Next: j.Next, Connected: true}, a.connectIdentity(ctx, v, j.UserID, way, person)
	}
	s, err := a.admitPerson(ctx, v, way, person, false)
	return Arrival{NewSession: s, Next: j.Next}, err
}

// takeJourney uses up the state of a browser that is back.
func (a *App) takeJourney(ctx context.Context, r Return) (j journey, err error) {
	stale := core.Codef(core.KindInvalid, core.CodeInvalidState,
		"This sign-in was not begun in this browser, is over already or took longer than ten minutes; begin again")
	c, err := a.credential(ctx, core.CredentialSignInState, r.Browser)
	if core.KindOf(err) == core.KindUnauthorized {
		return j, stale
	}
	if err != nil {
		return j, err
	}
	if subtle.ConstantTimeCompare([]byte(stateOf(r.Browser)), []byte(r.State)) != 1 || c.Name != r.Way {
		return j, stale
	}
	if err := take(ctx, a.store, c, stale); err != nil {
		return j, err
	}
	sealed, err := a.vault.Open(c.Sealed, grantSealedAt(c.ID))
	if err == nil {
		err = json.Unmarshal(sealed, &j)
	}
	return j, err
}

// oauthCode is as much of a service's refusal as is shown: the rest may be anybody's words.
var oauthCode = regexp.MustCompile(`^[a-z_]{1,40}$`)

func deniedThere(name, code string) error {
	switch {
	case code == "access_denied":
		return core.Errorf(core.KindForbidden, "Access was denied at %s; begin again and agree there, or sign in another way", name)
	case oauthCode.MatchString(code):
		return core.Errorf(core.KindInvalid, "%s does not let this server sign people in (%s); an admin must look at its settings there", name, code)
	}
	return core.Errorf(core.KindInvalid, "%s sent you back without an answer; begin again", name)
}

// connectIdentity makes an account elsewhere one by which a user is known, if the browser
// still is that user's.
func (a *App) connectIdentity(ctx context.Context, v Visitor, userID string, way core.SignInWay, p core.Person) error {
	actor, err := a.Authenticate(ctx, v.Session)
	if core.KindOf(err) == core.KindUnauthorized || err == nil && actor.UserID != userID {
		return core.Codef(core.KindInvalid, core.CodeInvalidState, "You are not signed in any more as who began this; sign in and begin again under Settings → You")
	}
	if err != nil {
		return err
	}
	actor.Door, actor.Address = v.Door, v.Address
	identity := core.Identity{Provider: way.Provider, Subject: p.Subject, UserID: userID, Login: p.Login, CreatedAt: a.now()}
	return a.noting(ctx, actor, auditIdentity(core.AuditIdentityAdd, identity), func(tx core.Store) error {
		err := tx.SaveIdentity(ctx, identity)
		if core.CodeOf(err) == core.CodeIdentityTaken {
			return core.Codef(core.KindConflict, core.CodeIdentityTaken, "%s at %s belongs to another user here", orElse(p.Login, "This account"), way.Name)
		}
		return err
	})
}

// ListIdentities lists the actor's own accounts elsewhere.
func (a *App) ListIdentities(ctx context.Context, actor core.Actor) ([]core.Identity, error) {
	if err := core.Allow(actor, core.ActRead, nil); err != nil || actor.UserID == "" {
		return nil, err
	}
	return a.store.ListIdentities(ctx, actor.UserID)
}

// DisconnectIdentity forgets one of the actor's own accounts elsewhere. Their sessions
// stay. KindConflict, last_sign_in: they have no other way in of their own.
func (a *App) DisconnectIdentity(ctx context.Context, actor core.Actor, provider, subject string) error {
	if err := core.Allow(actor, core.ActRead, nil); err != nil {
		return err
	}
	if actor.Kind != core.ActorUser || actor.UserID == "" {
		return core.Errorf(core.KindForbidden, "Only a person who has signed in disconnects an account, no token")
	}
	i := core.Identity{Provider: provider, Subject: subject, UserID: actor.UserID}
	return a.noting(ctx, actor, auditIdentity(core.AuditIdentityDelete, i), func(tx core.Store) error {
		user, err := tx.HoldUser(ctx, actor.UserID) // so that of two who go, one stays
		if err != nil {
			return err
		}
		if err := tx.DeleteIdentity(ctx, actor.UserID, provider, subject); err != nil || !a.leadsIn(provider) {
			return err
		}
		left, err := tx.ListIdentities(ctx, actor.UserID)
		if err != nil || a.signIn.Passwords && user.Password != "" || slices.ContainsFunc(left, func(i core.Identity) bool { return a.leadsIn(i.Provider) }) {
			return err
		}
		return core.Codef(core.KindConflict, core.CodeLastSignIn, "Nothing else signs you in here; set a password or connect another account first")
	})
}

// leadsIn tells whether people sign in by what the provider says of them.
func (a *App) leadsIn(provider string) bool {
	return a.signIn.Proxy && provider == proxyWay().Provider || a.roomOf(provider) != nil
}
