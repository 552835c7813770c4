package gitlab

import "sync"

// maxPipelines bounds the memory for pipelines: some hundred bytes each.
const maxPipelines = 4096

// pipelineRow is a pipeline as the API shows it.
type pipelineRow struct {
	ID  id     `json:"id"`
	Ref string `json:"ref"`
	SHA string `json:"sha"`
}

// pipeline is where statuses go: GitLab groups them, and finds the group by id and ref
// together. An id of 0 lets it choose.
type pipeline struct {
	id  int
	ref string
}

type pipelineKey struct{ project, sha, ref string }

// pipelineMemory keeps which pipeline a commit's statuses went to, so that all go to the
// same. Its zero value is empty.
type pipelineMemory struct {
	mu   sync.Mutex
	used map[pipelineKey]pipeline
}

func (m *pipelineMemory) get(k pipelineKey) (pipeline, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p, ok := m.used[k]
	return p, ok
}

func (m *pipelineMemory) put(k pipelineKey, p pipeline) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.used == nil || len(m.used) >= maxPipelines {
		m.used = map[pipelineKey]pipeline{}
	}
	m.used[k] = p
}

func (m *pipelineMemory) forget(k pipelineKey) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.used, k)
}
