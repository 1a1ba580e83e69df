# The instances.

module "settings" {
  source   = "../modules/settings"
  settings = var.settings
  turn     = local.turn == null ? null : { urls = local.turn.urls, stun_urls = local.turn.stun_urls, ttl_seconds = local.turn.ttl_seconds }
}

locals {
  port      = 4000
  http_port = 4001 # /health, /ready, /metrics; private

  labels = { "app.kubernetes.io/name" = var.name, "app.kubernetes.io/component" = "signal", "app.kubernetes.io/managed-by" = "terraform" }
  chosen = { "app.kubernetes.io/name" = var.name, "app.kubernetes.io/component" = "signal" }

  turn = var.coturn == null ? var.turn : merge({ ttl_seconds = 3600, secret = var.coturn.secret }, module.coturn[0].turn)

  redis = var.valkey == null ? var.redis : {
    addresses       = ["${var.name}-valkey.${var.namespace}.svc:6379"]
    user            = ""
    password_secret = var.valkey.password_secret
    ca_secret       = var.valkey.tls_secret
    tls             = true
  }

  # Kubernetes inserts the password when it starts the container, so the Deployment does not contain it.
  redis_auth = local.redis.password_secret == null ? "" : "${local.redis.user}:$(REDIS_PASSWORD)@"
  redis_url  = "${local.redis.tls ? "rediss" : "redis"}://${local.redis_auth}${join(",", local.redis.addresses)}"

  secrets = merge(
    local.redis.password_secret == null ? {} : { REDIS_PASSWORD = local.redis.password_secret },
    local.turn == null ? {} : { TURN_SECRET = local.turn.secret },
  )

  # REDIS_URL is separate, because the variables it refers to have to come first.
  environment = merge(module.settings.environment, { PORT = tostring(local.port), HTTP_PORT = tostring(local.http_port) },
  local.redis.ca_secret == null ? {} : { SSL_CERT_DIR = "/run/redis-ca" })
}

# No identity in the cluster: no role, and no token in the pods.
resource "kubernetes_service_account_v1" "signal" {
  metadata {
    name      = "${var.name}-signal"
    namespace = var.namespace
    labels    = local.labels
  }
  automount_service_account_token = false
}

resource "kubernetes_deployment_v1" "signal" {
  metadata {
    name      = "${var.name}-signal"
    namespace = var.namespace
    labels    = local.labels
  }

  spec {
    selector {
      match_labels = local.chosen
    }
    # One at a time, new before old, so that only one instance's clients move at a time.
    strategy {
      type = "RollingUpdate"
      rolling_update {
        max_surge       = "1"
        max_unavailable = "0"
      }
    }

    template {
      metadata {
        labels = local.labels
      }
      spec {
        service_account_name             = kubernetes_service_account_v1.signal.metadata[0].name
        automount_service_account_token  = false
        enable_service_links             = false
        termination_grace_period_seconds = var.grace_seconds

        security_context {
          run_as_non_root = true
          run_as_user     = "65532"
          run_as_group    = "65532"
          seccomp_profile {
            type = "RuntimeDefault"
          }
        }

        topology_spread_constraint {
          max_skew           = 1
          topology_key       = "kubernetes.io/hostname"
          when_unsatisfiable = "ScheduleAnyway"
          label_selector {
            match_labels = local.chosen
          }
        }

        container {
          name  = "signal"
          image = var.image

          port {
            name           = "websocket"
            container_port = local.port
          }
          port {
            name           = "http"
            container_port = local.http_port
          }

          dynamic "env" {
            for_each = local.secrets
            content {
              name = env.key
              value_from {
                secret_key_ref {
                  name = env.value.name
                  key  = env.value.key
                }
              }
            }
          }
          env {
            name  = "REDIS_URL"
            value = local.redis_url
          }
          dynamic "env" {
            for_each = local.environment
            content {
              name  = env.key
              value = env.value
            }
          }

          resources {
            requests = { cpu = var.resources.cpu, memory = var.resources.memory }
            limits   = { memory = var.resources.memory }
          }

          startup_probe {
            period_seconds    = 1
            failure_threshold = 30
            http_get {
              path = "/health"
              port = "http"
            }
          }
          liveness_probe {
            period_seconds    = 10
            timeout_seconds   = 3
            failure_threshold = 3
            http_get {
              path = "/health"
              port = "http"
            }
          }
          # Not ready: draining, or Redis is down. It keeps its connections and gets no new ones.
          readiness_probe {
            period_seconds    = 2
            timeout_seconds   = 2
            failure_threshold = 2
            http_get {
              path = "/ready"
              port = "http"
            }
          }

          security_context {
            allow_privilege_escalation = false
            read_only_root_filesystem  = true
            capabilities {
              drop = ["ALL"]
            }
          }

          dynamic "volume_mount" {
            for_each = local.redis.ca_secret[*]
            content {
              name       = "redis-ca"
              mount_path = "/run/redis-ca"
              read_only  = true
            }
          }
        }

        dynamic "volume" {
          for_each = local.redis.ca_secret[*]
          content {
            name = "redis-ca"
            secret {
              secret_name = volume.value
              items {
                key  = "ca.crt"
                path = "ca.pem"
              }
            }
          }
        }
      }
    }
  }

  # The autoscaler sets the number.
  lifecycle {
    ignore_changes = [spec[0].replicas]
  }
}
