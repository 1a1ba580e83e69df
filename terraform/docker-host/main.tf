# One machine: two instances and Valkey behind HAProxy, TURN beside them. The compose file's stack, kept by Terraform.

module "settings" {
  source   = "../modules/settings"
  settings = var.settings
  turn     = module.coturn.turn
}

module "coturn" {
  source         = "../modules/coturn"
  public_address = var.public_ip
  config_file    = "/etc/rejoin/turnserver.conf"
  secret_files   = ["/run/rejoin/turn", "/run/rejoin/wallet"]
}

locals {
  environment = merge(module.settings.environment, {
    HTTP_PORT        = "4001"
    PORT             = tostring(var.port)
    REDIS_URL        = "redis://valkey:6379" # in the network "inside", which has no other members
    TURN_SECRET_FILE = "/run/rejoin/turn"
  })

  # Of functions/iceservers, which knows no more of them.
  iceservers = {
    for name, value in merge(local.environment, { PORT = "4002" }) : name => value
    if contains(["PORT", "ALLOWED_ORIGINS", "TRUSTED_PROXIES", "DRAIN_TIMEOUT"], name) || can(regex("^(TURN|STUN|LOG|RATE_LIMIT)_", name))
  }

  # The files of deploy/, which the container "setup" puts into a volume: the engine may be another machine's.
  files = {
    "haproxy.cfg"     = file("${path.module}/../../deploy/haproxy/haproxy.cfg")
    "valkey.conf"     = file("${path.module}/../../deploy/valkey/valkey.conf")
    "turnserver.conf" = module.coturn.config
  }
}

resource "docker_image" "all" {
  for_each     = var.images
  name         = each.value
  keep_locally = true
}

resource "docker_network" "outside" {
  name = "${var.name}-outside"
}

# No way out of it, and none in but through the balancer.
resource "docker_network" "inside" {
  name     = "${var.name}-inside"
  internal = true
}

resource "docker_volume" "config" {
  name = "${var.name}-config"
}

# TURN's secrets are made on the machine, once, and never leave it: Terraform's state does not know them. turn is the instances';
# wallet is that of credentials which live long (iceservers -profile), and can be changed without the other.
resource "docker_volume" "secret" {
  name = "${var.name}-secret"
}

resource "docker_container" "setup" {
  name       = "${var.name}-setup"
  image      = docker_image.all["valkey"].image_id
  user       = "0:0"
  entrypoint = ["sh", "-ec"]
  command = [<<-EOT
    for s in turn wallet; do test -s /run/rejoin/$s || { head -c 24 /dev/urandom | base64 > /run/rejoin/new; mv /run/rejoin/new /run/rejoin/$s; }; done
  EOT
  ]
  network_mode = "none"
  must_run     = false
  attach       = true
  capabilities {
    drop = ["ALL"]
  }
  dynamic "upload" {
    for_each = local.files
    content {
      file    = "/etc/rejoin/${upload.key}"
      content = upload.value
    }
  }
  volumes {
    volume_name    = docker_volume.config.name
    container_path = "/etc/rejoin"
  }
  volumes {
    volume_name    = docker_volume.secret.name
    container_path = "/run/rejoin"
  }
  lifecycle {
    postcondition {
      condition     = self.exit_code == null || self.exit_code == 0
      error_message = "The container that makes the secrets ended with an error: see docker logs ${self.name}."
    }
  }
}
