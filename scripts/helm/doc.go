// Package helm proves the chart of deploy/helm: `task helm:test`.
//
//	deploy/helm/rejoin ── the library behind helm lint and helm template ──► manifests ──► kubeconform
//	                         with the values of ci/*-values.yaml                               ▲
//	 Kubernetes' OpenAPI, the CRDs of Gateway API and Prometheus Operator ── JSON schemas ─────┘
//
// The schemas are made while it runs, from three Go modules that are downloaded once and kept in the module cache: nothing of
// theirs is in this repository, and another version of Kubernetes is another line in schemas_test.go.
//
// It is a module of its own, for Helm brings much of Kubernetes' client. The commands are tools of it: `task helm -- lint
// deploy/helm/rejoin`.
package helm
