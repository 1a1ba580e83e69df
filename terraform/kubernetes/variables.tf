variable "namespace" {
  description = "An existing namespace."
  type        = string
  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", var.namespace)) && var.namespace != "default"
    error_message = "namespace: want a namespace of its own, not default."
  }
}

variable "name" {
  description = "Prefix of every name."
  type        = string
  default     = "rejoin"
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,30}$", var.name))
    error_message = "name: want lower case letters, digits and hyphens."
  }
}

variable "image" {
  description = "Image of functions/signal, with a tag or digest, not latest."
  type        = string
  validation {
    condition     = can(regex("(:[^/:]+|@sha256:[0-9a-f]{64})$", var.image)) && !endswith(var.image, ":latest")
    error_message = "image: want a tag other than latest, or a digest."
  }
}

variable "host" {
  description = "Host name that clients connect to, wss://<host>."
  type        = string
  validation {
    condition     = can(regex("^[a-z0-9-]+(\\.[a-z0-9-]+)+$", var.host))
    error_message = "host: want a name like signal.example.com."
  }
}

variable "gateway" {
  description = <<-EOT
    Gateway API: a Gateway that exists already, with a TLS listener for host that takes routes from the namespace; null with ingress.
    section: one of its listeners. proxies: namespace in which its proxies run, the Gateway's own by default: no others may connect.
    timeout: of a request, 0s for none, as WebSockets want it; empty where the Gateway does not know the field.
  EOT
  type = object({
    name      = string
    namespace = string
    section   = optional(string)
    proxies   = optional(string)
    timeout   = optional(string, "0s")
  })
  default = null
  validation {
    condition     = (var.gateway == null) != (var.ingress == null)
    error_message = "gateway: want either this or ingress."
  }
  validation {
    condition     = alltrue([for name in [try(var.gateway.name, "n"), try(var.gateway.namespace, "n"), try(coalesce(var.gateway.section), "n"), try(coalesce(var.gateway.proxies), "n")] : can(regex("^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$", name))])
    error_message = "gateway: name, namespace, section and proxies are names of things in the cluster."
  }
  validation {
    condition     = can(regex("^([0-9]{1,5}(h|m|s|ms)){0,4}$", try(var.gateway.timeout, "")))
    error_message = "gateway.timeout: want a duration like 0s or 1h, or nothing."
  }
}

variable "ingress" {
  description = <<-EOT
    In place of gateway: an Ingress of any class, with its annotations and the TLS secret; null with gateway. namespace is where the
    controller runs: no others may connect. Have the controller's time-outs fit proxy_seconds; those of class nginx are set here.
  EOT
  type = object({
    class       = string
    namespace   = string
    tls_secret  = string
    annotations = optional(map(string), {})
  })
  default = null
  validation {
    condition     = alltrue([for name in [try(var.ingress.class, "n"), try(var.ingress.namespace, "n"), try(var.ingress.tls_secret, "n")] : can(regex("^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$", name))])
    error_message = "ingress: class, namespace and tls_secret are names of things in the cluster."
  }
}

variable "redis" {
  description = <<-EOT
    Redis 7 or Valkey outside of this root; null with valkey. addresses: host:port, several are a cluster. password_secret: name and
    key of a Secret in the namespace with the password, of letters, digits, - and _ only; null: none. ca_secret: name of a Secret with
    ca.crt, where the certificate is not of a public authority. tls = false only where something else encrypts, such as a mesh.
  EOT
  type = object({
    addresses       = list(string)
    user            = optional(string, "")
    password_secret = optional(object({ name = string, key = optional(string, "password") }))
    ca_secret       = optional(string)
    tls             = optional(bool, true)
  })
  default = null
  validation {
    condition     = (var.redis == null) != (var.valkey == null)
    error_message = "redis: want either this or valkey."
  }
  validation {
    condition     = alltrue([for a in try(var.redis.addresses, ["x:1"]) : can(regex("^[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*\\.?:[0-9]+$", a)) && try(tonumber(split(":", a)[1]) >= 1 && tonumber(split(":", a)[1]) <= 65535, false)]) && length(try(var.redis.addresses, ["x:1"])) > 0
    error_message = "redis.addresses: want host:port, a port of 1 to 65535, without a scheme and without a password."
  }
}

variable "valkey" {
  description = <<-EOT
    One Valkey in the cluster, with a disk, or null. tls_secret: name of a Secret with tls.crt, tls.key and ca.crt for
    <name>-valkey.<namespace>.svc, as cert-manager makes it. password_secret: as in redis. memory: of its data, MB.
  EOT
  type = object({
    image           = optional(string, "valkey/valkey:8.1.8-alpine")
    tls_secret      = string
    password_secret = object({ name = string, key = optional(string, "password") })
    memory          = optional(number, 768)
    storage         = optional(string, "8Gi")
    storage_class   = optional(string)
  })
  default = null
  validation {
    condition     = try(var.valkey.memory, 64) >= 64
    error_message = "valkey.memory: want at least 64 MB."
  }
}

variable "replicas" {
  description = "Fewest and most instances, and the targets that add more: connections per instance, or CPU percent. connections needs a metrics adapter that serves rejoin_edge_connections; 0: CPU only."
  type = object({
    min         = optional(number, 2)
    max         = optional(number, 20)
    connections = optional(number, 10000)
    cpu_percent = optional(number, 60)
  })
  default  = {}
  nullable = false
  validation {
    condition     = var.replicas.min >= 2 && var.replicas.max >= var.replicas.min
    error_message = "replicas: want min of 2 or more, and max from min."
  }
  validation {
    condition     = (var.replicas.connections == 0 || var.replicas.connections >= 100) && var.replicas.cpu_percent >= 10 && var.replicas.cpu_percent <= 90
    error_message = "replicas: want connections of 100 or more, or 0, and cpu_percent from 10 to 90."
  }
}

variable "resources" {
  description = "CPU and memory of an instance: 15 MB plus 6 KB per connection, sockets included."
  type        = object({ cpu = optional(string, "250m"), memory = optional(string, "256Mi") })
  default     = {}
  nullable    = false
  validation {
    condition     = can(regex("^([0-9]+m|[0-9]+(\\.[0-9]+)?)$", var.resources.cpu)) && can(regex("^[0-9]+(Mi|Gi)$", var.resources.memory))
    error_message = "resources: want CPU like 250m or 0.5, and memory like 256Mi or 1Gi."
  }
}

variable "settings" {
  description = "Settings of functions/signal, see modules/settings."
  type = object({
    drain_seconds              = optional(number, 20)
    max_connection_age_seconds = optional(number, 3600) # so that new instances get their share
    ping_seconds               = optional(number, 25)
    max_connections            = optional(number, 20000)
    allowed_origins            = optional(list(string), ["*"])
    trusted_proxies            = optional(list(string), ["10.0.0.0/8"]) # the pods' network
    extra                      = optional(map(string), {})
  })
  default  = {}
  nullable = false
  validation {
    condition     = var.settings.drain_seconds + 5 <= var.grace_seconds
    error_message = "settings.drain_seconds: want at least 5 less than grace_seconds."
  }
  validation {
    condition     = var.settings.max_connections == 0 || var.settings.max_connections > var.replicas.connections
    error_message = "settings.max_connections: want more than replicas.connections, or instances refuse clients before another one starts."
  }
  validation {
    condition     = 2 * var.settings.ping_seconds < var.proxy_seconds
    error_message = "settings.ping_seconds: want less than half of proxy_seconds, or the proxy in front of the pods cuts silent connections."
  }
}

variable "grace_seconds" {
  description = "terminationGracePeriodSeconds: from the decision to stop a pod to SIGKILL."
  type        = number
  default     = 30
  validation {
    condition     = var.grace_seconds >= 10 && var.grace_seconds <= 600
    error_message = "grace_seconds: want 10 to 600."
  }
}

variable "proxy_seconds" {
  description = "Seconds of silence after which the Gateway or Ingress cuts a connection. For class nginx this sets it; otherwise say what it is set to."
  type        = number
  default     = 120
  validation {
    condition     = var.proxy_seconds >= 10 && var.proxy_seconds <= 3600
    error_message = "proxy_seconds: want 10 to 3600."
  }
}

variable "monitoring" {
  description = "Whether to make a ServiceMonitor and a PrometheusRule: the Prometheus Operator's resources must be known. namespace is where Prometheus runs."
  type        = object({ enabled = optional(bool, true), namespace = optional(string, "monitoring") })
  default     = {}
  nullable    = false
  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", var.monitoring.namespace))
    error_message = "monitoring.namespace: want a namespace."
  }
}

variable "turn" {
  description = "ICE servers elsewhere, or null. secret: name and key of a Secret in the namespace that functions/signal signs with. coturn here: see coturn."
  type = object({
    urls        = list(string)
    stun_urls   = optional(list(string), [])
    ttl_seconds = optional(number, 3600)
    secret      = object({ name = string, key = optional(string, "secret") })
  })
  default = null
  validation {
    condition     = var.turn == null || var.coturn == null
    error_message = "turn: want either this or coturn."
  }
}

variable "coturn" {
  description = <<-EOT
    coturn on nodes of their own, on the node's network, or null. node_selector chooses nodes that have a public address, one pod each;
    public_address is that address, or a name for all of them; secret holds its static-auth-secret, wallet_secret another one, with which
    wallets' profiles are signed: coturn alone reads it.
  EOT
  type = object({
    image          = optional(string, "coturn/coturn:4.6.2-r12")
    public_address = string
    node_selector  = map(string)
    secret         = object({ name = string, key = optional(string, "secret") })
    wallet_secret  = optional(object({ name = string, key = optional(string, "secret") }))
  })
  default = null
  validation {
    condition     = var.coturn == null || length(try(var.coturn.node_selector, {})) > 0
    error_message = "coturn.node_selector: want at least one label, or every node would be a relay."
  }
}
