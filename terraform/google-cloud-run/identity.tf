# The service's identity has no project role; it may only read its own secrets.

resource "google_service_account" "signal" {
  project      = var.project
  account_id   = "${var.name}-signal"
  display_name = "Rejoin, functions/signal"
}

resource "google_secret_manager_secret_iam_member" "signal" {
  for_each  = merge({ redis_ca = google_secret_manager_secret.redis_ca.id }, var.turn == null ? {} : { turn = var.turn.secret })
  secret_id = each.value
  role      = "roles/secretmanager.secretAccessor"
  member    = "serviceAccount:${google_service_account.signal.email}"
}

resource "google_cloud_run_v2_service_iam_member" "public" {
  count    = var.public ? 1 : 0
  project  = var.project
  location = var.region
  name     = google_cloud_run_v2_service.signal.name
  role     = "roles/run.invoker"
  member   = "allUsers"
}
