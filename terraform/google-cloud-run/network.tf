# A new network with the instances and Redis. There is no way in.

resource "google_compute_network" "this" {
  project                 = var.project
  name                    = var.name
  auto_create_subnetworks = false
}

resource "google_compute_subnetwork" "instances" {
  project                  = var.project
  region                   = var.region
  name                     = "${var.name}-instances"
  network                  = google_compute_network.this.id
  ip_cidr_range            = var.network.instances
  private_ip_google_access = true
}

resource "google_compute_subnetwork" "redis" {
  project       = var.project
  region        = var.region
  name          = "${var.name}-redis"
  network       = google_compute_network.this.id
  ip_cidr_range = var.network.redis
}

# Lets Memorystore put its endpoints into the subnet.
resource "google_network_connectivity_service_connection_policy" "redis" {
  project       = var.project
  location      = var.region
  name          = "${var.name}-redis"
  service_class = "gcp-memorystore"
  network       = google_compute_network.this.id
  psc_config {
    subnetworks = [google_compute_subnetwork.redis.id]
  }
}
