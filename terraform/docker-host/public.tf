# What clients reach: the balancer, and coturn on the machine's own network, for its many ports.

resource "docker_container" "balancer" {
  name    = "${var.name}-balancer"
  image   = docker_image.all["haproxy"].image_id
  command = ["haproxy", "-f", "/etc/rejoin/haproxy.cfg"]
  env = toset(concat(["PORT=${var.port}", "SIGNAL=signal", "ICESERVERS=iceservers"],
  var.tls_directory == null ? [] : ["TLS=1"]))
  read_only             = true
  security_opts         = ["no-new-privileges:true"]
  restart               = "unless-stopped"
  memory                = var.memory.balancer
  memory_swap           = var.memory.balancer
  stop_timeout          = 10
  destroy_grace_seconds = 10
  log_driver            = "json-file"
  log_opts              = { max-size = "10m", max-file = "3" }
  wait                  = true
  wait_timeout          = 60
  healthcheck {
    test     = ["CMD", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1:8404/health"]
    interval = "5s"
    timeout  = "3s"
    retries  = 3
  }
  capabilities {
    drop = ["ALL"]
  }
  dynamic "ports" {
    for_each = var.tls_directory == null ? [var.port] : [8443, var.port]
    content {
      internal = ports.value
      external = ports.value
    }
  }
  networks_advanced {
    name = docker_network.outside.name
  }
  networks_advanced {
    name = docker_network.inside.name
  }
  volumes {
    volume_name    = docker_volume.config.name
    container_path = "/etc/rejoin"
    read_only      = true
  }
  dynamic "volumes" {
    for_each = var.tls_directory[*]
    content {
      host_path      = volumes.value
      container_path = "/run/tls"
      read_only      = true
    }
  }
  labels {
    label = "rejoin.config"
    value = sha256(local.files["haproxy.cfg"])
  }
  depends_on = [docker_container.signal, docker_container.iceservers]
}

resource "docker_container" "coturn" {
  name                  = "${var.name}-coturn"
  image                 = docker_image.all["coturn"].image_id
  entrypoint            = slice(module.coturn.command, 0, 2)
  command               = slice(module.coturn.command, 2, 3)
  env                   = ["PUBLIC_IP=${var.public_ip}", "OWN_IP=${coalesce(var.private_ip, var.public_ip)}"]
  network_mode          = "host"
  read_only             = true
  tmpfs                 = { "/tmp" = "size=1m,mode=1777" }
  security_opts         = ["no-new-privileges:true"]
  restart               = "unless-stopped"
  memory                = 256
  memory_swap           = 256
  stop_timeout          = 5
  destroy_grace_seconds = 5
  log_driver            = "json-file"
  log_opts              = { max-size = "10m", max-file = "3" }
  wait                  = true
  wait_timeout          = 60
  healthcheck {
    test     = ["CMD-SHELL", "turnutils_stunclient \"$OWN_IP\" | grep -q reflexive"]
    interval = "10s"
    timeout  = "3s"
    retries  = 3
  }
  # Its binary is marked with this capability and does not start without; it is not used, the ports are high ones.
  capabilities {
    drop = ["ALL"]
    add  = ["CAP_NET_BIND_SERVICE"]
  }
  volumes {
    volume_name    = docker_volume.config.name
    container_path = "/etc/rejoin"
    read_only      = true
  }
  volumes {
    volume_name    = docker_volume.secret.name
    container_path = "/run/rejoin"
    read_only      = true
  }
  labels {
    label = "rejoin.config"
    value = sha256(local.files["turnserver.conf"])
  }
  depends_on = [docker_container.setup]
}
