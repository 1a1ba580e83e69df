# Bad values are refused before anything is created.

mock_provider "google" {}

variables {
  project = "rejoin-test"
  region  = "europe-west1"
  image   = "europe-west1-docker.pkg.dev/rejoin-test/rejoin/signal:1.0.0"
}

run "refuses_a_drain_longer_than_the_platform_gives" {
  command = plan
  variables {
    settings = { drain_seconds = 10 }
  }
  expect_failures = [var.settings]
}

run "refuses_connections_older_than_a_request_may_be" {
  command = plan
  variables {
    settings = { max_connection_age_seconds = 3600 }
  }
  expect_failures = [var.settings]
}

run "refuses_connections_that_never_end" {
  command = plan
  variables {
    settings = { max_connection_age_seconds = 0 }
  }
  expect_failures = [var.settings]
}

run "refuses_another_ca" {
  command = plan
  variables {
    settings = { extra = { SSL_CERT_DIR = "/etc/ssl" } }
  }
  expect_failures = [var.settings]
}

run "refuses_more_connections_than_the_platform_allows" {
  command = plan
  variables { concurrency = 1001 }
  expect_failures = [var.concurrency]
}

run "refuses_one_instance" {
  command = plan
  variables {
    instances = { min = 1 }
  }
  expect_failures = [var.instances]
}

run "refuses_fewer_at_most_than_at_least" {
  command = plan
  variables {
    instances = { min = 10, max = 5 }
  }
  expect_failures = [var.instances]
}

run "refuses_redis_without_a_replica" {
  command = plan
  variables {
    redis = { replicas = 0 }
  }
  expect_failures = [var.redis]
}

run "refuses_an_unknown_node" {
  command = plan
  variables {
    redis = { node_type = "LARGE" }
  }
  expect_failures = [var.redis]
}

run "refuses_a_subnet_too_small" {
  command = plan
  variables {
    network = { instances = "10.60.0.0/28" }
  }
  expect_failures = [var.network]
}

run "refuses_a_secret_in_place_of_its_reference" {
  command = plan
  variables {
    turn = { urls = ["turn:turn.example.com:3478"], secret = "0123456789abcdef" }
  }
  expect_failures = [var.turn]
}

run "refuses_an_image_that_changes" {
  command = plan
  variables { image = "europe-west1-docker.pkg.dev/rejoin-test/rejoin/signal:latest" }
  expect_failures = [var.image]
}

run "refuses_half_a_cpu" {
  command = plan
  variables { cpu = 0.5 }
  expect_failures = [var.cpu]
}

run "refuses_a_zone_as_region" {
  command = plan
  variables { region = "europe-west1-b" }
  expect_failures = [var.region]
}

run "refuses_a_project_by_number" {
  command = plan
  variables { project = "1234567890" }
  expect_failures = [var.project]
}

run "refuses_a_short_name" {
  command = plan
  variables { name = "re" }
  expect_failures = [var.name]
}
