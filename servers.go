package main

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store"
)

// describe is this server as others on the same database are to know it.
func describe(cfg Config, r rooms, vault *app.Vault, blobs core.BlobStore) (core.Server, error) {
	id, err := runnerID(cfg.DataDir)
	if err != nil {
		return core.Server{}, fmt.Errorf("name the server: %w", err)
	}
	host, err := os.Hostname()
	if err != nil {
		return core.Server{}, fmt.Errorf("name the server: %w", err)
	}
	var sources []string
	for _, c := range r.environment {
		sources = append(sources, c.ID)
	}
	slices.Sort(sources)
	where := ""
	if _, alone := store.SQLitePath(cfg.DatabaseURL); !alone {
		if where, err = blobs.Identity(); err != nil {
			return core.Server{}, err
		}
	}
	return core.Server{
		ID: id, Name: host + " (" + cfg.ListenAddr + ")", Version: version, PublicURL: cfg.PublicURL, KeyID: vault.KeyID(),
		Blobs: where, Sources: strings.Join(sources, " "),
	}, nil
}
