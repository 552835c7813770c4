package app_test

import (
	"context"
	"log/slog"
	"os"
	"testing"

	"github.com/oore-ci/oore/store"
	"github.com/oore-ci/oore/store/storetest"
)

func TestMain(m *testing.M) {
	storetest.Prepare(func(url string) error {
		s, err := store.Open(context.Background(), url, store.Options{Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			return err
		}
		return s.Close()
	})
	os.Exit(m.Run())
}
