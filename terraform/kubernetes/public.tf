# The way in: Ingress, service, and who may use it.

resource "kubernetes_service_v1" "signal" {
  metadata {
    name      = "${var.name}-signal"
    namespace = var.namespace
    labels    = local.labels
  }
  spec {
    type     = "ClusterIP"
    selector = local.chosen
    port {
      name        = "websocket"
      port        = local.port
      target_port = "websocket"
    }
    port {
      name        = "http"
      port        = local.http_port
      target_port = "http"
    }
  }
}

resource "kubernetes_ingress_v1" "signal" {
  metadata {
    name      = "${var.name}-signal"
    namespace = var.namespace
    labels    = local.labels
    annotations = merge({
      "nginx.ingress.kubernetes.io/proxy-read-timeout" = tostring(var.proxy_seconds)
      "nginx.ingress.kubernetes.io/proxy-send-timeout" = tostring(var.proxy_seconds)
      # An instance that is full or drains refuses with 503 before the upgrade: ask another one.
      "nginx.ingress.kubernetes.io/proxy-next-upstream"       = "error timeout http_503"
      "nginx.ingress.kubernetes.io/proxy-next-upstream-tries" = "3"
      "nginx.ingress.kubernetes.io/ssl-redirect"              = "true"
    }, var.ingress.annotations)
  }
  spec {
    ingress_class_name = var.ingress.class
    tls {
      hosts       = [var.host]
      secret_name = var.ingress.tls_secret
    }
    rule {
      host = var.host
      http {
        path {
          path      = "/"
          path_type = "Prefix"
          backend {
            service {
              name = kubernetes_service_v1.signal.metadata[0].name
              port {
                name = "websocket"
              }
            }
          }
        }
      }
    }
  }
}

# WebSockets from the Ingress' namespace, metrics from Prometheus'; nothing else comes in.
resource "kubernetes_network_policy_v1" "signal" {
  metadata {
    name      = "${var.name}-signal"
    namespace = var.namespace
    labels    = local.labels
  }
  spec {
    policy_types = ["Ingress"]
    pod_selector {
      match_labels = local.chosen
    }
    ingress {
      from {
        namespace_selector {
          match_labels = { "kubernetes.io/metadata.name" = var.ingress.namespace }
        }
      }
      ports {
        port     = tostring(local.port)
        protocol = "TCP"
      }
    }
    ingress {
      from {
        namespace_selector {
          match_labels = { "kubernetes.io/metadata.name" = var.monitoring.namespace }
        }
      }
      ports {
        port     = tostring(local.http_port)
        protocol = "TCP"
      }
    }
  }
}
