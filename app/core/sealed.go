package core

import "context"

// Sealed is a value that the vault has sealed, and where it lies.
type Sealed struct {
	Place string // table and key of the row, parted by slashes: what it was sealed for
	Data  []byte
}

// SealedStore gives what is sealed to whoever renews the vault's key.
type SealedStore interface {
	// ListSealed lists at most limit sealed values whose place comes after one, in order.
	ListSealed(ctx context.Context, after string, limit int) ([]Sealed, error)
	// Reseal stores data in place of what is sealed there, and tells whether that still was
	// old.
	Reseal(ctx context.Context, place string, old, data []byte) (bool, error)
	// DropSealed deletes the row of a place; none is no error.
	DropSealed(ctx context.Context, place string) error
}
