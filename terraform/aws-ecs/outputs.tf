output "url" {
  description = "Where clients connect."
  value       = "wss://${var.host}"
}

output "balancer" {
  description = "What host has to be an alias (or CNAME) of, if zone_id does not create the record."
  value       = aws_lb.this.dns_name
}

output "coturn" {
  description = "Public address of coturn, and what coturn.tls.host has to be an alias of; null without coturn."
  value       = var.coturn == null ? null : { address = aws_eip.coturn[0].public_ip, tls_balancer = try(aws_lb.turn[0].dns_name, null) }
}

output "security_group" {
  description = "Security group of the tasks."
  value       = aws_security_group.tasks.id
}
