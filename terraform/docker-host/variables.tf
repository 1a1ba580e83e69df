variable "images" {
  description = "Images, each with a tag or digest, not latest."
  type = object({
    signal     = string
    iceservers = string
    valkey     = optional(string, "valkey/valkey:8.1.8-alpine")
    haproxy    = optional(string, "haproxy:3.2.6-alpine")
    coturn     = optional(string, "coturn/coturn:4.6.2-r12")
  })
  validation {
    condition     = alltrue([for i in values(var.images) : can(regex("(:[^/:]+|@sha256:[0-9a-f]{64})$", i)) && !endswith(i, ":latest")])
    error_message = "images: want a tag other than latest, or a digest."
  }
}

variable "name" {
  description = "First part of every name: several stacks fit on one machine when their ports differ."
  type        = string
  default     = "rejoin"
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,30}$", var.name))
    error_message = "name: want lower case letters, digits and hyphens."
  }
}

variable "instances" {
  description = "Instances of functions/signal behind the balancer."
  type        = number
  default     = 2
  validation {
    condition     = var.instances >= 2 && var.instances <= 32 && floor(var.instances) == var.instances
    error_message = "instances: want 2 to 32; with one, an update is an outage."
  }
}

variable "port" {
  description = "Public port of the balancer. It speaks HTTP: TLS ends before it, or on port 8443 with tls_directory."
  type        = number
  default     = 4000
  validation {
    condition     = var.port >= 1 && var.port <= 65535 && !contains([4001, 4002, 8404, 8443], var.port)
    error_message = "port: want 1 to 65535, and not 4001, 4002, 8404 or 8443, which are used inside."
  }
}

variable "tls_directory" {
  description = "Directory of the Docker host with tls.pem, certificate and key, readable for the balancer's user; null: no TLS."
  type        = string
  default     = null
  validation {
    condition     = var.tls_directory == null || startswith(coalesce(var.tls_directory, "/"), "/")
    error_message = "tls_directory: want an absolute path."
  }
}

variable "public_ip" {
  description = "Address that clients reach this machine at."
  type        = string
  validation {
    condition     = can(cidrhost("${var.public_ip}/32", 0))
    error_message = "public_ip: want an IPv4 address."
  }
}

variable "private_ip" {
  description = "The machine's own address, where that is another one, behind NAT."
  type        = string
  default     = null
  validation {
    condition     = var.private_ip == null || can(cidrhost("${coalesce(var.private_ip, "x")}/32", 0))
    error_message = "private_ip: want an IPv4 address."
  }
}

variable "settings" {
  description = "Settings of functions/signal, see modules/settings. Docker gives what stop_seconds says, so the drain must end before."
  type = object({
    drain_seconds              = optional(number, 8)
    max_connection_age_seconds = optional(number, 0)
    ping_seconds               = optional(number, 25)
    max_connections            = optional(number, 0)
    allowed_origins            = optional(list(string), ["*"])
    trusted_proxies            = optional(list(string), ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"])
    extra                      = optional(map(string), {})
  })
  default  = {}
  nullable = false

  # The balancer cuts a WebSocket after 90 s of silence.
  validation {
    condition     = var.settings.ping_seconds <= 60
    error_message = "settings.ping_seconds: want at most 60, the balancer cuts a silent connection after 90 s."
  }
  validation {
    condition     = var.settings.drain_seconds < var.stop_seconds
    error_message = "settings.drain_seconds: want less than stop_seconds."
  }
}

variable "stop_seconds" {
  description = "From SIGTERM to SIGKILL of an instance."
  type        = number
  default     = 15
  validation {
    condition     = var.stop_seconds >= 5 && var.stop_seconds <= 600
    error_message = "stop_seconds: want 5 to 600."
  }
}

variable "memory" {
  description = "Most memory, MB: instance (15, and 6 KB a connection), Valkey's data, balancer (15 KB a connection, its two sockets included)."
  type = object({
    signal   = optional(number, 512)
    valkey   = optional(number, 768)
    balancer = optional(number, 512)
  })
  default  = {}
  nullable = false
  validation {
    condition     = alltrue([for mb in values(var.memory) : mb >= 64])
    error_message = "memory: want at least 64 MB each."
  }
}
