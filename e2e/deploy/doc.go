// Package deploy checks the configuration in the folder deploy, as far as that is possible without an engine:
//
//	haproxy/    the balancer          observe/   Prometheus and Grafana
//	valkey/     the store             toxiproxy/ fault injection between instances and store
//	coturn/     TURN                  helm/      a chart, which scripts/helm tests
//	caddy/      certificates
//
// docker-compose.yml and the Dockerfile, in the root, put them together; scripts/compose-verify starts them for real. This package also
// checks the workflows and the files of a release.
package deploy
