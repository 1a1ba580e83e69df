// Package deploy has no code: it is where deployments find their configuration, and its tests check what needs no engine.
//
//	haproxy/    the balancer          observe/   Prometheus and Grafana
//	valkey/     the store             toxiproxy/ between instances and store, to break things
//	coturn/     TURN                  verify/    a program that checks a deployment from outside
//	caddy/      certificates          helm/      a chart, which tools/helm tests
//
// docker-compose.yml and Dockerfile, at the top, put them together; scripts/compose-verify starts them for real.
package deploy
