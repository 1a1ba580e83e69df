// Package deploy checks the configuration in the folder deploy, as far as that needs no engine:
//
//	haproxy/    the balancer          observe/   Prometheus and Grafana
//	valkey/     the store             toxiproxy/ between instances and store, to break things
//	coturn/     TURN                  helm/      a chart, which scripts/helm tests
//	caddy/      certificates
//
// docker-compose.yml and Dockerfile, at the top, put them together; scripts/compose-verify starts them for real. The workflows and
// the files of a release are checked here as well.
package deploy
