output "url" {
  description = "Where clients connect."
  value       = "wss://${var.host}"
}
