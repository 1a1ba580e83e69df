output "url" {
  description = "Where clients connect."
  value       = replace(google_cloud_run_v2_service.signal.uri, "https://", "wss://")
}

output "service_account" {
  description = "The service's identity, for further grants."
  value       = google_service_account.signal.email
}
