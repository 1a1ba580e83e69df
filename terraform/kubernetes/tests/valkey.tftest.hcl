# Valkey and coturn in the cluster: checked on the plan, with the provider mocked.

mock_provider "kubernetes" {
  override_during = plan
}

variables {
  namespace = "rejoin"
  image     = "registry.example.com/signal:1.0.0"
  host      = "signal.example.com"
  gateway   = { name = "public", namespace = "gateway" }
  valkey    = { tls_secret = "valkey-tls", password_secret = { name = "valkey" } }
}

run "speaks_tls_only" {
  command = plan

  assert {
    condition     = strcontains(kubernetes_config_map_v1.valkey[0].data["valkey.conf"], "\nport 0\ntls-port 6379\n") && strcontains(kubernetes_config_map_v1.valkey[0].data["valkey.conf"], "tls-cert-file /run/tls/tls.crt")
    error_message = "Valkey has no port without TLS"
  }
  assert {
    condition     = local.redis_url == "rediss://:$(REDIS_PASSWORD)@rejoin-valkey.rejoin.svc:6379"
    error_message = "and is spoken to in TLS: got ${local.redis_url}"
  }
  assert {
    condition     = local.environment["SSL_CERT_DIR"] == "/run/redis-ca" && kubernetes_deployment_v1.signal.spec[0].template[0].spec[0].volume[0].secret[0].secret_name == "valkey-tls"
    error_message = "its certificate is checked against its own CA"
  }
}

run "is_private" {
  command = plan

  assert {
    condition     = kubernetes_service_v1.valkey[0].spec[0].type == "ClusterIP"
    error_message = "Valkey has no address outside of the cluster"
  }
  assert {
    condition     = kubernetes_network_policy_v1.valkey[0].spec[0].ingress[0].from[0].pod_selector[0].match_labels == tomap(local.chosen) && toset(kubernetes_network_policy_v1.valkey[0].spec[0].policy_types) == toset(["Ingress", "Egress"])
    error_message = "the instances alone may connect, and it connects to nobody"
  }
  assert {
    condition     = length(kubernetes_network_policy_v1.valkey[0].spec[0].egress) == 0
    error_message = "it connects to nobody"
  }
}

run "keeps_its_password_a_secret" {
  command = plan

  assert {
    condition     = one(kubernetes_stateful_set_v1.valkey[0].spec[0].template[0].spec[0].container[0].env).value_from[0].secret_key_ref[0].name == "valkey"
    error_message = "the password is a Secret's"
  }
  assert {
    condition     = !strcontains(kubernetes_config_map_v1.valkey[0].data["valkey.conf"], "requirepass") && strcontains(kubernetes_stateful_set_v1.valkey[0].spec[0].template[0].spec[0].container[0].args[0], "umask 077")
    error_message = "it is in no ConfigMap and no argument"
  }
}

run "loses_nothing" {
  command = plan

  assert {
    condition     = strcontains(kubernetes_config_map_v1.valkey[0].data["valkey.conf"], "\nmaxmemory-policy noeviction\n") && strcontains(kubernetes_config_map_v1.valkey[0].data["valkey.conf"], "\nappendonly yes\n")
    error_message = "no mailbox is evicted, and all survive a restart"
  }
  assert {
    condition     = kubernetes_persistent_volume_claim_v1.mailboxes[0].metadata[0].name == "rejoin-mailboxes" && can(regex("\"mailboxes\" {(?s).*prevent_destroy = true.*\"kubernetes_service_v1\"", file("valkey.tf")))
    error_message = "Terraform does not destroy the disk"
  }
  assert {
    condition     = kubernetes_stateful_set_v1.valkey[0].spec[0].template[0].spec[0].termination_grace_period_seconds == 60 && kubernetes_stateful_set_v1.valkey[0].spec[0].replicas == "1"
    error_message = "one Valkey, with time to write its file"
  }
  assert {
    condition     = kubernetes_stateful_set_v1.valkey[0].spec[0].template[0].spec[0].container[0].resources[0].limits["memory"] == "1536Mi"
    error_message = "writing the file anew fits beside the data"
  }
}

run "relays_on_chosen_nodes_only" {
  command = plan
  variables {
    coturn = { public_address = "198.51.100.7", node_selector = { turn = "yes" }, secret = { name = "turn" }, wallet_secret = { name = "wallet", key = "word" } }
  }

  assert {
    condition     = kubernetes_daemon_set_v1.coturn[0].spec[0].template[0].spec[0].node_selector == tomap({ turn = "yes" }) && kubernetes_daemon_set_v1.coturn[0].spec[0].template[0].spec[0].host_network
    error_message = "coturn is on the network of the nodes that are named"
  }
  assert {
    condition     = local.environment["TURN_URLS"] == "turn:198.51.100.7:3478?transport=udp,turn:198.51.100.7:3478?transport=tcp"
    error_message = "clients are told of it"
  }
  assert {
    condition     = one([for e in kubernetes_deployment_v1.signal.spec[0].template[0].spec[0].container[0].env : e.value_from[0].secret_key_ref[0].name if e.name == "TURN_SECRET"]) == "turn"
    error_message = "both have the secret from the same place"
  }
  assert {
    condition     = kubernetes_daemon_set_v1.coturn[0].spec[0].template[0].spec[0].container[0].security_context[0].run_as_non_root && !strcontains(kubernetes_config_map_v1.coturn[0].data["turnserver.conf"], "\nstatic-auth-secret")
    error_message = "coturn is not root, and its secret is in no ConfigMap"
  }
  assert {
    condition = [
      for s in one([for v in kubernetes_daemon_set_v1.coturn[0].spec[0].template[0].spec[0].volume : v if v.name == "secret"]).projected[0].sources :
      "${s.secret[0].name} ${s.secret[0].items[0].key} ${s.secret[0].items[0].path}"
    ] == ["turn secret turn", "wallet word wallet"]
    error_message = "coturn reads both secrets"
  }
  assert {
    condition     = strcontains(kubernetes_daemon_set_v1.coturn[0].spec[0].template[0].spec[0].container[0].args[0], "for f in /run/rejoin/turn /run/rejoin/wallet;")
    error_message = "and takes credentials signed with either"
  }
  assert {
    condition     = !strcontains(jsonencode(kubernetes_deployment_v1.signal.spec[0].template[0].spec[0].container[0].env), "wallet")
    error_message = "the instances do not know that of the wallets"
  }
}
