# Bad values are refused before anything is created.

mock_provider "aws" {
  override_during = plan
  mock_data "aws_availability_zones" {
    defaults = { names = ["eu-west-1a", "eu-west-1b", "eu-west-1c"] }
  }
}

variables {
  image           = "registry.example.com/signal:1.0.0"
  host            = "signal.example.com"
  certificate_arn = "arn:aws:acm:eu-west-1:123456789012:certificate/0a1b2c3d-0000-0000-0000-000000000000"
  redis_password  = "a-Password-of-24-letters"
}

run "refuses_a_drain_longer_than_fargate_gives" {
  command = plan
  variables {
    settings = { drain_seconds = 116 }
  }
  expect_failures = [var.settings]
}

run "refuses_pings_after_the_balancer_has_cut" {
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

run "refuses_a_size_that_never_is_full" {
  command = plan
  variables {
    settings = { max_connections = 0 }
  }
  expect_failures = [var.settings]
}

run "refuses_a_ca_that_is_not_needed" {
  command = plan
  variables {
    settings = { extra = { SSL_CERT_DIR = "/run/ca" } }
  }
  expect_failures = [var.settings]
}

run "refuses_to_cut_what_drains" {
  command = plan
  variables {
    deregistration_seconds = 120
  }
  expect_failures = [var.deregistration_seconds]
}

run "refuses_a_balancer_of_seconds" {
  command = plan
  variables {
    idle_seconds = 5
    settings     = { ping_seconds = 2 }
  }
  expect_failures = [var.idle_seconds]
}

run "refuses_one_task" {
  command = plan
  variables {
    tasks = { min = 1 }
  }
  expect_failures = [var.tasks]
}

run "refuses_to_scale_at_full_memory" {
  command = plan
  variables {
    tasks = { memory_percent = 100 }
  }
  expect_failures = [var.tasks]
}

run "refuses_a_size_that_fargate_has_not" {
  command = plan
  variables {
    tasks = { cpu = 256, memory = 4096 }
  }
  expect_failures = [var.tasks]
}

run "refuses_redis_without_a_replica" {
  command = plan
  variables {
    redis = { replicas = 0 }
  }
  expect_failures = [var.redis]
}

run "refuses_redis_of_another_kind" {
  command = plan
  variables {
    redis = { version = "7.1" }
  }
  expect_failures = [var.redis]
}

run "refuses_serverless" {
  command = plan
  variables {
    redis = { node_type = "serverless" }
  }
  expect_failures = [var.redis]
}

run "refuses_a_log_that_this_node_cannot_write" {
  command = plan
  variables {
    redis = { durability = "sync", version = "9.0" }
  }
  expect_failures = [var.redis]
}

run "refuses_a_log_that_this_version_cannot_write" {
  command = plan
  variables {
    redis = { durability = "sync", node_type = "cache.r7g.large" }
  }
  expect_failures = [var.redis]
}

run "refuses_a_durability_of_another_name" {
  command = plan
  variables {
    redis = { durability = "aof" }
  }
  expect_failures = [var.redis]
}

run "refuses_a_short_password" {
  command = plan
  variables {
    redis_password = "short"
  }
  expect_failures = [var.redis_password]
}

run "refuses_a_password_that_elasticache_refuses" {
  command = plan
  variables {
    redis_password = "sixteen/letters@least"
  }
  expect_failures = [var.redis_password]
}

run "refuses_half_a_version" {
  command = plan
  variables {
    redis_password_version = 1.5
  }
  expect_failures = [var.redis_password_version]
}

run "refuses_an_image_that_changes" {
  command = plan
  variables {
    image = "registry.example.com/signal:latest"
  }
  expect_failures = [var.image]
}

run "refuses_an_image_without_a_tag" {
  command = plan
  variables {
    image = "registry.example.com/signal"
  }
  expect_failures = [var.image]
}

run "refuses_another_processor" {
  command = plan
  variables {
    architecture = "arm64"
  }
  expect_failures = [var.architecture]
}

run "refuses_a_repository_by_name" {
  command = plan
  variables {
    repository_arn = "rejoin/signal"
  }
  expect_failures = [var.repository_arn]
}

run "refuses_a_url_as_host" {
  command = plan
  variables {
    host = "wss://signal.example.com"
  }
  expect_failures = [var.host]
}

run "refuses_a_certificate_in_place_of_its_name" {
  command = plan
  variables {
    certificate_arn = "-----BEGIN CERTIFICATE-----"
  }
  expect_failures = [var.certificate_arn]
}

run "refuses_a_zone_by_name" {
  command = plan
  variables {
    zone_id = "example.com"
  }
  expect_failures = [var.zone_id]
}

run "refuses_a_small_network" {
  command = plan
  variables {
    network = { cidr = "10.0.0.0/24" }
  }
  expect_failures = [var.network]
}

run "refuses_one_zone" {
  command = plan
  variables {
    network = { zones = 1 }
  }
  expect_failures = [var.network]
}

run "refuses_a_zone_without_its_gateway" {
  command = plan
  variables {
    network = { zones = 3, nat_gateways = 2 }
  }
  expect_failures = [var.network]
}

run "refuses_a_secret_in_place_of_its_reference" {
  command = plan
  variables {
    turn = { urls = ["turn:t.example:3478"], secret_arn = "0123456789abcdef" }
  }
  expect_failures = [var.turn]
}

run "refuses_two_sources_of_turn" {
  command = plan
  variables {
    turn   = { urls = ["turn:t.example:3478"], secret_arn = "arn:aws:secretsmanager:r:123456789012:secret:s" }
    coturn = { secret_arn = "arn:aws:secretsmanager:r:123456789012:secret:s" }
  }
  expect_failures = [var.turn]
}

run "refuses_a_secret_of_coturn" {
  command = plan
  variables {
    coturn = { secret_arn = "0123456789abcdef" }
  }
  expect_failures = [var.coturn]
}

run "refuses_a_wallet_secret_of_coturn" {
  command = plan
  variables {
    coturn = { secret_arn = "arn:aws:secretsmanager:r:123456789012:secret:s", wallet_secret_arn = "0123456789abcdef" }
  }
  expect_failures = [var.coturn]
}

run "refuses_a_machine_of_another_kind" {
  command = plan
  variables {
    coturn = { secret_arn = "arn:aws:secretsmanager:r:123456789012:secret:s", instance_type = "t3.small" }
  }
  expect_failures = [var.coturn]
}

run "refuses_tls_without_a_certificate" {
  command = plan
  variables {
    coturn = { secret_arn = "arn:aws:secretsmanager:r:123456789012:secret:s", tls = { host = "turn.example.com", certificate_arn = "mine" } }
  }
  expect_failures = [var.coturn]
}

run "refuses_an_alarm_by_mail" {
  command = plan
  variables {
    alarm_actions = ["ops@example.com"]
  }
  expect_failures = [var.alarm_actions]
}

run "refuses_everybody_to_read_metrics" {
  command = plan
  variables {
    metrics_from = ["0.0.0.0/0"]
  }
  expect_failures = [var.metrics_from]
}

run "refuses_days_that_cloudwatch_has_not" {
  command = plan
  variables {
    log_days = 31
  }
  expect_failures = [var.log_days]
}

run "refuses_a_long_name" {
  command = plan
  variables {
    name = "a-name-that-is-too-long-for-it"
  }
  expect_failures = [var.name]
}
