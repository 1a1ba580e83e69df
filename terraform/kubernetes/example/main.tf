# Rejoin in the cluster of the current context, with a managed Redis and coturn on the nodes marked for it.
provider "kubernetes" {
  config_path = "~/.kube/config"
}

module "rejoin" {
  source    = "../"
  namespace = "rejoin"
  image     = "ghcr.io/rejoin-dev/signal:0.1.0"
  host      = "signal.example.com"
  gateway   = { name = "public", namespace = "gateway" }
  redis     = { addresses = ["redis.example.com:6379"], password_secret = { name = "redis" } }
  coturn    = { public_address = "198.51.100.7", node_selector = { turn = "yes" }, secret = { name = "turn" } }
}
