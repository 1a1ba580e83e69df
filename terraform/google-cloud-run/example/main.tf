# Rejoin in Belgium for some thousand clients.
module "rejoin" {
  source   = "../"
  project  = "rejoin-example"
  region   = "europe-west1"
  image    = "europe-west1-docker.pkg.dev/rejoin-example/rejoin/signal:0.1.0"
  settings = { allowed_origins = ["https://app.example.com"] }
}

output "url" {
  description = "Where clients connect."
  value       = module.rejoin.url
}
