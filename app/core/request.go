package core

import "context"

type requestKey struct{}

// NameRequest gives what is done for a request the request's id, for the log alone.
func NameRequest(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestKey{}, id)
}

// RequestName is the id of the request that ctx is of; empty: of none.
func RequestName(ctx context.Context) string {
	id, _ := ctx.Value(requestKey{}).(string)
	return id
}
