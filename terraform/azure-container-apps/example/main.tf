# Rejoin in West Europe for some thousand clients.
provider "azurerm" {
  features {}
}

module "rejoin" {
  source              = "../"
  resource_group_name = "rejoin"
  location            = "westeurope"
  name                = "rejoin-example"
  image               = "ghcr.io/rejoin-dev/signal:0.1.0"
  settings            = { allowed_origins = ["https://app.example.com"] }
}

output "url" {
  description = "Where clients connect."
  value       = module.rejoin.url
}
