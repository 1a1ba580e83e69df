# Bad values are refused before anything is created.

mock_provider "docker" {}

variables {
  images    = { signal = "rejoin/signal:1.0.0", iceservers = "rejoin/iceservers:1.0.0" }
  public_ip = "198.51.100.7"
}

run "refuses_a_drain_longer_than_it_is_given" {
  command = plan
  variables {
    settings = { drain_seconds = 15 }
  }
  expect_failures = [var.settings]
}

run "refuses_pings_after_the_balancer_has_cut" {
  command = plan
  variables {
    settings = { ping_seconds = 61 }
  }
  expect_failures = [var.settings]
}

run "refuses_one_instance" {
  command = plan
  variables { instances = 1 }
  expect_failures = [var.instances]
}

run "refuses_more_instances_than_the_balancer_knows" {
  command = plan
  variables { instances = 33 }
  expect_failures = [var.instances]
}

run "refuses_an_image_that_changes" {
  command = plan
  variables {
    images = { signal = "rejoin/signal:latest", iceservers = "rejoin/iceservers:1.0.0" }
  }
  expect_failures = [var.images]
}

run "refuses_an_image_without_a_tag" {
  command = plan
  variables {
    images = { signal = "rejoin/signal:1.0.0", iceservers = "localhost:5000/iceservers" }
  }
  expect_failures = [var.images]
}

run "refuses_the_port_of_metrics" {
  command = plan
  variables { port = 4001 }
  expect_failures = [var.port]
}

run "refuses_a_name_as_address" {
  command = plan
  variables { public_ip = "signal.example.com" }
  expect_failures = [var.public_ip]
}

run "refuses_a_name_as_own_address" {
  command = plan
  variables { private_ip = "host" }
  expect_failures = [var.private_ip]
}

run "refuses_a_relative_directory" {
  command = plan
  variables { tls_directory = "tls" }
  expect_failures = [var.tls_directory]
}

run "refuses_no_time_to_stop" {
  command = plan
  variables {
    stop_seconds = 4
    settings     = { drain_seconds = 1 }
  }
  expect_failures = [var.stop_seconds]
}

run "refuses_little_memory" {
  command = plan
  variables {
    memory = { valkey = 16 }
  }
  expect_failures = [var.memory]
}

run "refuses_a_name_in_upper_case" {
  command = plan
  variables { name = "Rejoin" }
  expect_failures = [var.name]
}
