# What the cluster must be told: checked on the plan, with the provider mocked.

mock_provider "kubernetes" {
  override_during = plan
}

variables {
  namespace = "rejoin"
  image     = "registry.example.com/signal:1.0.0"
  host      = "signal.example.com"
  gateway   = { name = "public", namespace = "gateway" }
  redis     = { addresses = ["redis-0.example.com:6379", "redis-1.example.com:6379"], password_secret = { name = "redis" } }
}

run "drains_before_it_is_killed" {
  command = plan

  assert {
    condition     = kubernetes_deployment_v1.signal.spec[0].template[0].spec[0].termination_grace_period_seconds == 30
    error_message = "30 s by default"
  }
  assert {
    condition     = tonumber(trimsuffix(local.environment["DRAIN_TIMEOUT"], "s")) + 5 <= kubernetes_deployment_v1.signal.spec[0].template[0].spec[0].termination_grace_period_seconds
    error_message = "the drain ends before SIGKILL"
  }
}

run "moves_the_clients_of_one_instance_at_a_time" {
  command = plan

  assert {
    condition     = one(kubernetes_deployment_v1.signal.spec[0].strategy).rolling_update[0].max_unavailable == "0" && one(kubernetes_deployment_v1.signal.spec[0].strategy).rolling_update[0].max_surge == "1"
    error_message = "a new instance comes before an old one goes"
  }
  assert {
    condition     = kubernetes_pod_disruption_budget_v1.signal.spec[0].max_unavailable == "1" && kubernetes_pod_disruption_budget_v1.signal.spec[0].selector[0].match_labels == tomap(local.chosen)
    error_message = "nodes are emptied one instance at a time"
  }
  assert {
    condition     = kubernetes_deployment_v1.signal.spec[0].template[0].spec[0].topology_spread_constraint[0].topology_key == "kubernetes.io/hostname"
    error_message = "instances are on different nodes where there are some"
  }
}

run "is_probed_on_the_private_port" {
  command = plan

  assert {
    condition = alltrue([
      for p in [
        kubernetes_deployment_v1.signal.spec[0].template[0].spec[0].container[0].startup_probe[0],
        kubernetes_deployment_v1.signal.spec[0].template[0].spec[0].container[0].liveness_probe[0],
        kubernetes_deployment_v1.signal.spec[0].template[0].spec[0].container[0].readiness_probe[0],
      ] : p.http_get[0].port == "http"
    ])
    error_message = "probes ask HTTP_PORT"
  }
  assert {
    condition     = kubernetes_deployment_v1.signal.spec[0].template[0].spec[0].container[0].liveness_probe[0].http_get[0].path == "/health"
    error_message = "an instance without Redis is not restarted for it"
  }
  assert {
    condition     = kubernetes_deployment_v1.signal.spec[0].template[0].spec[0].container[0].readiness_probe[0].http_get[0].path == "/ready"
    error_message = "an instance without Redis gets no new clients"
  }
  assert {
    condition     = { for p in kubernetes_deployment_v1.signal.spec[0].template[0].spec[0].container[0].port : p.name => p.container_port } == { websocket = 4000, http = 4001 }
    error_message = "two ports: WebSockets, operations"
  }
}

run "scales_on_connections_and_cpu" {
  command = plan

  assert {
    condition     = [for m in kubernetes_horizontal_pod_autoscaler_v2.signal.spec[0].metric : m.type] == ["Pods", "Resource"]
    error_message = "connections, and CPU"
  }
  assert {
    condition     = kubernetes_horizontal_pod_autoscaler_v2.signal.spec[0].metric[0].pods[0].metric[0].name == "rejoin_edge_connections" && kubernetes_horizontal_pod_autoscaler_v2.signal.spec[0].metric[0].pods[0].target[0].average_value == "10000"
    error_message = "10,000 connections an instance"
  }
  assert {
    condition     = tonumber(local.environment["MAX_CONNECTIONS"]) > tonumber(kubernetes_horizontal_pod_autoscaler_v2.signal.spec[0].metric[0].pods[0].target[0].average_value)
    error_message = "there is another instance before one is full"
  }
  assert {
    condition     = kubernetes_horizontal_pod_autoscaler_v2.signal.spec[0].metric[1].resource[0].name == "cpu" && kubernetes_horizontal_pod_autoscaler_v2.signal.spec[0].metric[1].resource[0].target[0].average_utilization == 60
    error_message = "60 % of CPU"
  }
  assert {
    condition     = kubernetes_horizontal_pod_autoscaler_v2.signal.spec[0].min_replicas == 2 && kubernetes_horizontal_pod_autoscaler_v2.signal.spec[0].scale_target_ref[0].name == kubernetes_deployment_v1.signal.metadata[0].name
    error_message = "two instances at least, of this deployment"
  }
  assert {
    condition     = kubernetes_horizontal_pod_autoscaler_v2.signal.spec[0].behavior[0].scale_down[0].stabilization_window_seconds == 600 && kubernetes_horizontal_pod_autoscaler_v2.signal.spec[0].behavior[0].scale_down[0].policy[0].value == 1
    error_message = "it shrinks slowly: clients have to move"
  }
}

run "scales_on_cpu_alone_without_an_adapter" {
  command = plan
  variables {
    replicas = { connections = 0 }
  }

  assert {
    condition     = [for m in kubernetes_horizontal_pod_autoscaler_v2.signal.spec[0].metric : m.type] == ["Resource"]
    error_message = "no metric that nobody serves: the autoscaler would stop"
  }
}

run "is_a_route_of_the_gateway" {
  command = plan

  assert {
    condition     = kubernetes_manifest.route[0].manifest.apiVersion == "gateway.networking.k8s.io/v1" && kubernetes_manifest.route[0].manifest.spec.hostnames == ["signal.example.com"] && length(kubernetes_ingress_v1.signal) == 0
    error_message = "an HTTPRoute for the host, and no Ingress"
  }
  assert {
    condition     = jsonencode(kubernetes_manifest.route[0].manifest.spec.parentRefs) == jsonencode([{ name = "public", namespace = "gateway" }])
    error_message = "of this Gateway, which has the certificate"
  }
  assert {
    condition     = kubernetes_manifest.route[0].manifest.spec.rules[0].backendRefs[0].port == 4000 && kubernetes_manifest.route[0].manifest.spec.rules[0].backendRefs[0].name == kubernetes_service_v1.signal.metadata[0].name && kubernetes_service_v1.signal.spec[0].type == "ClusterIP"
    error_message = "the public port is that of WebSockets, not that of metrics"
  }
  assert {
    condition     = kubernetes_manifest.route[0].manifest.spec.rules[0].timeouts.request == "0s"
    error_message = "a WebSocket is a request without an end"
  }
  assert {
    condition     = [for i in kubernetes_network_policy_v1.signal.spec[0].ingress : one(i.ports).port] == ["4000", "4001"] && kubernetes_network_policy_v1.signal.spec[0].ingress[0].from[0].namespace_selector[0].match_labels["kubernetes.io/metadata.name"] == "gateway"
    error_message = "WebSockets from the Gateway, metrics from Prometheus"
  }
}

run "is_a_route_of_one_listener" {
  command = plan
  variables {
    gateway = { name = "public", namespace = "gateway", section = "https", proxies = "envoy", timeout = "" }
  }

  assert {
    condition     = kubernetes_manifest.route[0].manifest.spec.parentRefs[0].sectionName == "https" && !can(kubernetes_manifest.route[0].manifest.spec.rules[0].timeouts)
    error_message = "the listener that is named, and no field that the Gateway does not know"
  }
  assert {
    condition     = kubernetes_network_policy_v1.signal.spec[0].ingress[0].from[0].namespace_selector[0].match_labels["kubernetes.io/metadata.name"] == "envoy"
    error_message = "WebSockets from where the proxies run"
  }
}

run "is_an_ingress_of_any_class" {
  command = plan
  variables {
    gateway = null
    ingress = { class = "traefik", namespace = "traefik", tls_secret = "signal-example-com", annotations = { "example.com/a" = "b" } }
  }

  assert {
    condition     = kubernetes_ingress_v1.signal[0].spec[0].ingress_class_name == "traefik" && kubernetes_ingress_v1.signal[0].metadata[0].annotations == tomap({ "example.com/a" = "b" }) && length(kubernetes_manifest.route) == 0
    error_message = "the class that is asked for, without annotations of another one"
  }
  assert {
    condition     = kubernetes_ingress_v1.signal[0].spec[0].tls[0].secret_name == "signal-example-com" && kubernetes_ingress_v1.signal[0].spec[0].tls[0].hosts == tolist(["signal.example.com"])
    error_message = "TLS for the host"
  }
  assert {
    condition     = kubernetes_ingress_v1.signal[0].spec[0].rule[0].http[0].path[0].backend[0].service[0].port[0].name == "websocket" && kubernetes_network_policy_v1.signal.spec[0].ingress[0].from[0].namespace_selector[0].match_labels["kubernetes.io/metadata.name"] == "traefik"
    error_message = "the public port is that of WebSockets, open to the controller"
  }
}

run "tells_nginx_its_time_outs" {
  command = plan
  variables {
    gateway = null
    ingress = { class = "nginx", namespace = "ingress-nginx", tls_secret = "signal-example-com" }
  }

  assert {
    condition     = tonumber(kubernetes_ingress_v1.signal[0].metadata[0].annotations["nginx.ingress.kubernetes.io/proxy-read-timeout"]) > 2 * tonumber(trimsuffix(local.environment["PING_INTERVAL"], "s"))
    error_message = "pings come well before the Ingress calls a connection silent"
  }
}

run "speaks_tls_to_redis_with_a_password_by_reference" {
  command = plan

  assert {
    condition     = one([for e in kubernetes_deployment_v1.signal.spec[0].template[0].spec[0].container[0].env : e.value if e.name == "REDIS_URL"]) == "rediss://:$(REDIS_PASSWORD)@redis-0.example.com:6379,redis-1.example.com:6379"
    error_message = "got ${local.redis_url}"
  }
  assert {
    condition = one([
      for e in kubernetes_deployment_v1.signal.spec[0].template[0].spec[0].container[0].env : e.value_from[0].secret_key_ref[0] if e.name == "REDIS_PASSWORD"
    ]).name == "redis"
    error_message = "the password is a Secret's"
  }
  assert {
    condition     = index([for e in kubernetes_deployment_v1.signal.spec[0].template[0].spec[0].container[0].env : e.name], "REDIS_PASSWORD") < index([for e in kubernetes_deployment_v1.signal.spec[0].template[0].spec[0].container[0].env : e.name], "REDIS_URL")
    error_message = "Kubernetes knows only variables that stand before"
  }
}

run "gives_secrets_by_reference" {
  command = plan
  variables {
    turn = { urls = ["turn:turn.example.com:3478"], secret = { name = "turn" } }
  }

  assert {
    condition = alltrue([
      for e in kubernetes_deployment_v1.signal.spec[0].template[0].spec[0].container[0].env :
      length(e.value_from) == 1 && coalesce(e.value, "none") == "none" if contains(["TURN_SECRET", "REDIS_PASSWORD"], e.name)
    ])
    error_message = "secrets are no plain variables"
  }
  assert {
    condition     = length([for e in kubernetes_deployment_v1.signal.spec[0].template[0].spec[0].container[0].env : e if contains(["TURN_SECRET", "REDIS_PASSWORD"], e.name)]) == 2
    error_message = "both secrets are given"
  }
}

run "trusts_a_ca_of_ones_own" {
  command = plan
  variables {
    redis = { addresses = ["redis.example.com:6379"], ca_secret = "redis-ca" }
  }

  assert {
    condition     = local.environment["SSL_CERT_DIR"] == "/run/redis-ca" && kubernetes_deployment_v1.signal.spec[0].template[0].spec[0].container[0].volume_mount[0].mount_path == "/run/redis-ca"
    error_message = "Redis' certificate is checked against the CA that is given"
  }
  assert {
    condition     = kubernetes_deployment_v1.signal.spec[0].template[0].spec[0].volume[0].secret[0].secret_name == "redis-ca"
    error_message = "the CA is a Secret's"
  }
}

run "grants_nothing" {
  command = plan

  assert {
    condition     = kubernetes_deployment_v1.signal.spec[0].template[0].spec[0].automount_service_account_token == false && kubernetes_service_account_v1.signal.automount_service_account_token == false
    error_message = "no token of the cluster in the pods"
  }
  assert {
    condition     = kubernetes_deployment_v1.signal.spec[0].template[0].spec[0].security_context[0].run_as_non_root && kubernetes_deployment_v1.signal.spec[0].template[0].spec[0].security_context[0].seccomp_profile[0].type == "RuntimeDefault"
    error_message = "not root, system calls filtered"
  }
  assert {
    condition = alltrue([for c in [kubernetes_deployment_v1.signal.spec[0].template[0].spec[0].container[0].security_context[0]] :
      c.read_only_root_filesystem && !c.allow_privilege_escalation && c.capabilities[0].drop == tolist(["ALL"]) && length(coalesce(c.capabilities[0].add, [])) == 0
    ])
    error_message = "a read-only root, no capabilities, no new privileges"
  }
}

run "is_watched" {
  command = plan

  assert {
    condition     = kubernetes_manifest.monitor[0].manifest.kind == "ServiceMonitor" && kubernetes_manifest.monitor[0].manifest.spec.endpoints[0].port == "http" && kubernetes_manifest.monitor[0].manifest.spec.selector.matchLabels == local.chosen
    error_message = "Prometheus scrapes the private port of the service"
  }
  assert {
    condition     = kubernetes_manifest.rules[0].manifest.kind == "PrometheusRule" && length(kubernetes_manifest.rules[0].manifest.spec.groups) > 0
    error_message = "the alert rules of deploy/observe are known"
  }
}

run "does_without_the_prometheus_operator" {
  command = plan
  variables {
    monitoring = { enabled = false }
  }

  assert {
    condition     = length(kubernetes_manifest.monitor) == 0 && length(kubernetes_manifest.rules) == 0
    error_message = "no resource that the cluster does not know"
  }
}
