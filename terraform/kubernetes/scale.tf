# How many instances, and the minimum while nodes are drained.

resource "kubernetes_horizontal_pod_autoscaler_v2" "signal" {
  metadata {
    name      = "${var.name}-signal"
    namespace = var.namespace
    labels    = local.labels
  }

  spec {
    min_replicas = var.replicas.min
    max_replicas = var.replicas.max
    scale_target_ref {
      api_version = "apps/v1"
      kind        = "Deployment"
      name        = kubernetes_deployment_v1.signal.metadata[0].name
    }

    dynamic "metric" {
      for_each = var.replicas.connections == 0 ? [] : [var.replicas.connections]
      content {
        type = "Pods"
        pods {
          metric {
            name = "rejoin_edge_connections"
          }
          target {
            type          = "AverageValue"
            average_value = tostring(metric.value)
          }
        }
      }
    }
    metric {
      type = "Resource"
      resource {
        name = "cpu"
        target {
          type                = "Utilization"
          average_utilization = var.replicas.cpu_percent
        }
      }
    }

    # Scaling in moves clients, so do it slowly, one instance every five minutes. Scale out at once.
    behavior {
      scale_up {
        stabilization_window_seconds = 0
        select_policy                = "Max"
        policy {
          type           = "Percent"
          value          = 100
          period_seconds = 30
        }
      }
      scale_down {
        stabilization_window_seconds = 600
        select_policy                = "Max"
        policy {
          type           = "Pods"
          value          = 1
          period_seconds = 300
        }
      }
    }
  }
}

resource "kubernetes_pod_disruption_budget_v1" "signal" {
  metadata {
    name      = "${var.name}-signal"
    namespace = var.namespace
    labels    = local.labels
  }
  spec {
    max_unavailable = "1"
    selector {
      match_labels = local.chosen
    }
  }
}
