variable "project" {
  description = "Project, with the APIs run, memorystore, secretmanager, compute, networkconnectivity and serviceconsumermanagement enabled."
  type        = string
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project))
    error_message = "project: want the id of a project."
  }
}

variable "region" {
  description = "Region, for example europe-west1."
  type        = string
  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "region: want a region like europe-west1."
  }
}

variable "name" {
  description = "Prefix of every name."
  type        = string
  default     = "rejoin"
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{3,18}[a-z0-9]$", var.name))
    error_message = "name: want 5 to 20 lower case letters, digits and hyphens."
  }
}

variable "image" {
  description = "Image of functions/signal in a registry that Cloud Run can read, with a tag or digest, not latest."
  type        = string
  validation {
    condition     = can(regex("(:[^/:]+|@sha256:[0-9a-f]{64})$", var.image)) && !endswith(var.image, ":latest")
    error_message = "image: want a tag other than latest, or a digest."
  }
}

variable "network" {
  description = "Address ranges of the new network: at least a /26 for the instances, two addresses of it each."
  type        = object({ instances = optional(string, "10.60.0.0/22"), redis = optional(string, "10.60.4.0/28") })
  default     = {}
  nullable    = false
  validation {
    condition     = alltrue([for n in values(var.network) : can(cidrhost(n, 0))])
    error_message = "network: want networks like 10.60.0.0/22."
  }
  validation {
    condition     = try(tonumber(split("/", var.network.instances)[1]) <= 26, false)
    error_message = "network.instances: want a /26 or more, Direct VPC egress needs it."
  }
}

variable "instances" {
  description = "Fewest and most instances."
  type        = object({ min = optional(number, 2), max = optional(number, 20) })
  default     = {}
  nullable    = false
  validation {
    condition     = var.instances.min >= 2 && var.instances.max >= var.instances.min && var.instances.max <= 1000
    error_message = "instances: want min of 2 or more (with one, losing it is an outage), and max from min to 1000."
  }
}

variable "concurrency" {
  description = "Connections per instance, at most 1,000 on Cloud Run, which starts another instance at 60 % of it."
  type        = number
  default     = 1000
  validation {
    condition     = var.concurrency >= 80 && var.concurrency <= 1000
    error_message = "concurrency: want 80 to 1000, Cloud Run's limit."
  }
}

variable "cpu" {
  description = "CPUs of an instance, each with 512 MiB. 1,000 connections need less than one, but Cloud Run requires one for concurrent requests."
  type        = number
  default     = 1
  validation {
    condition     = contains([1, 2], var.cpu)
    error_message = "cpu: want 1 or 2."
  }
}

variable "redis" {
  description = "Memorystore for Valkey: shards, replicas of each, and what a node is."
  type = object({
    shards    = optional(number, 1)
    replicas  = optional(number, 1)
    node_type = optional(string, "STANDARD_SMALL")
  })
  default  = {}
  nullable = false
  validation {
    condition     = var.redis.shards >= 1 && var.redis.shards <= 250 && var.redis.replicas >= 1 && var.redis.replicas <= 5
    error_message = "redis: want 1 to 250 shards, and 1 to 5 replicas: without one, a lost node loses its mailboxes."
  }
  validation {
    condition     = contains(["SHARED_CORE_NANO", "STANDARD_SMALL", "HIGHMEM_MEDIUM", "HIGHMEM_XLARGE"], var.redis.node_type)
    error_message = "redis.node_type: want SHARED_CORE_NANO (to try it out), STANDARD_SMALL, HIGHMEM_MEDIUM or HIGHMEM_XLARGE."
  }
}

variable "settings" {
  description = "Settings of functions/signal, see modules/settings, within the limits of Cloud Run: 3,600 s a request, 10 s after SIGTERM."
  type = object({
    drain_seconds              = optional(number, 8)
    max_connection_age_seconds = optional(number, 3300)
    ping_seconds               = optional(number, 25)
    max_connections            = optional(number, 0) # Cloud Run counts them
    allowed_origins            = optional(list(string), ["*"])
    trusted_proxies            = optional(list(string), ["169.254.0.0/16"]) # the platform's proxy
    extra                      = optional(map(string), {})
  })
  default  = {}
  nullable = false
  validation {
    condition     = var.settings.drain_seconds <= 9
    error_message = "settings.drain_seconds: want at most 9, SIGKILL comes 10 s after SIGTERM."
  }
  validation {
    condition     = var.settings.max_connection_age_seconds > 0 && var.settings.max_connection_age_seconds <= 3540
    error_message = "settings.max_connection_age_seconds: want 60 to 3540, Cloud Run cuts every request after 3600 s."
  }
  validation {
    condition     = !contains(keys(var.settings.extra), "SSL_CERT_DIR") && !contains(keys(var.settings.extra), "HTTP_PORT")
    error_message = "settings.extra: SSL_CERT_DIR and HTTP_PORT are set here."
  }
}

variable "turn" {
  description = "ICE servers elsewhere, or null. Cloud Run carries no UDP, so coturn cannot run here. secret is the id of a Secret Manager secret that functions/signal signs with."
  type = object({
    urls        = list(string)
    stun_urls   = optional(list(string), [])
    ttl_seconds = optional(number, 3600)
    secret      = string
  })
  default = null
  validation {
    condition     = can(regex("^projects/[^/]+/secrets/[A-Za-z0-9_-]+$", try(var.turn.secret, "projects/p/secrets/s")))
    error_message = "turn.secret: want a reference, projects/<project>/secrets/<name>, not a secret."
  }
}

variable "public" {
  description = "Whether anyone may connect; false: only callers with run.invoker, or a load balancer."
  type        = bool
  default     = true
}
