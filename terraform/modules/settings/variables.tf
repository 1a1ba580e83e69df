variable "settings" {
  description = <<-EOT
    Settings of Rejoin that every platform has. The roots declare the same object with defaults that fit their platform.
    extra holds further variables by their names in docs/settings.md, for example GRACE_WINDOW = "30s" or OTEL_EXPORTER_OTLP_ENDPOINT.
  EOT
  type = object({
    drain_seconds              = optional(number, 8)           # DRAIN_TIMEOUT: longest time from SIGTERM to exit
    max_connection_age_seconds = optional(number, 0)           # MAX_CONNECTION_AGE; 0: never
    ping_seconds               = optional(number, 25)          # PING_INTERVAL
    max_connections            = optional(number, 0)           # MAX_CONNECTIONS of one instance; 0: as many as the open-files limit allows
    allowed_origins            = optional(list(string), ["*"]) # ALLOWED_ORIGINS; ["*"]: all
    trusted_proxies            = optional(list(string), [])    # TRUSTED_PROXIES: networks
    extra                      = optional(map(string), {})
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.settings.drain_seconds >= 1 && var.settings.drain_seconds <= 600
    error_message = "drain_seconds: want 1 to 600."
  }
  validation {
    condition     = var.settings.max_connection_age_seconds == 0 || var.settings.max_connection_age_seconds >= 60
    error_message = "max_connection_age_seconds: want 0 (never) or at least 60."
  }
  validation {
    condition     = var.settings.ping_seconds >= 1 && var.settings.ping_seconds <= 300
    error_message = "ping_seconds: want 1 to 300."
  }
  validation {
    condition     = var.settings.max_connections >= 0 && floor(var.settings.max_connections) == var.settings.max_connections
    error_message = "max_connections: want a whole number, 0 or more."
  }
  validation {
    condition = length(var.settings.allowed_origins) > 0 && alltrue([
      for o in var.settings.allowed_origins : can(regex(local.origin, o))
    ])
    error_message = "allowed_origins: want origins of pages like https://example.com, https://*.example.com or moz-extension://*, \"null\" (pages without one) or \"*\" (all)."
  }
  validation {
    condition     = alltrue([for p in var.settings.trusted_proxies : can(cidrhost(p, 0))])
    error_message = "trusted_proxies: want networks like 10.0.0.0/8."
  }
  validation {
    condition     = alltrue([for name, _ in var.settings.extra : can(regex("^[A-Z][A-Z0-9_]*$", name))])
    error_message = "extra: names are upper case, like GRACE_WINDOW."
  }
  validation {
    condition     = length(setintersection(keys(var.settings.extra), local.typed)) == 0
    error_message = "extra: these have a variable of their own or are the platform's: ${join(", ", setintersection(keys(var.settings.extra), local.typed))}."
  }
  validation {
    condition     = length(setintersection(keys(var.settings.extra), local.secret)) == 0
    error_message = "extra: secrets are given by reference, not here: ${join(", ", setintersection(keys(var.settings.extra), local.secret))}."
  }
  validation {
    condition     = alltrue([for _, value in var.settings.extra : !can(regex("://[^/ ]*:[^/ ]*@", value))])
    error_message = "extra: a URL with a password is a secret and is not given here."
  }
  validation {
    condition = alltrue([
      for name, value in var.settings.extra : can(regex(lookup(local.known, name, ".*"), value))
    ])
    error_message = "extra: ${join("; ", [
      for name, value in var.settings.extra : "${name}=${value} does not fit ${lookup(local.known, name, "")}"
      if !can(regex(lookup(local.known, name, ".*"), value))
    ])}."
  }
}

variable "turn" {
  description = <<-EOT
    ICE servers that clients are told of, or null. The secret that signs TURN credentials is not part of it: each root takes a
    reference to it and mounts it as a file or an environment variable.
  EOT
  type = object({
    urls        = list(string)
    stun_urls   = optional(list(string), [])
    ttl_seconds = optional(number, 3600)
  })
  default = null

  validation {
    condition     = alltrue([for u in try(var.turn.urls, []) : can(regex("^turns?:${local.host}${local.port}?(\\?transport=(udp|tcp))?$", u))])
    error_message = "turn.urls: want URLs like turn:turn.example.com:3478?transport=udp."
  }
  validation {
    condition     = alltrue([for u in try(var.turn.stun_urls, []) : can(regex("^stuns?:${local.host}${local.port}?$", u))])
    error_message = "turn.stun_urls: want URLs like stun:turn.example.com:3478."
  }
  # Credentials are looked at every SYNC_INTERVAL (5 minutes): the server wants four times that at least.
  validation {
    condition     = try(var.turn.ttl_seconds, 3600) >= 1200 && try(var.turn.ttl_seconds, 3600) <= 86400
    error_message = "turn.ttl_seconds: want 1200 to 86400."
  }
}
