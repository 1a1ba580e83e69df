# What Cloud Run allows, and what must not be lost: checked on the plan, with the provider mocked.

mock_provider "google" {
  override_during = plan
  mock_resource "google_compute_network" {
    defaults = { id = "projects/rejoin-test/global/networks/rejoin" }
  }
  mock_resource "google_compute_subnetwork" {
    defaults = { id = "projects/rejoin-test/regions/europe-west1/subnetworks/rejoin" }
  }
  mock_resource "google_service_account" {
    defaults = { email = "rejoin-signal@rejoin-test.iam.gserviceaccount.com" }
  }
  mock_resource "google_secret_manager_secret" {
    defaults = { id = "projects/rejoin-test/secrets/rejoin-redis-ca" }
  }
  mock_resource "google_secret_manager_secret_version" {
    defaults = { version = "1" }
  }
  mock_resource "google_cloud_run_v2_service" {
    defaults = { uri = "https://rejoin-signal-0000.europe-west1.run.app" }
  }
  mock_resource "google_memorystore_instance" {
    defaults = {
      endpoints = [{
        connections = [
          { psc_auto_connection = [{ connection_type = "CONNECTION_TYPE_PRIMARY", ip_address = "10.60.4.3", port = 6379 }] },
          { psc_auto_connection = [{ connection_type = "CONNECTION_TYPE_DISCOVERY", ip_address = "10.60.4.2", port = 6379 }] },
        ]
      }]
      managed_server_ca = [{ ca_certs = [{ certificates = ["first", "second"] }] }]
    }
  }
}

variables {
  project = "rejoin-test"
  region  = "europe-west1"
  image   = "europe-west1-docker.pkg.dev/rejoin-test/rejoin/signal:1.0.0"
}

run "ends_connections_before_cloud_run_does" {
  command = plan

  assert {
    condition     = google_cloud_run_v2_service.signal.template[0].timeout == "3600s"
    error_message = "an hour is the most that Cloud Run gives a request"
  }
  assert {
    condition     = local.environment["MAX_CONNECTION_AGE"] == "3300s" && tonumber(trimsuffix(local.environment["MAX_CONNECTION_AGE"], "s")) < tonumber(trimsuffix(google_cloud_run_v2_service.signal.template[0].timeout, "s"))
    error_message = "clients are asked to move before"
  }
}

run "drains_before_it_is_killed" {
  command = plan

  assert {
    condition     = tonumber(trimsuffix(local.environment["DRAIN_TIMEOUT"], "s")) < 10
    error_message = "SIGKILL comes 10 s after SIGTERM"
  }
}

run "takes_as_many_connections_as_cloud_run_allows" {
  command = plan

  assert {
    condition     = google_cloud_run_v2_service.signal.template[0].max_instance_request_concurrency == 1000 && local.environment["MAX_CONNECTIONS"] == "0"
    error_message = "1,000, and Cloud Run counts them"
  }
  assert {
    condition     = google_cloud_run_v2_service.signal.template[0].scaling[0].min_instance_count == 2 && google_cloud_run_v2_service.signal.template[0].scaling[0].max_instance_count == 20
    error_message = "two instances at least, and a bound on the bill"
  }
  assert {
    condition     = google_cloud_run_v2_service.signal.template[0].containers[0].resources[0].cpu_idle == false && google_cloud_run_v2_service.signal.template[0].containers[0].resources[0].limits == tomap({ cpu = "1", memory = "512Mi" })
    error_message = "pings and leases need the CPU all the time"
  }
}

run "is_probed_on_the_private_port" {
  command = plan

  assert {
    condition = alltrue([
      for p in [
        google_cloud_run_v2_service.signal.template[0].containers[0].startup_probe[0],
        google_cloud_run_v2_service.signal.template[0].containers[0].liveness_probe[0],
        google_cloud_run_v2_service.signal.template[0].containers[0].readiness_probe[0],
      ] : p.http_get[0].port == 4001 && p.timeout_seconds < p.period_seconds
    ])
    error_message = "probes ask HTTP_PORT, and end before the next one"
  }
  assert {
    condition     = google_cloud_run_v2_service.signal.template[0].containers[0].liveness_probe[0].http_get[0].path == "/health"
    error_message = "an instance without Redis is not restarted for it"
  }
  assert {
    condition     = google_cloud_run_v2_service.signal.template[0].containers[0].readiness_probe[0].http_get[0].path == "/ready" && google_cloud_run_v2_service.signal.template[0].containers[0].startup_probe[0].http_get[0].path == "/ready"
    error_message = "an instance without Redis gets no new clients"
  }
  assert {
    condition     = google_cloud_run_v2_service.signal.template[0].containers[0].ports[0].container_port == 4000 && google_cloud_run_v2_service.signal.template[0].containers[0].ports[0].name == "http1" && local.environment["HTTP_PORT"] == "4001"
    error_message = "the public port is that of WebSockets, over HTTP/1.1; metrics are on another one"
  }
}

run "reaches_redis_inside_the_network_only" {
  command = plan

  assert {
    condition     = google_cloud_run_v2_service.signal.template[0].vpc_access[0].egress == "PRIVATE_RANGES_ONLY" && google_cloud_run_v2_service.signal.template[0].vpc_access[0].connector == null
    error_message = "Direct VPC egress, without a connector"
  }
  assert {
    condition     = google_cloud_run_v2_service.signal.template[0].vpc_access[0].network_interfaces[0].subnetwork == google_compute_subnetwork.instances.id
    error_message = "from a subnet of our own"
  }
  assert {
    condition     = google_memorystore_instance.this.desired_auto_created_endpoints[0].network == google_compute_network.this.id && length(google_memorystore_instance.this.desired_auto_created_endpoints) == 1
    error_message = "Redis has endpoints in our network and nowhere else"
  }
  assert {
    condition     = google_compute_network.this.auto_create_subnetworks == false && google_network_connectivity_service_connection_policy.redis.service_class == "gcp-memorystore"
    error_message = "the network holds what is named here"
  }
}

run "speaks_tls_to_redis" {
  command = plan

  assert {
    condition     = google_memorystore_instance.this.transit_encryption_mode == "SERVER_AUTHENTICATION"
    error_message = "Redis speaks TLS only"
  }
  assert {
    condition     = local.environment["REDIS_URL"] == "rediss://10.60.4.2:6379/?cluster=true"
    error_message = "got ${local.environment["REDIS_URL"]}"
  }
  assert {
    condition     = google_secret_manager_secret_version.redis_ca.secret_data == "first\nsecond" && local.environment["SSL_CERT_DIR"] == "/run/redis-ca" && google_cloud_run_v2_service.signal.template[0].containers[0].volume_mounts[0].mount_path == "/run/redis-ca"
    error_message = "its certificate is checked against its own CA"
  }
}

run "loses_nothing" {
  command = plan

  assert {
    condition     = google_memorystore_instance.this.engine_configs["maxmemory-policy"] == "noeviction" && google_memorystore_instance.this.persistence_config[0].aof_config[0].append_fsync == "EVERY_SEC"
    error_message = "no mailbox is evicted, and all survive a restart"
  }
  assert {
    condition     = google_memorystore_instance.this.replica_count >= 1 && google_memorystore_instance.this.zone_distribution_config[0].mode == "MULTI_ZONE"
    error_message = "a replica, in another zone"
  }
  assert {
    condition     = google_memorystore_instance.this.deletion_protection_enabled && can(regex("deletion_protection_enabled = true\n  lifecycle {\n    prevent_destroy = true\n", file("redis.tf")))
    error_message = "neither Google nor Terraform destroys it"
  }
}

run "gives_secrets_by_reference" {
  command = plan
  variables {
    turn = { urls = ["turn:turn.example.com:3478"], secret = "projects/rejoin-test/secrets/turn" }
  }

  assert {
    condition     = one([for e in google_cloud_run_v2_service.signal.template[0].containers[0].env : e.value_source[0].secret_key_ref[0].secret if e.name == "TURN_SECRET"]) == "projects/rejoin-test/secrets/turn"
    error_message = "the secret is Secret Manager's"
  }
  assert {
    condition     = alltrue([for e in google_cloud_run_v2_service.signal.template[0].containers[0].env : e.name != "TURN_SECRET" || coalesce(e.value, "none") == "none"])
    error_message = "it is no plain variable"
  }
  assert {
    condition     = !can(regex("://[^/]*@", local.environment["REDIS_URL"]))
    error_message = "there is no password in the URL of Redis"
  }
}

run "grants_no_more_than_to_read_its_secrets" {
  command = plan
  variables {
    turn = { urls = ["turn:turn.example.com:3478"], secret = "projects/rejoin-test/secrets/turn" }
  }

  assert {
    condition     = toset(keys(google_secret_manager_secret_iam_member.signal)) == toset(["redis_ca", "turn"]) && alltrue([for m in google_secret_manager_secret_iam_member.signal : m.role == "roles/secretmanager.secretAccessor"])
    error_message = "its two secrets"
  }
  assert {
    condition     = google_cloud_run_v2_service.signal.template[0].service_account == google_service_account.signal.email && alltrue([for m in google_secret_manager_secret_iam_member.signal : m.member == "serviceAccount:${google_service_account.signal.email}"])
    error_message = "it runs as an identity of its own, which has these roles"
  }
}

run "is_closed_when_that_is_asked_for" {
  command = plan
  variables { public = false }

  assert {
    condition     = length(google_cloud_run_v2_service_iam_member.public) == 0
    error_message = "nobody may connect without a role"
  }
}

run "tells_clients_where" {
  command = plan

  assert {
    condition     = output.url == "wss://rejoin-signal-0000.europe-west1.run.app" && google_cloud_run_v2_service_iam_member.public[0].role == "roles/run.invoker"
    error_message = "WebSockets over TLS, for everybody"
  }
}
