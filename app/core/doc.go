// Package core holds what Oore's words mean and what is allowed: nouns, pure
// rules over them, and the ports the house asks of its surroundings. It knows no
// database, no HTTP, no forge and no SDK, and imports no package of the house.
package core
