output "url" {
  description = "Where clients connect."
  value       = "wss://${azurerm_container_app.signal.ingress[0].fqdn}"
}

output "identity" {
  description = "Principal of the app, for further grants."
  value       = azurerm_user_assigned_identity.signal.principal_id
}
