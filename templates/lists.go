package templates

import (
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// DeliveriesView is the list of messages from outside.
type DeliveriesView struct {
	Page
	Deliveries []core.Delivery
	Status     core.DeliveryStatus
	Repository string
	Pager      Pager
}

// Statuses are the choices of the filter.
func (v DeliveriesView) Statuses() []core.DeliveryStatus {
	return []core.DeliveryStatus{core.DeliveryProcessed, core.DeliveryIgnored, core.DeliveryFailed, core.DeliveryReceived}
}

// Filtered tells whether a filter is set.
func (v DeliveriesView) Filtered() bool { return v.Status != "" || v.Repository != "" }

// Deliveries writes the list of messages from outside.
func (s *Set) Deliveries(w io.Writer, v DeliveriesView) error {
	return s.render(w, "deliveries", "layout", v)
}

// DeliveryView is one message from outside and what came of it.
type DeliveryView struct {
	Page
	Delivery  core.Delivery
	Payload   string // as it may be shown
	Cut       bool   // Payload is only its beginning
	MayReplay bool

	MayApprove bool           // it waits for an approval that the reader may give
	Again      *core.Delivery // as it would be decided now; nil: not asked
}

// RunURL is the form that starts what the message did not: the first pipeline that is on and
// made no build of the pushed commit. Empty: there is none, or no branch was pushed.
func (v DeliveryView) RunURL() string {
	branch, pushed := strings.CutPrefix(v.Delivery.Ref, "refs/heads/")
	if !pushed || v.Delivery.SHA == "" {
		return ""
	}
	for _, d := range v.Delivery.Verdicts {
		if d.ProjectID != "" && d.BuildID == "" && d.Code != core.WhyPipelineOff {
			form := url.Values{"pipeline": {d.PipelineID}, "branch": {branch}, "commit_sha": {v.Delivery.SHA}}
			return "/projects/" + d.ProjectID + "/run?" + form.Encode()
		}
	}
	return ""
}

// Delivery writes the page of one message from outside.
func (s *Set) Delivery(w io.Writer, v DeliveryView) error {
	return s.render(w, "delivery", "layout", v)
}

// WhyView is the form that asks why a commit was not built, and the answer.
type WhyView struct {
	Page
	Repository string
	SHA        string
	Answer     *WhyAnswer // nil: nothing was asked yet
}

// WhyAnswer says in a sentence what happened, and shows what it knows that from.
type WhyAnswer struct {
	Built      bool
	Sentence   string
	Deliveries []core.Delivery
	Missed     []core.MissedDelivery
	Builds     []core.Build
	Evaluation []core.DeliveryVerdict
}

// Why writes the page that says why a commit was not built.
func (s *Set) Why(w io.Writer, v WhyView) error { return s.render(w, "why", "layout", v) }

// LoginView is the page for those who are not signed in, with the ways in.
type LoginView struct {
	Page
	Ways      []core.SignInWay
	Passwords bool
	Proxy     string // e-mail address of whom the operator's proxy says to be there; empty: of nobody
	Next      string // where they go then; empty: to the dashboard
	Email     string // as typed
}

// DepartView leads to a service that people sign in at.
type DepartView struct {
	Page
	Name string // of the service
	URL  string
	Back string
}

// Depart writes the page that leads away by itself.
func (s *Set) Depart(w io.Writer, v DepartView) error { return s.render(w, "depart", "layout", v) }

// Login writes the page for those who are not signed in.
func (s *Set) Login(w io.Writer, v LoginView) error { return s.render(w, "login", "layout", v) }

// ErrorView says what went wrong and what to do.
type ErrorView struct {
	Page
	Heading   string
	Text      string
	Reference string        // finds the cause in the server's log
	RetryIn   time.Duration // 0: not known
	Find      bool          // offer to search
}

// Error writes the page that says what went wrong.
func (s *Set) Error(w io.Writer, v ErrorView) error { return s.render(w, "error", "layout", v) }
