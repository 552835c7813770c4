package core

import _ "embed"

//go:embed workflow.schema.json
var workflowSchema string

// WorkflowSchema is the JSON Schema (draft 7) of `.oore.yaml`, for editors. What it
// refuses, ParseWorkflow refuses too; ParseWorkflow also knows what a schema cannot
// say.
func WorkflowSchema() string { return workflowSchema }
