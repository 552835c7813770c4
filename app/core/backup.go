package core

import (
	"context"
	"time"
)

// BackupLife is how old the newest backup may be before somebody is told.
const BackupLife = 7 * 24 * time.Hour

// BackupStore remembers when backups were made.
type BackupStore interface {
	// LastBackup tells when the newest backup was made (zero: none was), and since when
	// there is the database.
	LastBackup(ctx context.Context) (made, since time.Time, err error)
}
