output "environment" {
  description = "Environment variables of functions/signal, without secrets and without REDIS_URL. Empty ones are left out: empty is the default."
  value       = tomap({ for name, value in local.environment : name => value if value != "" })
}
