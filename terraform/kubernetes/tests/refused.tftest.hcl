# Bad values are refused before anything is created.

mock_provider "kubernetes" {}

variables {
  namespace = "rejoin"
  image     = "registry.example.com/signal:1.0.0"
  host      = "signal.example.com"
  gateway   = { name = "public", namespace = "gateway" }
  redis     = { addresses = ["redis.example.com:6379"] }
}

run "refuses_a_drain_longer_than_the_grace" {
  command = plan
  variables {
    settings = { drain_seconds = 26 }
  }
  expect_failures = [var.settings]
}

run "refuses_pings_after_the_ingress_has_cut" {
  command = plan
  variables {
    settings = { ping_seconds = 60 }
  }
  expect_failures = [var.settings]
}

run "refuses_to_be_full_before_it_scales" {
  command = plan
  variables {
    settings = { max_connections = 10000 }
  }
  expect_failures = [var.settings]
}

run "refuses_a_grace_of_seconds" {
  command = plan
  variables {
    grace_seconds = 5
    settings      = { drain_seconds = 0 }
  }
  expect_failures = [var.grace_seconds]
}

run "refuses_a_proxy_of_seconds" {
  command = plan
  variables {
    proxy_seconds = 5
    settings      = { ping_seconds = 2 }
  }
  expect_failures = [var.proxy_seconds]
}

run "refuses_one_instance" {
  command = plan
  variables {
    replicas = { min = 1 }
  }
  expect_failures = [var.replicas]
}

run "refuses_to_scale_at_full_cpu" {
  command = plan
  variables {
    replicas = { cpu_percent = 100 }
  }
  expect_failures = [var.replicas]
}

run "refuses_the_default_namespace" {
  command = plan
  variables { namespace = "default" }
  expect_failures = [var.namespace]
}

run "refuses_an_image_that_changes" {
  command = plan
  variables { image = "registry.example.com/signal:latest" }
  expect_failures = [var.image]
}

run "refuses_a_url_as_host" {
  command = plan
  variables { host = "wss://signal.example.com" }
  expect_failures = [var.host]
}

run "refuses_a_password_in_an_address" {
  command = plan
  variables {
    redis = { addresses = ["rediss://:word@redis.example.com:6379"] }
  }
  expect_failures = [var.redis]
}

run "refuses_a_certificate_in_place_of_its_name" {
  command = plan
  variables {
    gateway = null
    ingress = { class = "traefik", namespace = "traefik", tls_secret = "-----BEGIN CERTIFICATE-----" }
  }
  expect_failures = [var.ingress]
}

run "refuses_no_way_in" {
  command = plan
  variables { gateway = null }
  expect_failures = [var.gateway]
}

run "refuses_two_ways_in" {
  command = plan
  variables {
    ingress = { class = "traefik", namespace = "traefik", tls_secret = "signal-example-com" }
  }
  expect_failures = [var.gateway]
}

run "refuses_a_gateway_by_its_address" {
  command = plan
  variables {
    gateway = { name = "https://gateway.example.com", namespace = "gateway" }
  }
  expect_failures = [var.gateway]
}

run "refuses_a_time_out_without_a_unit" {
  command = plan
  variables {
    gateway = { name = "public", namespace = "gateway", timeout = "3600" }
  }
  expect_failures = [var.gateway]
}

run "refuses_memory_without_a_unit" {
  command = plan
  variables {
    resources = { memory = "256" }
  }
  expect_failures = [var.resources]
}

run "refuses_every_namespace_to_read_metrics" {
  command = plan
  variables {
    monitoring = { namespace = "*" }
  }
  expect_failures = [var.monitoring]
}

run "refuses_no_redis" {
  command = plan
  variables { redis = null }
  expect_failures = [var.redis]
}

run "refuses_two_sources_of_turn" {
  command = plan
  variables {
    turn   = { urls = ["turn:turn.example.com:3478"], secret = { name = "turn" } }
    coturn = { public_address = "198.51.100.7", node_selector = { turn = "yes" }, secret = { name = "turn" } }
  }
  expect_failures = [var.turn]
}

run "refuses_coturn_on_every_node" {
  command = plan
  variables {
    coturn = { public_address = "198.51.100.7", node_selector = {}, secret = { name = "turn" } }
  }
  expect_failures = [var.coturn]
}

run "refuses_little_memory" {
  command = plan
  variables {
    redis  = null
    valkey = { tls_secret = "valkey-tls", password_secret = { name = "valkey" }, memory = 16 }
  }
  expect_failures = [var.valkey]
}

run "refuses_a_name_in_upper_case" {
  command = plan
  variables { name = "Rejoin" }
  expect_failures = [var.name]
}
