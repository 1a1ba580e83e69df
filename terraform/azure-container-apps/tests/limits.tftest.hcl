# What Container Apps allow, and what must not be lost: checked on the plan, with the provider mocked.

mock_provider "azurerm" {
  override_during = plan
  mock_data "azurerm_client_config" {
    defaults = { tenant_id = "00000000-0000-0000-0000-000000000001", object_id = "00000000-0000-0000-0000-000000000002" }
  }
  mock_resource "azurerm_managed_redis" {
    defaults = {
      id       = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/g/providers/Microsoft.Cache/redisEnterprise/rejoin"
      hostname = "rejoin.westeurope.redis.azure.net"
    }
  }
  mock_resource "azurerm_virtual_network" {
    defaults = { id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/rejoin" }
  }
  mock_resource "azurerm_subnet" {
    defaults = { id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/rejoin/subnets/s" }
  }
  mock_resource "azurerm_private_dns_zone" {
    defaults = { id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/g/providers/Microsoft.Network/privateDnsZones/privatelink.redis.azure.net" }
  }
  mock_resource "azurerm_key_vault" {
    defaults = { id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/g/providers/Microsoft.KeyVault/vaults/rejoin" }
  }
  mock_resource "azurerm_key_vault_secret" {
    defaults = {
      versionless_id          = "https://rejoin.vault.azure.net/secrets/redis-url"
      resource_versionless_id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/g/providers/Microsoft.KeyVault/vaults/rejoin/secrets/redis-url"
    }
  }
  mock_resource "azurerm_user_assigned_identity" {
    defaults = {
      id           = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/rejoin-signal"
      principal_id = "00000000-0000-0000-0000-000000000003"
    }
  }
  mock_resource "azurerm_log_analytics_workspace" {
    defaults = { id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/g/providers/Microsoft.OperationalInsights/workspaces/rejoin" }
  }
  mock_resource "azurerm_container_app_environment" {
    defaults = { id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/g/providers/Microsoft.App/managedEnvironments/rejoin" }
  }
}

variables {
  resource_group_name = "g"
  location            = "westeurope"
  image               = "registry.azurecr.io/signal:1.0.0"
}

run "drains_before_it_is_killed" {
  command = plan

  assert {
    condition     = azurerm_container_app.signal.template[0].termination_grace_period_seconds == 30
    error_message = "30 s is what Container Apps give"
  }
  assert {
    condition     = tonumber(trimsuffix(local.environment["DRAIN_TIMEOUT"], "s")) <= azurerm_container_app.signal.template[0].termination_grace_period_seconds - 5
    error_message = "the drain ends before SIGKILL"
  }
}

run "never_looks_idle" {
  command = plan

  assert {
    condition     = 2 * tonumber(trimsuffix(local.environment["PING_INTERVAL"], "s")) < 240
    error_message = "a connection is cut after 240 s of silence"
  }
  assert {
    condition     = tonumber(trimsuffix(local.environment["MAX_CONNECTION_AGE"], "s")) > 0
    error_message = "connections end at some time, so that new instances get theirs"
  }
}

run "serves_websockets_over_tls_only" {
  command = plan

  assert {
    condition     = azurerm_container_app.signal.ingress[0].transport == "http" && !azurerm_container_app.signal.ingress[0].allow_insecure_connections
    error_message = "HTTP/1.1 inside of TLS"
  }
  assert {
    condition     = azurerm_container_app.signal.ingress[0].target_port == 4000 && azurerm_container_app.signal.ingress[0].external_enabled
    error_message = "the public port is that of WebSockets, not that of metrics"
  }
}

run "believes_the_proxies_in_its_own_network" {
  command = plan
  variables {
    network = { space = "10.50.0.0/22", apps = "10.50.0.0/23", redis = "10.50.2.0/28" }
  }

  assert {
    condition     = contains(split(",", local.environment["TRUSTED_PROXIES"]), "10.50.0.0/23") && azurerm_subnet.apps.address_prefixes == tolist(["10.50.0.0/23"])
    error_message = "clients are told apart by X-Forwarded-For, wherever the network is"
  }
}

run "is_probed_on_the_private_port" {
  command = plan

  assert {
    condition = alltrue([
      for p in [
        azurerm_container_app.signal.template[0].container[0].startup_probe[0],
        azurerm_container_app.signal.template[0].container[0].liveness_probe[0],
        azurerm_container_app.signal.template[0].container[0].readiness_probe[0],
      ] : p.port == 4001 && p.transport == "HTTP"
    ])
    error_message = "probes ask HTTP_PORT"
  }
  assert {
    condition     = azurerm_container_app.signal.template[0].container[0].liveness_probe[0].path == "/health" && azurerm_container_app.signal.template[0].container[0].readiness_probe[0].path == "/ready"
    error_message = "an instance without Redis is not ready, and is not restarted for it"
  }
}

run "keeps_redis_private_and_encrypted" {
  command = plan

  assert {
    condition     = azurerm_managed_redis.this.public_network_access == "Disabled" && azurerm_managed_redis.this.high_availability_enabled
    error_message = "Redis has no public address, and a second node"
  }
  assert {
    condition     = azurerm_managed_redis.this.default_database[0].client_protocol == "Encrypted" && startswith(nonsensitive(local.redis_url), "rediss://")
    error_message = "Redis speaks TLS, and is spoken to in TLS"
  }
  assert {
    condition     = azurerm_managed_redis.this.default_database[0].eviction_policy == "NoEviction" && azurerm_managed_redis.this.default_database[0].persistence_append_only_file_backup_frequency == "1s"
    error_message = "no mailbox is evicted, and all survive a restart"
  }
  assert {
    condition     = azurerm_private_endpoint.redis.private_service_connection[0].private_connection_resource_id == azurerm_managed_redis.this.id && azurerm_private_endpoint.redis.subnet_id == azurerm_subnet.redis.id
    error_message = "its only way in is the private endpoint"
  }
}

run "gives_secrets_by_reference" {
  command = plan
  variables {
    turn = {
      urls      = ["turn:turn.example.com:3478"]
      secret_id = "https://other.vault.azure.net/secrets/turn"
      vault_id  = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/o/providers/Microsoft.KeyVault/vaults/other"
    }
  }

  assert {
    condition     = alltrue([for e in azurerm_container_app.signal.template[0].container[0].env : e.secret_name != null && e.secret_name != "" if contains(["REDIS_URL", "TURN_SECRET"], e.name)])
    error_message = "secrets are no plain variables"
  }
  assert {
    condition     = length([for e in azurerm_container_app.signal.template[0].container[0].env : e if contains(["REDIS_URL", "TURN_SECRET"], e.name)]) == 2
    error_message = "both secrets are given"
  }
  assert {
    condition     = alltrue([for s in azurerm_container_app.signal.secret : startswith(s.key_vault_secret_id, "https://") && (s.value == null || s.value == "")])
    error_message = "the app has references into key vaults, no values"
  }
  assert {
    condition     = azurerm_key_vault_secret.redis_url.value == null
    error_message = "the URL is written without being kept in the state"
  }
}

run "grants_no_more_than_to_read_its_secrets" {
  command = plan
  variables {
    registry_id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/g/providers/Microsoft.ContainerRegistry/registries/registry"
  }

  assert {
    condition     = azurerm_role_assignment.redis_url.role_definition_name == "Key Vault Secrets User" && endswith(azurerm_role_assignment.redis_url.scope, "/secrets/redis-url")
    error_message = "it reads this secret, not the vault"
  }
  assert {
    condition     = azurerm_role_assignment.registry[0].role_definition_name == "AcrPull" && azurerm_container_app.signal.registry[0].server == "registry.azurecr.io"
    error_message = "it pulls with its identity, not with a password"
  }
}

run "scales_without_ever_being_alone" {
  command = plan

  assert {
    condition     = azurerm_container_app.signal.template[0].min_replicas >= 2 && toset(azurerm_container_app.signal.template[0].custom_scale_rule[*].custom_rule_type) == toset(["cpu", "memory"])
    error_message = "two instances at least; never the HTTP scaler, which does not see open WebSockets"
  }
  assert {
    condition     = azurerm_container_app.signal.revision_mode == "Single" && azurerm_container_app_environment.this.zone_redundancy_enabled
    error_message = "one revision at a time, over several zones"
  }
}

run "has_room_for_the_planned_connections" {
  command = plan
  variables { connections = 60000 }

  assert {
    condition     = azurerm_container_app.signal.template[0].min_replicas == 8 && local.environment["MAX_CONNECTIONS"] == "10000"
    error_message = "60,000 connections, 7,500 in each"
  }
}

run "does_not_destroy_redis" {
  command = plan

  assert {
    condition     = azurerm_managed_redis.this.name == "rejoin" && can(regex("\n  lifecycle {\n    prevent_destroy = true\n  }\n}\n\nresource \"azurerm_private_endpoint\"", file("redis.tf")))
    error_message = "Terraform does not destroy the mailboxes"
  }
}
