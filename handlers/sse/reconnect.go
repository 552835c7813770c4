package sse

// Reconnect is the last event of a server that stops: the reader connects anew at once, and
// goes on where it was.
func Reconnect() []byte { return Event("reconnect", "", []byte("{}")) }

// Stopped tells whether the server stops.
func Stopped(stop <-chan struct{}) bool { return closed(stop) }
