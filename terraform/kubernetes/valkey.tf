# Valkey in the cluster: TLS only, a password, connections from the instances only, and a disk that Terraform will not destroy.

locals {
  valkey        = var.valkey[*]
  valkey_labels = { "app.kubernetes.io/name" = var.name, "app.kubernetes.io/component" = "valkey" }
  valkey_config = join("\n", [
    file("${path.module}/../../deploy/valkey/valkey.conf"),
    "port 0",
    "tls-port 6379",
    "tls-cert-file /run/tls/tls.crt",
    "tls-key-file /run/tls/tls.key",
    "tls-ca-cert-file /run/tls/ca.crt",
    "tls-auth-clients no",
    "",
  ])
}

resource "kubernetes_config_map_v1" "valkey" {
  count = length(local.valkey)
  metadata {
    name      = "${var.name}-valkey"
    namespace = var.namespace
    labels    = local.valkey_labels
  }
  data = { "valkey.conf" = local.valkey_config }
}

resource "kubernetes_persistent_volume_claim_v1" "mailboxes" {
  count = length(local.valkey)
  metadata {
    name      = "${var.name}-mailboxes"
    namespace = var.namespace
    labels    = local.valkey_labels
  }
  spec {
    access_modes       = ["ReadWriteOnce"]
    storage_class_name = var.valkey.storage_class
    resources {
      requests = { storage = var.valkey.storage }
    }
  }
  # Some storage classes create the disk only when a pod needs it.
  wait_until_bound = false
  lifecycle {
    prevent_destroy = true
  }
}

resource "kubernetes_service_v1" "valkey" {
  count = length(local.valkey)
  metadata {
    name      = "${var.name}-valkey"
    namespace = var.namespace
    labels    = local.valkey_labels
  }
  spec {
    type     = "ClusterIP"
    selector = local.valkey_labels
    port {
      name        = "redis"
      port        = 6379
      target_port = "redis"
    }
  }
}

resource "kubernetes_network_policy_v1" "valkey" {
  count = length(local.valkey)
  metadata {
    name      = "${var.name}-valkey"
    namespace = var.namespace
    labels    = local.valkey_labels
  }
  spec {
    policy_types = ["Ingress", "Egress"]
    pod_selector {
      match_labels = local.valkey_labels
    }
    ingress {
      from {
        pod_selector {
          match_labels = local.chosen
        }
      }
      ports {
        port     = "6379"
        protocol = "TCP"
      }
    }
  }
}

resource "kubernetes_stateful_set_v1" "valkey" {
  count = length(local.valkey)
  metadata {
    name      = "${var.name}-valkey"
    namespace = var.namespace
    labels    = local.valkey_labels
  }
  spec {
    service_name = kubernetes_service_v1.valkey[0].metadata[0].name
    replicas     = "1"
    selector {
      match_labels = local.valkey_labels
    }
    template {
      metadata {
        labels      = local.valkey_labels
        annotations = { "rejoin/config" = sha256(local.valkey_config) }
      }
      spec {
        automount_service_account_token  = false
        enable_service_links             = false
        termination_grace_period_seconds = 60
        security_context {
          run_as_non_root = true
          run_as_user     = "999"
          run_as_group    = "1000"
          fs_group        = "1000"
          seccomp_profile {
            type = "RuntimeDefault"
          }
        }
        container {
          name  = "valkey"
          image = var.valkey.image
          # The password goes into a file, because everyone on the node can read a process' arguments.
          command = ["sh", "-ec"]
          args = [<<-EOT
            umask 077
            { cat /etc/valkey/valkey.conf; echo "requirepass $PASSWORD"; } > /tmp/valkey.conf
            exec valkey-server /tmp/valkey.conf --maxmemory ${var.valkey.memory}mb
          EOT
          ]
          env {
            name = "PASSWORD"
            value_from {
              secret_key_ref {
                name = var.valkey.password_secret.name
                key  = var.valkey.password_secret.key
              }
            }
          }
          port {
            name           = "redis"
            container_port = 6379
          }
          # Rewriting the append-only file takes memory on top of maxmemory.
          resources {
            requests = { cpu = "250m", memory = "${2 * var.valkey.memory}Mi" }
            limits   = { memory = "${2 * var.valkey.memory}Mi" }
          }
          # Ready once its mailboxes are loaded. Do not restart it while it loads.
          readiness_probe {
            period_seconds = 5
            exec {
              command = ["sh", "-c", "REDISCLI_AUTH=$PASSWORD valkey-cli --tls --cacert /run/tls/ca.crt ping | grep -q PONG"]
            }
          }
          liveness_probe {
            period_seconds    = 10
            failure_threshold = 6
            tcp_socket {
              port = "redis"
            }
          }
          security_context {
            allow_privilege_escalation = false
            read_only_root_filesystem  = true
            capabilities {
              drop = ["ALL"]
            }
          }
          volume_mount {
            name       = "config"
            mount_path = "/etc/valkey"
            read_only  = true
          }
          volume_mount {
            name       = "tls"
            mount_path = "/run/tls"
            read_only  = true
          }
          volume_mount {
            name       = "tmp"
            mount_path = "/tmp"
          }
          volume_mount {
            name       = "mailboxes"
            mount_path = "/data"
          }
        }
        volume {
          name = "config"
          config_map {
            name = kubernetes_config_map_v1.valkey[0].metadata[0].name
          }
        }
        volume {
          name = "tls"
          secret {
            secret_name = var.valkey.tls_secret
          }
        }
        volume {
          name = "tmp"
          empty_dir {
            medium     = "Memory"
            size_limit = "1Mi"
          }
        }
        volume {
          name = "mailboxes"
          persistent_volume_claim {
            claim_name = kubernetes_persistent_volume_claim_v1.mailboxes[0].metadata[0].name
          }
        }
      }
    }
  }
}
