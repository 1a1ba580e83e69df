# What one machine must keep: checked on the plan, with the provider mocked.

mock_provider "docker" {
  override_during = plan
  mock_resource "docker_image" {
    defaults = { image_id = "sha256:0000000000000000000000000000000000000000000000000000000000000000" }
  }
  mock_resource "docker_container" {
    defaults = { exit_code = 0 }
  }
}

variables {
  images    = { signal = "rejoin/signal:1.0.0", iceservers = "rejoin/iceservers:1.0.0" }
  public_ip = "198.51.100.7"
}

run "drains_before_it_is_killed" {
  command = plan

  assert {
    condition     = alltrue([for c in docker_container.signal : c.stop_signal == "SIGTERM" && c.stop_timeout == 15 && c.destroy_grace_seconds == 15])
    error_message = "Docker and the provider give an instance the same time after SIGTERM"
  }
  assert {
    condition     = alltrue([for c in docker_container.signal : contains(c.env, "DRAIN_TIMEOUT=8s") && c.stop_timeout >= 8 + 2])
    error_message = "the drain ends before SIGKILL"
  }
  assert {
    condition     = docker_container.valkey.stop_timeout >= 30
    error_message = "Valkey has time to write its file"
  }
}

run "follows_a_longer_drain" {
  command = plan
  variables {
    stop_seconds = 60
    settings     = { drain_seconds = 50 }
  }

  assert {
    condition     = alltrue([for c in docker_container.signal : contains(c.env, "DRAIN_TIMEOUT=50s") && c.stop_timeout == 60 && c.destroy_grace_seconds == 60])
    error_message = "stop_seconds reaches all three"
  }
}

run "is_probed_by_the_binary_itself" {
  command = plan

  assert {
    condition     = alltrue([for c in concat(docker_container.signal, [docker_container.iceservers]) : c.healthcheck[0].test == tolist(["CMD", "/function", "-health"]) && c.wait])
    error_message = "there is no shell in the image; Terraform waits until an instance is healthy"
  }
  assert {
    condition     = docker_container.valkey.healthcheck[0].test == tolist(["CMD", "valkey-cli", "ping"]) && docker_container.valkey.wait
    error_message = "instances start when Valkey answers"
  }
  assert {
    condition     = alltrue([for c in [docker_container.balancer, docker_container.coturn] : length(c.healthcheck) == 1 && c.wait])
    error_message = "apply ends when the balancer and coturn answer"
  }
}

run "keeps_redis_private" {
  command = plan

  assert {
    condition     = length(docker_container.valkey.ports) == 0 && length(docker_container.valkey.networks_advanced) == 1 && one(docker_container.valkey.networks_advanced).name == "rejoin-inside"
    error_message = "Valkey has no port on the machine, and is in the inner network only"
  }
  assert {
    condition     = docker_network.inside.internal && length(flatten([for c in docker_container.signal : c.ports])) == 0
    error_message = "nobody leaves the inner network, and the way in is the balancer"
  }
  assert {
    condition     = alltrue([for c in docker_container.signal : contains(c.env, "REDIS_URL=redis://valkey:6379")])
    error_message = "instances use this Valkey"
  }
}

run "publishes_the_balancer_only" {
  command = plan

  assert {
    condition     = [for p in docker_container.balancer.ports : "${p.external}:${p.internal}"] == ["4000:4000"]
    error_message = "one port, and not that of metrics"
  }
  assert {
    condition     = contains(docker_container.balancer.env, "PORT=4000") && alltrue([for c in docker_container.signal : contains(c.env, "PORT=4000") && contains(c.env, "HTTP_PORT=4001")])
    error_message = "balancer and instances agree on the ports"
  }
  assert {
    condition     = output.url == "ws://198.51.100.7:4000"
    error_message = "without TLS it says so"
  }
}

run "ends_tls_when_it_has_a_certificate" {
  command = plan
  variables { tls_directory = "/etc/rejoin-tls" }

  assert {
    condition     = contains(docker_container.balancer.env, "TLS=1") && contains(docker_container.balancer.ports[*].external, 8443)
    error_message = "TLS on 8443"
  }
  assert {
    condition     = one([for v in docker_container.balancer.volumes : v if v.host_path == "/etc/rejoin-tls"]).read_only
    error_message = "the key can be read, not changed"
  }
  assert {
    condition     = output.url == "wss://198.51.100.7:8443"
    error_message = "clients are told of TLS"
  }
}

run "keeps_the_secret_on_the_machine" {
  command = plan

  assert {
    condition = alltrue([
      for e in concat(flatten([for c in docker_container.signal : tolist(c.env)]), tolist(docker_container.iceservers.env), tolist(docker_container.coturn.env)) :
      !can(regex("^(TURN_SECRET|REDIS_PASSWORD)=", e)) && !can(regex("://[^/]*@", e))
    ])
    error_message = "no secret is a plain variable"
  }
  assert {
    condition     = alltrue([for c in concat(docker_container.signal, [docker_container.iceservers]) : contains(c.env, "TURN_SECRET_FILE=/run/rejoin/turn")])
    error_message = "the secret is a file of a volume"
  }
  assert {
    condition     = alltrue([for c in concat(docker_container.signal, [docker_container.iceservers, docker_container.coturn]) : one([for v in c.volumes : v if v.container_path == "/run/rejoin"]).read_only])
    error_message = "who reads the secret cannot change it"
  }
  assert {
    condition     = docker_container.setup.network_mode == "none" && strcontains(docker_container.setup.command[0], "/dev/urandom")
    error_message = "it is made on the machine, by a container without a network"
  }
  assert {
    condition     = strcontains(docker_container.setup.command[0], "for s in turn wallet;") && strcontains(docker_container.coturn.command[0], "for f in /run/rejoin/turn /run/rejoin/wallet;")
    error_message = "wallets' profiles have a secret of their own, and coturn knows it"
  }
}

run "grants_little" {
  command = plan

  assert {
    condition = alltrue([
      for c in concat(docker_container.signal, [docker_container.iceservers, docker_container.balancer, docker_container.valkey, docker_container.coturn]) :
      c.read_only && contains(c.security_opts, "no-new-privileges:true") && contains(one(c.capabilities).drop, "ALL") && c.memory > 0 && c.memory_swap == c.memory
    ])
    error_message = "a read-only root, no capabilities, no new privileges, bounded memory and no swap: everywhere"
  }
  assert {
    condition     = alltrue([for c in concat(docker_container.signal, [docker_container.iceservers, docker_container.balancer, docker_container.valkey]) : length(coalesce(one(c.capabilities).add, [])) == 0])
    error_message = "coturn alone has one capability back"
  }
  assert {
    condition     = docker_container.valkey.user == "999:1000" && !coalesce(docker_container.valkey.privileged, false)
    error_message = "Valkey is not root"
  }
}

run "lets_valkey_evict_nothing" {
  command = plan

  assert {
    condition     = strcontains(local.files["valkey.conf"], "\nmaxmemory-policy noeviction\n") && strcontains(local.files["valkey.conf"], "\nappendonly yes\n")
    error_message = "no mailbox is evicted, and all survive a restart"
  }
  assert {
    condition     = docker_container.valkey.memory >= 2 * 768 && contains(docker_container.valkey.command, "768mb")
    error_message = "writing the file anew fits beside the data"
  }
}

run "does_not_destroy_the_mailboxes" {
  command = plan

  # What Terraform does with it is seen by ./scripts/terraform apply-local.
  assert {
    condition     = docker_volume.mailboxes.name == "rejoin-mailboxes" && can(regex("\"mailboxes\" {\n[^\n]*\n  lifecycle {\n    prevent_destroy = true\n", file("valkey.tf")))
    error_message = "the mailboxes outlive Valkey's container"
  }
  assert {
    condition     = one([for v in docker_container.valkey.volumes : v if v.container_path == "/data"]).volume_name == docker_volume.mailboxes.name
    error_message = "Valkey writes to that volume"
  }
}

run "starts_and_ends_in_order" {
  command = plan

  assert {
    condition     = length(docker_container.signal) == 2 && alltrue([for c in docker_container.signal : length(c.networks_advanced) == 1 && one(c.networks_advanced).name == "rejoin-inside"])
    error_message = "two instances, known to the balancer by one name"
  }
  assert {
    condition     = alltrue([for c in docker_container.signal : one(c.networks_advanced).aliases == toset(["signal"])])
    error_message = "the balancer finds all of them as signal"
  }
  assert {
    condition     = alltrue([for c in docker_container.signal : contains(c.env, "PING_INTERVAL=25s")]) && strcontains(local.files["haproxy.cfg"], "timeout tunnel 90s")
    error_message = "pings come well before the balancer calls a connection silent"
  }
}
