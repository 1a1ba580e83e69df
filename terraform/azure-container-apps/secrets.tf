# Secrets are in the key vault. The app has references to them, and an identity that may read these and nothing else.

data "azurerm_client_config" "this" {}

locals {
  redis     = azurerm_managed_redis.this.default_database[0]
  redis_url = "rediss://:${urlencode(local.redis.primary_access_key)}@${azurerm_managed_redis.this.hostname}:${local.redis.port}"
}

resource "azurerm_user_assigned_identity" "signal" {
  name                = "${var.name}-signal"
  resource_group_name = var.resource_group_name
  location            = var.location
  tags                = var.tags
}

resource "azurerm_key_vault" "this" {
  name                       = var.name
  resource_group_name        = var.resource_group_name
  location                   = var.location
  tenant_id                  = data.azurerm_client_config.this.tenant_id
  sku_name                   = "standard"
  rbac_authorization_enabled = true
  purge_protection_enabled   = true
  soft_delete_retention_days = 30
  tags                       = var.tags
}

# Who applies this writes the secret.
resource "azurerm_role_assignment" "writer" {
  scope                = azurerm_key_vault.this.id
  role_definition_name = "Key Vault Secrets Officer"
  principal_id         = data.azurerm_client_config.this.object_id
}

# Written, and not kept in the state. The state does hold the key itself, as the provider reads it: keep it encrypted.
resource "azurerm_key_vault_secret" "redis_url" {
  name             = "redis-url"
  key_vault_id     = azurerm_key_vault.this.id
  content_type     = "REDIS_URL of functions/signal"
  value_wo         = local.redis_url
  value_wo_version = var.redis_key_version
  depends_on       = [azurerm_role_assignment.writer]
}

resource "azurerm_role_assignment" "redis_url" {
  scope                = azurerm_key_vault_secret.redis_url.resource_versionless_id
  role_definition_name = "Key Vault Secrets User"
  principal_id         = azurerm_user_assigned_identity.signal.principal_id
  principal_type       = "ServicePrincipal"
}

resource "azurerm_role_assignment" "turn" {
  count                = var.turn == null ? 0 : 1
  scope                = "${var.turn.vault_id}/secrets/${basename(var.turn.secret_id)}"
  role_definition_name = "Key Vault Secrets User"
  principal_id         = azurerm_user_assigned_identity.signal.principal_id
  principal_type       = "ServicePrincipal"
}

resource "azurerm_role_assignment" "registry" {
  count                = var.registry_id == null ? 0 : 1
  scope                = var.registry_id
  role_definition_name = "AcrPull"
  principal_id         = azurerm_user_assigned_identity.signal.principal_id
  principal_type       = "ServicePrincipal"
}
