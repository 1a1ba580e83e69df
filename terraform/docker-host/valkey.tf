# Valkey holds the mailboxes: they must outlive its container, and Terraform.

resource "docker_volume" "mailboxes" {
  name = "${var.name}-mailboxes"
  lifecycle {
    prevent_destroy = true
  }
}

resource "docker_container" "valkey" {
  name          = "${var.name}-valkey"
  image         = docker_image.all["valkey"].image_id
  user          = "999:1000"
  command       = ["valkey-server", "/etc/rejoin/valkey.conf", "--maxmemory", "${var.memory.valkey}mb"]
  read_only     = true
  security_opts = ["no-new-privileges:true"]
  restart       = "unless-stopped"
  # Rewriting the append-only file takes memory on top of maxmemory.
  memory                = 2 * var.memory.valkey
  memory_swap           = 2 * var.memory.valkey
  wait                  = true
  wait_timeout          = 60
  stop_timeout          = 30
  destroy_grace_seconds = 30
  log_driver            = "json-file"
  log_opts              = { max-size = "10m", max-file = "3" }
  healthcheck {
    test     = ["CMD", "valkey-cli", "ping"]
    interval = "2s"
    timeout  = "3s"
    retries  = 15
  }
  capabilities {
    drop = ["ALL"]
  }
  networks_advanced {
    name    = docker_network.inside.name
    aliases = ["valkey"]
  }
  volumes {
    volume_name    = docker_volume.config.name
    container_path = "/etc/rejoin"
    read_only      = true
  }
  volumes {
    volume_name    = docker_volume.mailboxes.name
    container_path = "/data"
  }
  labels {
    label = "rejoin.config"
    value = sha256(local.files["valkey.conf"])
  }
  depends_on = [docker_container.setup]
}
