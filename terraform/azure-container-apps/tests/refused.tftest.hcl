# Bad values are refused before anything is created.

mock_provider "azurerm" {
  mock_data "azurerm_client_config" {
    defaults = { tenant_id = "00000000-0000-0000-0000-000000000001", object_id = "00000000-0000-0000-0000-000000000002" }
  }
}

variables {
  resource_group_name = "g"
  location            = "westeurope"
  image               = "registry.azurecr.io/signal:1.0.0"
}

run "refuses_a_drain_longer_than_the_platform_gives" {
  command = plan
  variables {
    settings = { drain_seconds = 26 }
  }
  expect_failures = [var.settings]
}

run "refuses_pings_after_the_platform_has_cut" {
  command = plan
  variables {
    settings = { ping_seconds = 120 }
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

run "refuses_more_connections_than_instances_take" {
  command = plan
  variables { connections = 80000 }
  expect_failures = [var.connections]
}

run "refuses_instances_without_a_size" {
  command = plan
  variables {
    settings = { max_connections = 0 }
  }
  expect_failures = [var.settings]
}

run "refuses_one_instance" {
  command = plan
  variables {
    replicas = { min = 1 }
  }
  expect_failures = [var.replicas]
}

run "refuses_an_image_that_changes" {
  command = plan
  variables {
    image = "registry.azurecr.io/signal:latest"
  }
  expect_failures = [var.image]
}

run "refuses_an_image_without_a_tag" {
  command = plan
  variables {
    image = "registry.azurecr.io/signal"
  }
  expect_failures = [var.image]
}

run "refuses_a_cluster_of_redis" {
  command = plan
  variables {
    redis_sku = "Balanced_B50"
  }
  expect_failures = [var.redis_sku]
}

run "refuses_a_subnet_too_small" {
  command = plan
  variables {
    network = { apps = "10.40.0.0/28" }
  }
  expect_failures = [var.network]
}

run "refuses_an_odd_cpu" {
  command = plan
  variables {
    cpu = 0.3
  }
  expect_failures = [var.cpu]
}

run "refuses_a_secret_in_place_of_its_reference" {
  command = plan
  variables {
    turn = { urls = ["turn:t.example:3478"], secret_id = "0123456789abcdef", vault_id = "x" }
  }
  expect_failures = [var.turn]
}

run "refuses_another_vault_than_a_vault" {
  command = plan
  variables {
    turn = { urls = ["turn:t.example:3478"], secret_id = "https://v.vault.azure.net/secrets/turn", vault_id = "v" }
  }
  expect_failures = [var.turn]
}

run "refuses_a_resource_group_by_id" {
  command = plan
  variables { resource_group_name = "/subscriptions/s/resourceGroups/g" }
  expect_failures = [var.resource_group_name]
}

run "refuses_a_registry_by_name" {
  command = plan
  variables { registry_id = "registry.azurecr.io" }
  expect_failures = [var.registry_id]
}

run "refuses_a_location_with_blanks" {
  command = plan
  variables {
    location = "West Europe"
  }
  expect_failures = [var.location]
}

run "refuses_a_long_name" {
  command = plan
  variables {
    name = "a-name-that-is-too-long-for-a-vault"
  }
  expect_failures = [var.name]
}
