variable "resource_group_name" {
  description = "Resource group that exists already."
  type        = string
  validation {
    condition     = can(regex("^[A-Za-z0-9_.()-]{1,90}$", var.resource_group_name)) && !endswith(var.resource_group_name, ".")
    error_message = "resource_group_name: want a resource group's name, not its id."
  }
}

variable "location" {
  description = "Region, for example westeurope."
  type        = string
  validation {
    condition     = can(regex("^[a-z0-9]+$", var.location))
    error_message = "location: want a region's short name, like westeurope."
  }
}

variable "name" {
  description = "First part of every name. That of the key vault and of Redis is unique in all of Azure."
  type        = string
  default     = "rejoin"
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,18}[a-z0-9]$", var.name))
    error_message = "name: want 3 to 20 lower case letters, digits and hyphens."
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

variable "registry_id" {
  description = "Azure Container Registry that holds the image, to be read with the app's identity; null: the image is public."
  type        = string
  default     = null
  validation {
    condition     = can(regex("^/subscriptions/.+/providers/Microsoft\\.ContainerRegistry/registries/[A-Za-z0-9]+$", coalesce(var.registry_id, "/subscriptions/s/providers/Microsoft.ContainerRegistry/registries/r")))
    error_message = "registry_id: want the id of a registry, /subscriptions/…/registries/<name>."
  }
}

variable "network" {
  description = "Address space: the apps' subnet has at least a /27, Redis' private endpoint a small one."
  type = object({
    space = optional(string, "10.40.0.0/22")
    apps  = optional(string, "10.40.0.0/23")
    redis = optional(string, "10.40.2.0/28")
  })
  default  = {}
  nullable = false
  validation {
    condition     = alltrue([for n in values(var.network) : can(cidrhost(n, 0))])
    error_message = "network: want networks like 10.40.0.0/22."
  }
  validation {
    condition     = try(tonumber(split("/", var.network.apps)[1]) <= 27, false)
    error_message = "network.apps: want a /27 or more, Container Apps need it."
  }
}

variable "connections" {
  description = "Clients connected at the same time, as planned: there are always instances for so many, each filled to three quarters of settings.max_connections."
  type        = number
  default     = 10000
  validation {
    condition     = var.connections >= 1 && ceil(var.connections / 0.75 / max(var.settings.max_connections, 1)) <= var.replicas.max
    error_message = "connections: want 1 or more, and no more than replicas.max instances take."
  }
}

variable "replicas" {
  description = "Fewest and most instances, and what makes more of them than connections asks for: CPU and memory, percent."
  type = object({
    min            = optional(number, 2)
    max            = optional(number, 10)
    cpu_percent    = optional(number, 60)
    memory_percent = optional(number, 70)
  })
  default  = {}
  nullable = false
  validation {
    condition     = var.replicas.min >= 2 && var.replicas.max >= var.replicas.min && var.replicas.max <= 1000
    error_message = "replicas: want min of 2 or more (with none no client can stay connected) and max up to 1000."
  }
  validation {
    condition     = alltrue([for p in [var.replicas.cpu_percent, var.replicas.memory_percent] : p >= 10 && p <= 90])
    error_message = "replicas: want percentages from 10 to 90."
  }
}

variable "cpu" {
  description = "CPUs of an instance; its memory is twice as many GiB, as Container Apps want it."
  type        = number
  default     = 0.5
  validation {
    condition     = contains([0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75, 2, 4], var.cpu)
    error_message = "cpu: want 0.25 to 2 in steps of 0.25, or 4."
  }
}

variable "redis_sku" {
  description = "Azure Managed Redis: Balanced_B1 has 1 GB. Up to 24 GB, for a database that is not clustered."
  type        = string
  default     = "Balanced_B1"
  validation {
    condition     = can(regex("^(Balanced_B(0|1|3|5|10|20)|MemoryOptimized_M(10|20)|ComputeOptimized_X(3|5|10|20))$", var.redis_sku))
    error_message = "redis_sku: want Balanced_B0 to B20, MemoryOptimized_M10 or M20, ComputeOptimized_X3 to X20."
  }
}

variable "settings" {
  description = "Settings of functions/signal, see modules/settings, within the limits of Container Apps: 30 s after SIGTERM, 240 s of silence."
  type = object({
    drain_seconds              = optional(number, 20)
    max_connection_age_seconds = optional(number, 3600) # so that new instances get their share
    ping_seconds               = optional(number, 25)
    max_connections            = optional(number, 10000)
    allowed_origins            = optional(list(string), ["*"])
    trusted_proxies            = optional(list(string), ["100.100.0.0/17"]) # the platform's proxies; those in network.apps are added
    extra                      = optional(map(string), {})
  })
  default  = {}
  nullable = false
  validation {
    condition     = var.settings.drain_seconds <= 25
    error_message = "settings.drain_seconds: want at most 25, SIGKILL comes 30 s after SIGTERM."
  }
  validation {
    condition     = 2 * var.settings.ping_seconds < 240
    error_message = "settings.ping_seconds: want less than 120, Container Apps cut a connection after 240 s of silence."
  }
  validation {
    condition     = var.settings.max_connections >= 1000
    error_message = "settings.max_connections: want 1000 or more, instances are counted by it."
  }
  validation {
    condition     = var.settings.max_connection_age_seconds > 0
    error_message = "settings.max_connection_age_seconds: want more than 0, or new instances stay empty."
  }
}

variable "turn" {
  description = "ICE servers elsewhere, or null. Container Apps carry no UDP, so coturn cannot run here. secret_id is the versionless id of a key vault's secret that functions/signal signs with."
  type = object({
    urls        = list(string)
    stun_urls   = optional(list(string), [])
    ttl_seconds = optional(number, 3600)
    secret_id   = string
    vault_id    = string
  })
  default = null
  validation {
    condition     = can(regex("^https://[a-z0-9-]+\\.vault\\.azure\\.net/secrets/[A-Za-z0-9-]+$", try(var.turn.secret_id, "https://v.vault.azure.net/secrets/s")))
    error_message = "turn.secret_id: want a reference, https://<vault>.vault.azure.net/secrets/<name>, not a secret."
  }
  validation {
    condition     = can(regex("^/subscriptions/.+/providers/Microsoft\\.KeyVault/vaults/[A-Za-z0-9-]+$", try(var.turn.vault_id, "/subscriptions/s/providers/Microsoft.KeyVault/vaults/v")))
    error_message = "turn.vault_id: want the id of that vault, /subscriptions/…/vaults/<name>."
  }
}

variable "tags" {
  description = "Tags of everything."
  type        = map(string)
  default     = {}
  nullable    = false
  validation {
    condition     = length(var.tags) <= 50
    error_message = "tags: want at most 50, Azure takes no more."
  }
}

variable "redis_key_version" {
  description = "Raise it after the key of Redis was changed: the URL is then written anew."
  type        = number
  default     = 1
  validation {
    condition     = var.redis_key_version >= 1
    error_message = "redis_key_version: want 1 or more."
  }
}
