# The mailboxes: TLS only, in this network only, no eviction, written to disk every second, across several zones.

resource "google_memorystore_instance" "this" {
  project       = var.project
  location      = var.region
  instance_id   = var.name
  mode          = "CLUSTER"
  shard_count   = var.redis.shards
  replica_count = var.redis.replicas
  node_type     = var.redis.node_type

  transit_encryption_mode = "SERVER_AUTHENTICATION"
  # The alternative is tokens that expire after an hour. Access is controlled by the network.
  authorization_mode = "AUTH_DISABLED"
  engine_configs     = { maxmemory-policy = "noeviction" }

  desired_auto_created_endpoints {
    network    = google_compute_network.this.id
    project_id = var.project
  }
  persistence_config {
    mode = "AOF"
    aof_config {
      append_fsync = "EVERY_SEC"
    }
  }
  zone_distribution_config {
    mode = "MULTI_ZONE"
  }

  deletion_protection_enabled = true
  lifecycle {
    prevent_destroy = true
  }
  depends_on = [google_network_connectivity_service_connection_policy.redis]
}

locals {
  # The cluster's discovery endpoint.
  discovery = [
    for c in flatten(google_memorystore_instance.this.endpoints[*].connections[*].psc_auto_connection) : c
    if c.connection_type == "CONNECTION_TYPE_DISCOVERY"
  ][0]
  redis_url = "rediss://${local.discovery.ip_address}:${local.discovery.port}/?cluster=true"

  # Its certificates are signed by its own CA.
  redis_ca = join("\n", flatten(google_memorystore_instance.this.managed_server_ca[*].ca_certs[*].certificates))
}

# Not secret, but Cloud Run can only mount secrets.
resource "google_secret_manager_secret" "redis_ca" {
  project   = var.project
  secret_id = "${var.name}-redis-ca"
  replication {
    auto {}
  }
}

resource "google_secret_manager_secret_version" "redis_ca" {
  secret      = google_secret_manager_secret.redis_ca.id
  secret_data = local.redis_ca
}
