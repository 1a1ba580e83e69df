variables {
  settings = {
    drain_seconds              = 8
    max_connection_age_seconds = 3300
    ping_seconds               = 25
    max_connections            = 1000
    allowed_origins            = ["https://a.example", "https://b.example"]
    trusted_proxies            = ["10.0.0.0/8"]
    extra                      = { GRACE_WINDOW = "1m30s", NEW_ONE = "anything" }
  }
}

run "becomes_an_environment" {
  command = plan

  assert {
    condition = output.environment == tomap({
      DRAIN_TIMEOUT      = "8s"
      MAX_CONNECTION_AGE = "3300s"
      PING_INTERVAL      = "25s"
      MAX_CONNECTIONS    = "1000"
      ALLOWED_ORIGINS    = "https://a.example,https://b.example"
      TRUSTED_PROXIES    = "10.0.0.0/8"
      GRACE_WINDOW       = "1m30s"
      NEW_ONE            = "anything"
      LOG_FORMAT         = "json"
      DEMO               = "false"
    })
    error_message = "got ${jsonencode(output.environment)}"
  }
}

run "turn_is_told_without_its_secret" {
  command = plan
  variables {
    turn = { urls = ["turn:t.example:3478?transport=udp", "turns:t.example:5349?transport=tcp"] }
  }

  assert {
    condition     = output.environment["TURN_URLS"] == "turn:t.example:3478?transport=udp,turns:t.example:5349?transport=tcp"
    error_message = "TURN_URLS is a list with commas"
  }
  assert {
    condition     = output.environment["TURN_TTL"] == "3600s" && !contains(keys(output.environment), "STUN_URLS")
    error_message = "an empty list is left out"
  }
  assert {
    condition     = !contains(keys(output.environment), "TURN_SECRET")
    error_message = "the secret never passes here"
  }
}

# The table in docs/settings.md is generated from functions/signal itself. OTEL_* are OpenTelemetry's own: the SDK knows
# more of them than any table.
run "knows_every_variable_there_is" {
  command = plan

  assert {
    condition = length(setsubtract(
      [for name in flatten(regexall("(?m)^\\| `([A-Z_]+)` \\|", split("<!-- /settings -->", file("../../../docs/settings.md"))[0])) : name if !startswith(name, "OTEL_")],
      setunion(local.typed, local.secret, keys(local.known)),
    )) == 0
    error_message = "add the new settings of docs/settings.md to typed, secret or known"
  }
  assert {
    condition = length(setsubtract(
      [for name in keys(local.known) : name if !startswith(name, "OTEL_")],
      flatten(regexall("(?m)^\\| `([A-Z_]+)` \\|", file("../../../docs/settings.md"))),
    )) == 0
    error_message = "known has variables that there are not"
  }
}

run "takes_the_origins_and_servers_that_there_are" {
  command = plan
  variables {
    settings = {
      allowed_origins = [
        "https://a.example", "https://a.example:8443", "https://*.a.example", "http://localhost:*", "http://[::1]:3000", "https://bücher.example", "null",
        "moz-extension://*", "chrome-extension://aohghmighlieiainnegkcijnfilokake",
      ]
      extra = { OTEL_EXPORTER_OTLP_ENDPOINT = "http://otel_collector:4318/base" }
    }
    turn = {
      urls      = ["turn:turn.example.com:3478?transport=udp", "turns:[::1]:443", "turn:192.0.2.1"]
      stun_urls = ["stun:turn.example.com", "stuns:a:5349"]
    }
  }
  assert {
    condition     = strcontains(output.environment.ALLOWED_ORIGINS, "null,moz-extension://*,")
    error_message = "origins are not passed on"
  }
}
