# The way in: an HTTPRoute or an Ingress, the service, and the network policy.

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

resource "kubernetes_manifest" "route" {
  count = var.gateway == null ? 0 : 1
  manifest = {
    apiVersion = "gateway.networking.k8s.io/v1"
    kind       = "HTTPRoute"
    metadata   = { name = "${var.name}-signal", namespace = var.namespace, labels = local.labels }
    spec = {
      hostnames = [var.host]
      parentRefs = [merge(
        { name = var.gateway.name, namespace = var.gateway.namespace },
        var.gateway.section == null ? {} : { sectionName = var.gateway.section },
      )]
      rules = [merge(
        {
          matches     = [{ path = { type = "PathPrefix", value = "/" } }]
          backendRefs = [{ name = kubernetes_service_v1.signal.metadata[0].name, port = local.port }]
        },
        var.gateway.timeout == "" ? {} : { timeouts = { request = var.gateway.timeout } },
      )]
    }
  }
}

locals {
  # Class nginx is what most clusters still have, though its project is retired; see README.md.
  annotations = try(var.ingress.class, "") != "nginx" ? {} : {
    "nginx.ingress.kubernetes.io/proxy-read-timeout" = tostring(var.proxy_seconds)
    "nginx.ingress.kubernetes.io/proxy-send-timeout" = tostring(var.proxy_seconds)
    # An instance that is full or draining refuses with 503 before the upgrade: then try another one.
    "nginx.ingress.kubernetes.io/proxy-next-upstream"       = "error timeout http_503"
    "nginx.ingress.kubernetes.io/proxy-next-upstream-tries" = "3"
    "nginx.ingress.kubernetes.io/ssl-redirect"              = "true"
  }
}

resource "kubernetes_ingress_v1" "signal" {
  count = var.ingress == null ? 0 : 1
  metadata {
    name        = "${var.name}-signal"
    namespace   = var.namespace
    labels      = local.labels
    annotations = merge(local.annotations, var.ingress.annotations)
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

# WebSockets from the namespace of the Gateway's proxies or the Ingress' controller, metrics from Prometheus'; nothing else comes in.
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
          match_labels = { "kubernetes.io/metadata.name" = var.ingress == null ? coalesce(var.gateway.proxies, var.gateway.namespace) : var.ingress.namespace }
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
