package core

import (
	"errors"
	"fmt"
	"time"
)

// Kind sorts an error by what the caller can do about it. The doors map it to an
// HTTP status in one table; nothing else may.
type Kind int

// The kinds, and the status that each becomes at the door.
const (
	KindInternal     Kind = iota // 500: a defect or an outage of ours; the message never leaves the house
	KindInvalid                  // 400: the input is wrong
	KindUnauthorized             // 401: we do not know who asks
	KindForbidden                // 403: we know, and the answer is no
	KindNotFound                 // 404: it is not there, or may not be seen
	KindConflict                 // 409: it is there but in another state
	KindGone                     // 410: it was there
	KindTooLarge                 // 413
	KindLimited                  // 429: come back after RetryAfter
	KindUnavailable              // 503: something we need is down; try again
)

// The wire codes that are no mere name of a kind (contract section 3).
const (
	CodeInvalidInput      = "invalid_input"
	CodeMissingAuth       = "missing_auth"
	CodeInvalidSession    = "invalid_session"
	CodePermissionDenied  = "permission_denied"
	CodeNotFound          = "not_found"
	CodeInvalidRef        = "invalid_ref"
	CodeRepositoryUnknown = "repository_not_found"
	CodeInvalidTransition = "invalid_transition"
	CodePipelineDisabled  = "pipeline_disabled"
	CodeContextTaken      = "context_taken"
	CodeNameTaken         = "name_taken"
	CodeConcurrency       = "concurrency"  // as many builds of the project wait as may
	CodeMinutesUsed       = "minutes_used" // its builds have run as long as they may
	CodeLeaseLost         = "lease_lost"
	CodeAlreadyDecided    = "already_decided"
	CodeSHARequired       = "sha_required"
	CodeSHAStale          = "sha_stale"
	CodeSelfApprove       = "self_approve"
	CodeNothingToApprove  = "nothing_to_approve"
	CodeEmailExists       = "email_exists"
	CodeLastOwner         = "last_owner"
	CodeLastSignIn        = "last_sign_in"
	CodeCannotDeleteSelf  = "cannot_delete_self"
	CodeCannotDeleteOwner = "cannot_delete_owner"
	CodeCannotChangeOwner = "cannot_change_owner"
	CodeCannotChangeSelf  = "cannot_change_self"
	CodeUserDisabled      = "user_disabled"
	CodeInvalidState      = "invalid_state"
	CodeBadCredentials    = "invalid_credentials"
	CodeUserNotFound      = "user_not_found"
	CodeUnverifiedEmail   = "unverified_email"
	CodeIdentityTaken     = "identity_taken"
	CodeTooLarge          = "payload_too_large"
	CodeRateLimited       = "rate_limited"
	CodeUnavailable       = "unavailable"
	CodeInternal          = "internal"
)

// Error is the only error that crosses a package border on purpose. Code is the
// stable wire string, Message is for a human and says what to do, Err is the
// cause and is logged, never shown.
type Error struct {
	Kind       Kind
	Code       string
	Message    string
	Details    string
	RetryAfter time.Duration // only with KindLimited and KindUnavailable; 0 means unknown
	Err        error
}

func (e *Error) Error() string {
	if e.Err != nil {
		return e.Message + ": " + e.Err.Error()
	}
	return e.Message
}

func (e *Error) Unwrap() error { return e.Err }

var kindCodes = map[Kind]string{
	KindInternal: CodeInternal, KindInvalid: CodeInvalidInput, KindUnauthorized: CodeInvalidSession,
	KindForbidden: CodePermissionDenied, KindNotFound: CodeNotFound, KindConflict: "conflict", KindGone: "gone",
	KindTooLarge: CodeTooLarge, KindLimited: CodeRateLimited, KindUnavailable: CodeUnavailable,
}

// Errorf makes an error of a kind with the kind's own code.
func Errorf(kind Kind, format string, args ...any) *Error {
	return Codef(kind, kindCodes[kind], format, args...)
}

// Codef is Errorf with a code of its own.
func Codef(kind Kind, code, format string, args ...any) *Error {
	return &Error{Kind: kind, Code: code, Message: fmt.Sprintf(format, args...)}
}

// Because attaches the cause, for the log alone.
func (e *Error) Because(err error) *Error {
	e.Err = err
	return e
}

// KindOf tells the kind of any error; what is not ours is internal.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return KindInternal
}

// CodeOf tells the wire code of any error.
func CodeOf(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return CodeInternal
}

// MessageOf is the part of an error that people may read.
func MessageOf(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Message
	}
	return "Something failed on our side"
}
