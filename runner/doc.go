// Package runner claims builds, checks their commit out, runs their commands and
// reports what happened. It knows the house through the port Jobs alone: no
// database, no HTTP, no forge.
package runner
