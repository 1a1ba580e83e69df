# coturn on the host network of chosen nodes, because a Service cannot carry its many ports.

module "coturn" {
  count          = var.coturn == null ? 0 : 1
  source         = "../modules/coturn"
  public_address = var.coturn.public_address
  config_file    = "/etc/rejoin/turnserver.conf"
  secret_files   = [for s in local.coturn_secrets : "/run/rejoin/${s.path}"]
}

locals {
  coturn_secrets = var.coturn == null ? [] : concat(
    [{ path = "turn", name = var.coturn.secret.name, key = var.coturn.secret.key }],
    [for s in var.coturn.wallet_secret[*] : { path = "wallet", name = s.name, key = s.key }],
  )
}

resource "kubernetes_config_map_v1" "coturn" {
  count = var.coturn == null ? 0 : 1
  metadata {
    name      = "${var.name}-coturn"
    namespace = var.namespace
  }
  data = { "turnserver.conf" = module.coturn[0].config }
}

resource "kubernetes_daemon_set_v1" "coturn" {
  count = var.coturn == null ? 0 : 1
  metadata {
    name      = "${var.name}-coturn"
    namespace = var.namespace
  }
  spec {
    selector {
      match_labels = { "app.kubernetes.io/name" = var.name, "app.kubernetes.io/component" = "coturn" }
    }
    template {
      metadata {
        labels      = { "app.kubernetes.io/name" = var.name, "app.kubernetes.io/component" = "coturn" }
        annotations = { "rejoin/config" = sha256(module.coturn[0].config) }
      }
      spec {
        host_network                     = true
        node_selector                    = var.coturn.node_selector
        automount_service_account_token  = false
        enable_service_links             = false
        termination_grace_period_seconds = 10
        container {
          name    = "coturn"
          image   = var.coturn.image
          command = slice(module.coturn[0].command, 0, 2)
          args    = slice(module.coturn[0].command, 2, 3)
          env {
            name = "OWN_IP"
            value_from {
              field_ref {
                field_path = "status.hostIP"
              }
            }
          }
          env {
            name = "PUBLIC_IP"
            # coturn wants an address here; with a name for several nodes, each is reached at its own.
            value = can(cidrhost("${var.coturn.public_address}/32", 0)) ? var.coturn.public_address : "$(OWN_IP)"
          }
          liveness_probe {
            period_seconds = 10
            tcp_socket {
              port = "3478"
            }
          }
          resources {
            requests = { cpu = "100m", memory = "128Mi" }
            limits   = { memory = "256Mi" }
          }
          security_context {
            allow_privilege_escalation = true # its binary carries the file capability below
            run_as_non_root            = true
            run_as_user                = "65534"
            read_only_root_filesystem  = true
            capabilities {
              drop = ["ALL"]
              add  = ["NET_BIND_SERVICE"]
            }
          }
          volume_mount {
            name       = "config"
            mount_path = "/etc/rejoin"
            read_only  = true
          }
          volume_mount {
            name       = "secret"
            mount_path = "/run/rejoin"
            read_only  = true
          }
          volume_mount {
            name       = "tmp"
            mount_path = "/tmp"
          }
        }
        volume {
          name = "config"
          config_map {
            name = kubernetes_config_map_v1.coturn[0].metadata[0].name
          }
        }
        volume {
          name = "secret"
          projected {
            dynamic "sources" {
              for_each = local.coturn_secrets
              content {
                secret {
                  name = sources.value.name
                  items {
                    key  = sources.value.key
                    path = sources.value.path
                  }
                }
              }
            }
          }
        }
        volume {
          name = "tmp"
          empty_dir {
            medium     = "Memory"
            size_limit = "1Mi"
          }
        }
      }
    }
  }
}
