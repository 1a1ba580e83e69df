# The instances, and the ICE servers over HTTP.

resource "docker_container" "signal" {
  count         = var.instances
  name          = "${var.name}-signal-${count.index}"
  image         = docker_image.all["signal"].image_id
  env           = toset([for name, value in local.environment : "${name}=${value}"])
  read_only     = true
  security_opts = ["no-new-privileges:true"]
  restart       = "unless-stopped"
  memory        = var.memory.signal
  memory_swap   = var.memory.signal
  wait          = true
  wait_timeout  = 60
  # Docker's own limit, and the provider's when it replaces a container.
  stop_signal           = "SIGTERM"
  stop_timeout          = var.stop_seconds
  destroy_grace_seconds = var.stop_seconds
  log_driver            = "json-file"
  log_opts              = { max-size = "10m", max-file = "3" }
  healthcheck {
    test         = ["CMD", "/function", "-health"]
    interval     = "10s"
    timeout      = "3s"
    start_period = "10s"
    retries      = 3
  }
  capabilities {
    drop = ["ALL"]
  }
  networks_advanced {
    name    = docker_network.inside.name
    aliases = ["signal"]
  }
  volumes {
    volume_name    = docker_volume.secret.name
    container_path = "/run/rejoin"
    read_only      = true
  }
  depends_on = [docker_container.setup, docker_container.valkey]
}

resource "docker_container" "iceservers" {
  name                  = "${var.name}-iceservers"
  image                 = docker_image.all["iceservers"].image_id
  env                   = toset([for name, value in local.iceservers : "${name}=${value}"])
  read_only             = true
  security_opts         = ["no-new-privileges:true"]
  restart               = "unless-stopped"
  memory                = 64
  memory_swap           = 64
  stop_timeout          = var.stop_seconds
  destroy_grace_seconds = var.stop_seconds
  log_driver            = "json-file"
  log_opts              = { max-size = "10m", max-file = "3" }
  wait                  = true
  wait_timeout          = 60
  healthcheck {
    test         = ["CMD", "/function", "-health"]
    interval     = "10s"
    timeout      = "3s"
    start_period = "10s"
    retries      = 3
  }
  capabilities {
    drop = ["ALL"]
  }
  networks_advanced {
    name    = docker_network.inside.name
    aliases = ["iceservers"]
  }
  volumes {
    volume_name    = docker_volume.secret.name
    container_path = "/run/rejoin"
    read_only      = true
  }
  depends_on = [docker_container.setup]
}
