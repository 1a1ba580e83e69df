# functions/signal as a container app.

module "settings" {
  source   = "../modules/settings"
  settings = merge(var.settings, { trusted_proxies = concat(var.settings.trusted_proxies, [var.network.apps]) })
  turn     = var.turn == null ? null : { urls = var.turn.urls, stun_urls = var.turn.stun_urls, ttl_seconds = var.turn.ttl_seconds }
}

locals {
  port      = 4000
  http_port = 4001 # /health, /ready, /metrics; for probes only

  environment = merge(module.settings.environment, { PORT = tostring(local.port), HTTP_PORT = tostring(local.http_port) })

  # Container Apps cannot scale on connections, so there is always room for the planned ones.
  min_replicas = max(var.replicas.min, ceil(var.connections / 0.75 / var.settings.max_connections))

  # Name of the variable: name in the app, reference into a key vault.
  secrets = merge(
    { REDIS_URL = { name = "redis-url", id = azurerm_key_vault_secret.redis_url.versionless_id } },
    var.turn == null ? {} : { TURN_SECRET = { name = "turn-secret", id = var.turn.secret_id } },
  )
}

resource "azurerm_log_analytics_workspace" "this" {
  name                = var.name
  resource_group_name = var.resource_group_name
  location            = var.location
  retention_in_days   = 30
  tags                = var.tags
}

resource "azurerm_container_app_environment" "this" {
  name                       = var.name
  resource_group_name        = var.resource_group_name
  location                   = var.location
  infrastructure_subnet_id   = azurerm_subnet.apps.id
  logs_destination           = "log-analytics"
  log_analytics_workspace_id = azurerm_log_analytics_workspace.this.id
  zone_redundancy_enabled    = true
  tags                       = var.tags

  workload_profile {
    name                  = "Consumption"
    workload_profile_type = "Consumption"
  }
}

resource "azurerm_container_app" "signal" {
  name                         = "${var.name}-signal"
  resource_group_name          = var.resource_group_name
  container_app_environment_id = azurerm_container_app_environment.this.id
  workload_profile_name        = "Consumption"
  revision_mode                = "Single"
  tags                         = var.tags

  identity {
    type         = "UserAssigned"
    identity_ids = [azurerm_user_assigned_identity.signal.id]
  }

  dynamic "registry" {
    for_each = var.registry_id[*]
    content {
      server   = split("/", var.image)[0]
      identity = azurerm_user_assigned_identity.signal.id
    }
  }

  dynamic "secret" {
    for_each = local.secrets
    content {
      name                = secret.value.name
      key_vault_secret_id = secret.value.id
      identity            = azurerm_user_assigned_identity.signal.id
    }
  }

  ingress {
    external_enabled           = true
    target_port                = local.port
    transport                  = "http" # HTTP/1.1, as WebSockets want it
    allow_insecure_connections = false
    traffic_weight {
      latest_revision = true
      percentage      = 100
    }
  }

  template {
    min_replicas                     = local.min_replicas
    max_replicas                     = var.replicas.max
    termination_grace_period_seconds = 30

    container {
      name   = "signal"
      image  = var.image
      cpu    = var.cpu
      memory = "${2 * var.cpu}Gi"

      dynamic "env" {
        for_each = local.environment
        content {
          name  = env.key
          value = env.value
        }
      }
      dynamic "env" {
        for_each = local.secrets
        content {
          name        = env.key
          secret_name = env.value.name
        }
      }

      startup_probe {
        transport               = "HTTP"
        port                    = local.http_port
        path                    = "/health"
        interval_seconds        = 1
        failure_count_threshold = 10
      }
      liveness_probe {
        transport               = "HTTP"
        port                    = local.http_port
        path                    = "/health"
        interval_seconds        = 10
        timeout                 = 3
        failure_count_threshold = 3
      }
      # Not ready: draining, or Redis is down. It keeps its connections and gets no new ones.
      readiness_probe {
        transport               = "HTTP"
        port                    = local.http_port
        path                    = "/ready"
        interval_seconds        = 2
        timeout                 = 2
        failure_count_threshold = 2
        success_count_threshold = 1
      }
    }

    # The HTTP scaler counts a WebSocket as one request, when it opens, so it would stop instances full of clients.
    custom_scale_rule {
      name             = "cpu"
      custom_rule_type = "cpu"
      metadata         = { type = "Utilization", value = tostring(var.replicas.cpu_percent) }
    }
    custom_scale_rule {
      name             = "memory"
      custom_rule_type = "memory"
      metadata         = { type = "Utilization", value = tostring(var.replicas.memory_percent) }
    }
  }

  depends_on = [azurerm_role_assignment.redis_url, azurerm_role_assignment.turn, azurerm_role_assignment.registry, azurerm_private_endpoint.redis]
}
