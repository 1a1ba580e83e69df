# functions/signal as a Cloud Run service.

module "settings" {
  source   = "../modules/settings"
  settings = var.settings
  turn     = var.turn == null ? null : { urls = var.turn.urls, stun_urls = var.turn.stun_urls, ttl_seconds = var.turn.ttl_seconds }
}

locals {
  http_port = 4001 # /health, /ready, /metrics; for probes only

  # The platform sets PORT. The Redis URL contains no secret.
  environment = merge(module.settings.environment, {
    HTTP_PORT    = tostring(local.http_port)
    REDIS_URL    = local.redis_url
    SSL_CERT_DIR = "/run/redis-ca"
  })
  secrets = var.turn == null ? {} : { TURN_SECRET = var.turn.secret }
}

resource "google_cloud_run_v2_service" "signal" {
  project             = var.project
  location            = var.region
  name                = "${var.name}-signal"
  ingress             = "INGRESS_TRAFFIC_ALL"
  deletion_protection = true

  template {
    service_account                  = google_service_account.signal.email
    timeout                          = "3600s" # Cloud Run's limit; MAX_CONNECTION_AGE ends connections before that
    max_instance_request_concurrency = var.concurrency
    execution_environment            = "EXECUTION_ENVIRONMENT_GEN2"

    scaling {
      min_instance_count = var.instances.min
      max_instance_count = var.instances.max
    }
    vpc_access {
      egress = "PRIVATE_RANGES_ONLY"
      network_interfaces {
        network    = google_compute_network.this.id
        subnetwork = google_compute_subnetwork.instances.id
      }
    }

    containers {
      image = var.image
      ports {
        name           = "http1"
        container_port = 4000
      }
      resources {
        limits            = { cpu = tostring(var.cpu), memory = "${512 * var.cpu}Mi" }
        cpu_idle          = false # pings and leases continue between requests
        startup_cpu_boost = true
      }

      dynamic "env" {
        for_each = local.environment
        content {
          name  = env.key
          value = env.value
        }
      }
      dynamic "env" {
        for_each = local.secrets
        content {
          name = env.key
          value_source {
            secret_key_ref {
              secret  = env.value
              version = "latest"
            }
          }
        }
      }

      # Cloud Run sends requests once this passes, so not before Redis answers.
      startup_probe {
        period_seconds    = 2
        timeout_seconds   = 1
        failure_threshold = 15
        http_get {
          path = "/ready"
          port = local.http_port
        }
      }
      liveness_probe {
        period_seconds    = 10
        timeout_seconds   = 3
        failure_threshold = 3
        http_get {
          path = "/health"
          port = local.http_port
        }
      }

      # Not ready: draining, or Redis is down. It keeps its connections and gets no new ones.
      readiness_probe {
        period_seconds    = 5
        timeout_seconds   = 2
        failure_threshold = 2
        success_threshold = 1
        http_get {
          path = "/ready"
          port = local.http_port
        }
      }

      volume_mounts {
        name       = "redis-ca"
        mount_path = "/run/redis-ca"
      }
    }

    volumes {
      name = "redis-ca"
      secret {
        secret = google_secret_manager_secret.redis_ca.secret_id
        items {
          path    = "ca.pem"
          version = google_secret_manager_secret_version.redis_ca.version
          mode    = 292 # 0444
        }
      }
    }
  }

  depends_on = [google_secret_manager_secret_iam_member.signal]
}
