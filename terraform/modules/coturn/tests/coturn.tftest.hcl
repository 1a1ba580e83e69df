variables {
  public_address = "turn.example.com"
  config_file    = "/etc/rejoin/turnserver.conf"
}

run "reads_the_secret_from_a_file" {
  command = plan

  assert {
    condition     = strcontains(output.command[2], "for f in /run/rejoin/turn; do s=$(cat \"$f\")") && strcontains(output.command[2], "umask 077")
    error_message = "the secret is no argument, and the file that holds it is private"
  }
  assert {
    condition     = strcontains(output.config, "use-auth-secret") && !strcontains(output.config, "static-auth-secret=\n")
    error_message = "the configuration of deploy/coturn is used"
  }
  assert {
    condition     = strcontains(output.config, "denied-peer-ip=10.0.0.0-10.255.255.255")
    error_message = "the relay is no way into the private network"
  }
}

run "is_told_over_udp_and_tcp" {
  command = plan

  assert {
    condition     = output.turn.urls == tolist(["turn:turn.example.com:3478?transport=udp", "turn:turn.example.com:3478?transport=tcp"])
    error_message = "got ${jsonencode(output.turn.urls)}"
  }
}

run "refuses_a_url_as_address" {
  command = plan
  variables { public_address = "turn:turn.example.com" }
  expect_failures = [var.public_address]
}

run "refuses_a_command_as_path" {
  command = plan
  variables { config_file = "/etc/x; rm" }
  expect_failures = [var.config_file]
}

run "refuses_a_relative_path" {
  command = plan
  variables { secret_files = ["turn"] }
  expect_failures = [var.secret_files]
}

run "refuses_to_have_no_secret" {
  command = plan
  variables { secret_files = [] }
  expect_failures = [var.secret_files]
}

run "takes_several_secrets" {
  command = plan
  variables { secret_files = ["/run/rejoin/turn", "/run/rejoin/wallet"] }

  assert {
    condition     = strcontains(output.command[2], "for f in /run/rejoin/turn /run/rejoin/wallet; do") && strcontains(output.command[2], "$${s:?$f is empty}")
    error_message = "credentials may be signed with each of them, and an empty one ends the start"
  }
}

run "refuses_ten_relay_ports" {
  command = plan
  variables { relay_ports = { first = 50000, last = 50009 } }
  expect_failures = [var.relay_ports]
}
