variable "name" {
  description = "Prefix of every name."
  type        = string
  default     = "rejoin"
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,18}[a-z0-9]$", var.name)) && !strcontains(var.name, "--")
    error_message = "name: want 3 to 20 lower case letters, digits and single hyphens."
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

variable "architecture" {
  description = "What the image is built for: X86_64, or ARM64, which is a fifth cheaper."
  type        = string
  default     = "X86_64"
  validation {
    condition     = contains(["X86_64", "ARM64"], var.architecture)
    error_message = "architecture: want X86_64 or ARM64."
  }
}

variable "repository_arn" {
  description = "ECR repository that holds the image, to be read by the tasks' execution role; null: the image is public."
  type        = string
  default     = null
  validation {
    condition     = can(regex("^arn:aws[a-z-]*:ecr:[a-z0-9-]+:[0-9]{12}:repository/.+$", coalesce(var.repository_arn, "arn:aws:ecr:r:000000000000:repository/r")))
    error_message = "repository_arn: want arn:aws:ecr:<region>:<account>:repository/<name>."
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

variable "certificate_arn" {
  description = "Certificate of ACM for host, in this region."
  type        = string
  validation {
    condition     = can(regex("^arn:aws[a-z-]*:acm:[a-z0-9-]+:[0-9]{12}:certificate/[a-z0-9-]+$", var.certificate_arn))
    error_message = "certificate_arn: want arn:aws:acm:<region>:<account>:certificate/<id>."
  }
}

variable "zone_id" {
  description = "Public Route 53 zone in which to create records for host and coturn.tls.host; null: create them elsewhere, see the outputs."
  type        = string
  default     = null
  validation {
    condition     = can(regex("^Z[A-Z0-9]+$", coalesce(var.zone_id, "Z0")))
    error_message = "zone_id: want the id of a hosted zone, like Z0123456789ABCDEFGHIJ."
  }
}

variable "network" {
  description = "The new network: its range, a /16 to /22; how many zones; and NAT gateways, through which tasks pull images: one, or one per zone."
  type = object({
    cidr         = optional(string, "10.80.0.0/16")
    zones        = optional(number, 2)
    nat_gateways = optional(number, 1)
  })
  default  = {}
  nullable = false
  validation {
    condition     = can(cidrhost(var.network.cidr, 0)) && try(tonumber(split("/", var.network.cidr)[1]) >= 16 && tonumber(split("/", var.network.cidr)[1]) <= 22, false)
    error_message = "network.cidr: want a network like 10.80.0.0/16, a /16 to /22."
  }
  validation {
    condition     = contains([2, 3], var.network.zones)
    error_message = "network.zones: want 2 or 3."
  }
  validation {
    condition     = contains([1, var.network.zones], var.network.nat_gateways)
    error_message = "network.nat_gateways: want 1, or as many as zones."
  }
}

variable "tasks" {
  description = <<-EOT
    Fewest and most tasks, and what makes more of them: connections of one, counted at the balancer, or CPU or memory, percent.
    cpu (1024 is a vCPU) and memory (MiB) are what Fargate gives each: 15 MB, and 6 KB a connection, are needed.
  EOT
  type = object({
    min            = optional(number, 2)
    max            = optional(number, 20)
    connections    = optional(number, 10000)
    cpu_percent    = optional(number, 60)
    memory_percent = optional(number, 70)
    cpu            = optional(number, 256)
    memory         = optional(number, 512)
  })
  default  = {}
  nullable = false
  validation {
    condition     = var.tasks.min >= 2 && var.tasks.max >= var.tasks.min && var.tasks.max <= 1000
    error_message = "tasks: want min of 2 or more (with one, losing it is an outage), and max from min to 1000."
  }
  validation {
    condition     = var.tasks.connections >= 100 && min(var.tasks.cpu_percent, var.tasks.memory_percent) >= 10 && max(var.tasks.cpu_percent, var.tasks.memory_percent) <= 90
    error_message = "tasks: want connections of 100 or more, and cpu_percent and memory_percent from 10 to 90."
  }
  validation {
    condition = contains(lookup({
      256  = [512, 1024, 2048]
      512  = [1024, 2048, 3072, 4096]
      1024 = [2048, 3072, 4096, 5120, 6144, 7168, 8192]
      2048 = [for g in range(4, 17) : 1024 * g]
      4096 = [for g in range(8, 31) : 1024 * g]
    }, var.tasks.cpu, []), var.tasks.memory)
    error_message = "tasks: want cpu and memory that Fargate has together, like 256 and 512, 512 and 1024, 1024 and 2048."
  }
}

variable "redis" {
  description = <<-EOT
    ElastiCache for Valkey, node-based: serverless has volatile-lru only, and would evict mailboxes. replicas of each shard; more than
    one shard is a cluster. durability async or sync writes to a log in several zones, which needs version 9.0, a node of a family
    other than t, and makes a cluster; disabled: the replicas are all there is.
  EOT
  type = object({
    node_type  = optional(string, "cache.t4g.small")
    version    = optional(string, "8.1")
    shards     = optional(number, 1)
    replicas   = optional(number, 1)
    durability = optional(string, "disabled")
  })
  default  = {}
  nullable = false
  validation {
    condition     = can(regex("^cache\\.[a-z0-9]+\\.[a-z0-9]+$", var.redis.node_type))
    error_message = "redis.node_type: want a node like cache.t4g.small or cache.r7g.large."
  }
  validation {
    condition     = can(regex("^(8|9)\\.[0-9]+$", var.redis.version))
    error_message = "redis.version: want a version of Valkey, 8.0 or newer, like 8.1."
  }
  validation {
    condition     = var.redis.shards >= 1 && var.redis.shards <= 90 && var.redis.replicas >= 1 && var.redis.replicas <= 5
    error_message = "redis: want 1 to 90 shards, and 1 to 5 replicas: without one, a lost node loses its mailboxes."
  }
  validation {
    condition     = contains(["disabled", "async", "sync"], var.redis.durability)
    error_message = "redis.durability: want disabled, async or sync."
  }
  validation {
    condition     = var.redis.durability == "disabled" || (startswith(var.redis.version, "9.") && !can(regex("^cache\\.t", var.redis.node_type)))
    error_message = "redis.durability: async and sync need version 9.0 or newer, and a node of a family other than t, like cache.r7g.large."
  }
}

variable "redis_password" {
  description = <<-EOT
    Password of Redis' user, 16 to 128 letters, digits and signs. It is ephemeral: neither state nor plan holds it. Read it from
    Secrets Manager with an ephemeral resource, as the example does.
  EOT
  type        = string
  ephemeral   = true
  sensitive   = true
  validation {
    condition     = can(regex("^[!-~]{16,128}$", var.redis_password)) && !can(regex("[,\"/@]", var.redis_password))
    error_message = "redis_password: want 16 to 128 characters without blanks and none of , \" / @, which ElastiCache refuses."
  }
}

variable "redis_password_version" {
  description = "Raise it after changing the password: then the Redis user and the URL are updated, and tasks are replaced."
  type        = number
  default     = 1
  validation {
    condition     = var.redis_password_version >= 1 && floor(var.redis_password_version) == var.redis_password_version
    error_message = "redis_password_version: want a whole number, 1 or more."
  }
}

variable "settings" {
  description = "Settings of functions/signal, see modules/settings. Fargate gives 120 s after SIGTERM."
  type = object({
    drain_seconds              = optional(number, 110)
    max_connection_age_seconds = optional(number, 3600) # so that new tasks get their share
    ping_seconds               = optional(number, 25)
    max_connections            = optional(number, 20000)
    allowed_origins            = optional(list(string), ["*"])
    trusted_proxies            = optional(list(string), []) # besides the balancer's subnets
    extra                      = optional(map(string), {})
  })
  default  = {}
  nullable = false
  validation {
    condition     = var.settings.drain_seconds <= 115
    error_message = "settings.drain_seconds: want at most 115, SIGKILL comes 120 s after SIGTERM."
  }
  validation {
    condition     = var.settings.max_connections > var.tasks.connections
    error_message = "settings.max_connections: want more than tasks.connections, or tasks refuse clients before another one starts."
  }
  validation {
    condition     = 2 * var.settings.ping_seconds < var.idle_seconds
    error_message = "settings.ping_seconds: want less than half of idle_seconds, or the balancer cuts silent connections."
  }
  validation {
    condition     = !contains(keys(var.settings.extra), "SSL_CERT_DIR")
    error_message = "settings.extra: SSL_CERT_DIR is not needed, ElastiCache's certificates are of a public authority."
  }
}

variable "idle_seconds" {
  description = "Seconds of silence after which the balancer cuts a connection."
  type        = number
  default     = 120
  validation {
    condition     = var.idle_seconds >= 10 && var.idle_seconds <= 4000
    error_message = "idle_seconds: want 10 to 4000, what an Application Load Balancer takes."
  }
}

variable "deregistration_seconds" {
  description = "How long the balancer keeps the connections of a stopping task; more than the 120 s of a drain. With at least settings.max_connection_age_seconds, every client is asked to move first."
  type        = number
  default     = 150
  validation {
    condition     = var.deregistration_seconds > 120 && var.deregistration_seconds <= 3600
    error_message = "deregistration_seconds: want more than the 120 s that a task has to drain, at most 3600."
  }
}

variable "turn" {
  description = "ICE servers elsewhere, or null. secret_arn: of a secret in Secrets Manager that functions/signal signs with. coturn here: see coturn."
  type = object({
    urls        = list(string)
    stun_urls   = optional(list(string), [])
    ttl_seconds = optional(number, 3600)
    secret_arn  = string
  })
  default = null
  validation {
    condition     = var.turn == null || var.coturn == null
    error_message = "turn: want either this or coturn."
  }
  validation {
    condition     = can(regex("^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:.+$", try(var.turn.secret_arn, "arn:aws:secretsmanager:r:000000000000:secret:s")))
    error_message = "turn.secret_arn: want a reference, arn:aws:secretsmanager:<region>:<account>:secret:<name>, not a secret."
  }
}

variable "coturn" {
  description = <<-EOT
    coturn on an instance of EC2 with an elastic address, or null. secret_arn: of a secret in Secrets Manager with its
    static-auth-secret. wallet_secret_arn: of another one, with which wallets' profiles are signed; coturn alone reads it. tls: TURN over TLS at port 443 of a Network Load Balancer, for networks that let nothing else through.
  EOT
  type = object({
    secret_arn        = string
    wallet_secret_arn = optional(string)
    instance_type     = optional(string, "t4g.small")
    ttl_seconds       = optional(number, 3600)
    tls               = optional(object({ host = string, certificate_arn = string }))
  })
  default = null
  validation {
    condition     = alltrue([for arn in [try(var.coturn.secret_arn, null), try(var.coturn.wallet_secret_arn, null)] : arn == null || can(regex("^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:.+$", coalesce(arn, "-")))])
    error_message = "coturn.secret_arn, coturn.wallet_secret_arn: want a reference, arn:aws:secretsmanager:<region>:<account>:secret:<name>, not a secret."
  }
  validation {
    condition     = can(regex("^[a-z][0-9]+g[a-z]*\\.[a-z0-9]+$", try(var.coturn.instance_type, "t4g.small")))
    error_message = "coturn.instance_type: want an instance with Graviton, like t4g.small or c7gn.medium."
  }
  validation {
    condition = (
      can(regex("^[a-z0-9-]+(\\.[a-z0-9-]+)+$", try(var.coturn.tls.host, "a.b"))) &&
      can(regex("^arn:aws[a-z-]*:acm:[a-z0-9-]+:[0-9]{12}:certificate/[a-z0-9-]+$", try(var.coturn.tls.certificate_arn, "arn:aws:acm:r:000000000000:certificate/c")))
    )
    error_message = "coturn.tls: want host, like turn.example.com, and certificate_arn, arn:aws:acm:<region>:<account>:certificate/<id>."
  }
}

variable "alarm_actions" {
  description = "SNS topics to notify when an alarm starts and ends."
  type        = list(string)
  default     = []
  nullable    = false
  validation {
    condition     = alltrue([for a in var.alarm_actions : can(regex("^arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:.+$", a))])
    error_message = "alarm_actions: want topics, arn:aws:sns:<region>:<account>:<name>."
  }
}

variable "metrics_from" {
  description = "Security groups that may read /metrics at port 4001 of the tasks, such as Prometheus'."
  type        = list(string)
  default     = []
  nullable    = false
  validation {
    condition     = alltrue([for g in var.metrics_from : can(regex("^sg-[0-9a-f]+$", g))])
    error_message = "metrics_from: want security groups, sg-…"
  }
}

variable "log_days" {
  description = "How long logs are kept."
  type        = number
  default     = 30
  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1827, 3653], var.log_days)
    error_message = "log_days: want a number of days that CloudWatch has, like 7, 30 or 365."
  }
}

variable "tags" {
  description = "Tags of everything."
  type        = map(string)
  default     = {}
  nullable    = false
  validation {
    condition     = length(var.tags) <= 49
    error_message = "tags: want at most 49, AWS takes 50 and Name is one."
  }
}
