# Bad values are refused before anything is created.

run "refuses_no_time_to_drain" {
  command = plan
  variables {
    settings = { drain_seconds = 0 }
  }
  expect_failures = [var.settings]
}

run "refuses_a_drain_of_hours" {
  command = plan
  variables {
    settings = { drain_seconds = 3600 }
  }
  expect_failures = [var.settings]
}

run "refuses_connections_of_a_second" {
  command = plan
  variables {
    settings = { max_connection_age_seconds = 1 }
  }
  expect_failures = [var.settings]
}

run "refuses_no_pings" {
  command = plan
  variables {
    settings = { ping_seconds = 0 }
  }
  expect_failures = [var.settings]
}

run "refuses_half_a_connection" {
  command = plan
  variables {
    settings = { max_connections = 0.5 }
  }
  expect_failures = [var.settings]
}

run "refuses_an_origin_with_a_path" {
  command = plan
  variables {
    settings = { allowed_origins = ["https://a.example/page"] }
  }
  expect_failures = [var.settings]
}

run "refuses_no_origin" {
  command = plan
  variables {
    settings = { allowed_origins = [] }
  }
  expect_failures = [var.settings]
}

run "refuses_a_proxy_by_name" {
  command = plan
  variables {
    settings = { trusted_proxies = ["proxy.internal"] }
  }
  expect_failures = [var.settings]
}

run "refuses_a_name_in_lower_case" {
  command = plan
  variables {
    settings = { extra = { grace_window = "60s" } }
  }
  expect_failures = [var.settings]
}

run "refuses_a_typed_setting_among_the_extra" {
  command = plan
  variables {
    settings = { extra = { DRAIN_TIMEOUT = "20s" } }
  }
  expect_failures = [var.settings]
}

run "refuses_the_port" {
  command = plan
  variables {
    settings = { extra = { PORT = "80" } }
  }
  expect_failures = [var.settings]
}

run "refuses_redis_as_plain_text" {
  command = plan
  variables {
    settings = { extra = { REDIS_URL = "rediss://redis:6379" } }
  }
  expect_failures = [var.settings]
}

run "refuses_a_secret_as_plain_text" {
  command = plan
  variables {
    settings = { extra = { TURN_SECRET = "0123456789abcdef" } }
  }
  expect_failures = [var.settings]
}

run "refuses_headers_with_a_key" {
  command = plan
  variables {
    settings = { extra = { OTEL_EXPORTER_OTLP_HEADERS = "api-key=1" } }
  }
  expect_failures = [var.settings]
}

run "refuses_a_url_with_a_password" {
  command = plan
  variables {
    settings = { extra = { OTEL_EXPORTER_OTLP_ENDPOINT = "https://user:word@otel.example" } }
  }
  expect_failures = [var.settings]
}

run "refuses_a_collector_without_a_scheme" {
  command = plan
  variables {
    settings = { extra = { OTEL_EXPORTER_OTLP_ENDPOINT = "collector:4318" } }
  }
  expect_failures = [var.settings]
}

run "refuses_a_sampler_there_is_not" {
  command = plan
  variables {
    settings = { extra = { OTEL_TRACES_SAMPLER = "sometimes" } }
  }
  expect_failures = [var.settings]
}

run "refuses_a_duration_without_a_unit" {
  command = plan
  variables {
    settings = { extra = { GRACE_WINDOW = "60" } }
  }
  expect_failures = [var.settings]
}

run "refuses_an_unknown_log_level" {
  command = plan
  variables {
    settings = { extra = { LOG_LEVEL = "loud" } }
  }
  expect_failures = [var.settings]
}

run "refuses_more_replicas_than_there_can_be" {
  command = plan
  variables {
    settings = { extra = { REDIS_WAIT_REPLICAS = "17" } }
  }
  expect_failures = [var.settings]
}

run "refuses_a_turn_url_of_http" {
  command = plan
  variables {
    turn = { urls = ["https://turn.example.com"] }
  }
  expect_failures = [var.turn]
}

run "refuses_a_stun_url_among_turn" {
  command = plan
  variables {
    turn = { urls = ["stun:turn.example.com:3478"] }
  }
  expect_failures = [var.turn]
}

run "refuses_credentials_of_a_minute" {
  command = plan
  variables {
    turn = { urls = ["turn:turn.example.com:3478"], ttl_seconds = 60 }
  }
  expect_failures = [var.turn]
}

run "refuses_credentials_of_a_week" {
  command = plan
  variables {
    turn = { urls = ["turn:turn.example.com:3478"], ttl_seconds = 604800 }
  }
  expect_failures = [var.turn]
}

run "refuses_the_websocket_as_an_origin" {
  command = plan
  variables {
    settings = { allowed_origins = ["https://ok.example", "wss://a.example"] }
  }
  expect_failures = [var.settings]
}

run "refuses_an_origin_without_a_scheme" {
  command = plan
  variables {
    settings = { allowed_origins = ["https://ok.example", "a.example"] }
  }
  expect_failures = [var.settings]
}

run "refuses_an_origin_with_no_such_port" {
  command = plan
  variables {
    settings = { allowed_origins = ["https://ok.example", "https://a.example:99999"] }
  }
  expect_failures = [var.settings]
}

run "refuses_a_star_within_a_name" {
  command = plan
  variables {
    settings = { allowed_origins = ["https://ok.example", "https://*a.example"] }
  }
  expect_failures = [var.settings]
}

run "refuses_an_origin_with_an_empty_label" {
  command = plan
  variables {
    settings = { allowed_origins = ["https://ok.example", "https://a..example"] }
  }
  expect_failures = [var.settings]
}

run "refuses_a_variable_as_an_origin" {
  command = plan
  variables {
    settings = { allowed_origins = ["https://ok.example", "https://$HOST"] }
  }
  expect_failures = [var.settings]
}

run "refuses_a_blank_in_an_origin" {
  command = plan
  variables {
    settings = { allowed_origins = ["https://ok.example", "https://a.example "] }
  }
  expect_failures = [var.settings]
}

run "refuses_a_collector_with_no_such_port" {
  command = plan
  variables {
    settings = { extra = { OTEL_EXPORTER_OTLP_ENDPOINT = "http://collector:99999" } }
  }
  expect_failures = [var.settings]
}

run "refuses_a_turn_server_of_dots" {
  command = plan
  variables {
    turn = { urls = ["turn:..:3478"] }
  }
  expect_failures = [var.turn]
}

run "refuses_a_turn_server_with_no_such_port" {
  command = plan
  variables {
    turn = { urls = ["turn:turn.example.com:70000"] }
  }
  expect_failures = [var.turn]
}

run "refuses_a_transport_there_is_not" {
  command = plan
  variables {
    turn = { urls = ["turn:turn.example.com?transport=sctp"] }
  }
  expect_failures = [var.turn]
}

run "refuses_a_stun_server_with_a_transport" {
  command = plan
  variables {
    turn = { urls = ["turn:a"], stun_urls = ["stun:a?transport=udp"] }
  }
  expect_failures = [var.turn]
}
