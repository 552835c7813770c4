package templates

import "github.com/oore-ci/oore/app/core"

// SecretsView lists a project's secrets, with the form for one more. A value that was
// typed is not shown again.
type SecretsView struct {
	Rows                        []core.Secret
	Name, Value, BranchPatterns Field
	File                        bool
	Open                        bool // the form has something to say
}
