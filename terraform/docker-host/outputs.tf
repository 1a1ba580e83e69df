output "url" {
  description = "Where clients connect."
  value       = var.tls_directory == null ? "ws://${var.public_ip}:${var.port}" : "wss://${var.public_ip}:8443"
}

output "turn" {
  description = "The ICE servers that clients are told of."
  value       = module.coturn.turn
}
