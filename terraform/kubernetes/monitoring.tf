# Resources for the Prometheus Operator.

resource "kubernetes_manifest" "monitor" {
  count = var.monitoring.enabled ? 1 : 0
  manifest = {
    apiVersion = "monitoring.coreos.com/v1"
    kind       = "ServiceMonitor"
    metadata   = { name = "${var.name}-signal", namespace = var.namespace, labels = local.labels }
    spec = {
      selector  = { matchLabels = local.chosen }
      endpoints = [{ port = "http", path = "/metrics", interval = "15s" }]
    }
  }
}

resource "kubernetes_manifest" "rules" {
  count = var.monitoring.enabled ? 1 : 0
  manifest = {
    apiVersion = "monitoring.coreos.com/v1"
    kind       = "PrometheusRule"
    metadata   = { name = "${var.name}-signal", namespace = var.namespace, labels = local.labels }
    spec       = { groups = yamldecode(file("${path.module}/../../deploy/observe/rules/rejoin.yml")).groups }
  }
}
