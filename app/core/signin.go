package core

import "context"

// SignInWay names a service that people sign in at.
type SignInWay struct {
	ID       string // in addresses: oidc, github, gitlab
	Name     string // for people: GitHub, login.example.com
	Provider string // of the identities that it vouches for
	Again    bool   // answers SignInRequest.Silent, and is asked so after SessionProof
}

// SignInRequest is one journey of a browser to such a service and back.
type SignInRequest struct {
	RedirectURL string // ours, where the service sends the browser back
	State       string // comes back with the code
	Verifier    string // whose hash the service is told first (PKCE)
	Nonce       string // stands in what the service signs
	Silent      bool   // the service answers at once, and asks the person nothing
}

// SignInAnswer is what the browser came back with.
type SignInAnswer struct {
	Code   string
	Issuer string // who answers, if the answer says so (RFC 9207)
}

// Person is somebody as such a service knows them.
type Person struct {
	Subject  string // the service's lasting id of them
	Login    string // their name there, for people
	Name     string
	Email    string // verified there; empty: none is
	Admitted bool   // on the operator's list for this service: needs no invitation
	Standing []byte // secret, by which StillAdmitted asks about them; nil: nobody is to ask
}

// SignInRoom is a service that people sign in at. Implementations are safe for
// concurrent use.
type SignInRoom interface {
	Way() SignInWay
	// SignInURL is where the browser goes. KindUnavailable: the service does not answer.
	SignInURL(ctx context.Context, r SignInRequest) (string, error)
	// Identify exchanges the code that came back and says who the person is.
	// KindUnauthorized: what the service answered proves nothing. KindForbidden: the
	// person is not on the operator's list. KindInvalid: the settings are wrong.
	Identify(ctx context.Context, r SignInRequest, a SignInAnswer) (Person, error)
	// StillAdmitted asks whether the person is on the operator's list still. KindForbidden:
	// they are not. KindUnauthorized: the service lets us ask no more. Any other error says
	// nothing of them. next is what to ask with the next time, also beside an error; nil
	// beside one: as before; nil alone: there is no list.
	StillAdmitted(ctx context.Context, standing []byte) (next []byte, err error)
	// Examine tells whether people could sign in now.
	Examine(ctx context.Context) Check
}
