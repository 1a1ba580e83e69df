# The mailboxes: TLS only, a user with just the rights Rejoin needs, no eviction, replicas in other zones.

locals {
  redis_port = 6379
  cluster    = var.redis.shards > 1 || var.redis.durability != "disabled"

  # The rights that SECURITY.md lists and a test of the server proves, in the order of an access string. ElastiCache takes no reset and no
  # password in it.
  redis_rights = flatten([
    for line in regexall("\nACL SETUSER rejoin ([^\n]+)", file("${path.module}/../../SECURITY.md")) : split(" ", line[0])
  ])
  redis_access = join(" ", concat(
    ["on"],
    [for word in local.redis_rights : word if startswith(word, "~")],
    [for word in local.redis_rights : word if startswith(word, "&")],
    ["-@all"],
    [for word in local.redis_rights : word if startswith(word, "+")],
  ))

  redis_host = local.cluster ? aws_elasticache_replication_group.this.configuration_endpoint_address : aws_elasticache_replication_group.this.primary_endpoint_address

  # As ElastiCache numbers them, for the alarms.
  redis_nodes = local.cluster ? flatten([
    for s in range(var.redis.shards) : [for n in range(1 + var.redis.replicas) : format("%s-%04d-%03d", var.name, s + 1, n + 1)]
  ]) : [for n in range(1 + var.redis.replicas) : format("%s-%03d", var.name, n + 1)]
}

resource "aws_elasticache_parameter_group" "this" {
  name        = "${var.name}-${local.cluster ? "cluster" : "server"}-${replace(var.redis.version, "/\\..*/", "")}"
  family      = "valkey${replace(var.redis.version, "/\\..*/", "")}"
  description = "Rejoin: nothing is evicted"
  tags        = var.tags

  dynamic "parameter" {
    for_each = {
      maxmemory-policy      = "noeviction"
      stream-node-max-bytes = "1024" # a mailbox is a small stream
      cluster-enabled       = local.cluster ? "yes" : "no"
    }
    content {
      name  = parameter.key
      value = parameter.value
    }
  }
  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_elasticache_subnet_group" "this" {
  name       = var.name
  subnet_ids = aws_subnet.redis[*].id
  tags       = var.tags
}

resource "aws_elasticache_user" "signal" {
  user_id              = "${var.name}-signal"
  user_name            = "rejoin"
  engine               = "valkey"
  access_string        = local.redis_access
  passwords_wo         = var.redis_password
  passwords_wo_version = var.redis_password_version
  tags                 = var.tags
}

# Clients that give no user name become this user, which may do nothing.
resource "aws_elasticache_user" "default" {
  user_id              = "${var.name}-default"
  user_name            = "default"
  engine               = "valkey"
  access_string        = "off -@all"
  passwords_wo         = var.redis_password
  passwords_wo_version = var.redis_password_version
  tags                 = var.tags
}

resource "aws_elasticache_user_group" "this" {
  user_group_id = var.name
  engine        = "valkey"
  user_ids      = [aws_elasticache_user.default.user_id, aws_elasticache_user.signal.user_id]
  tags          = var.tags
}

resource "aws_elasticache_replication_group" "this" {
  replication_group_id       = var.name
  description                = "Rejoin: mailboxes"
  engine                     = "valkey"
  engine_version             = var.redis.version
  node_type                  = var.redis.node_type
  port                       = local.redis_port
  parameter_group_name       = aws_elasticache_parameter_group.this.name
  subnet_group_name          = aws_elasticache_subnet_group.this.name
  security_group_ids         = [aws_security_group.redis.id]
  user_group_ids             = [aws_elasticache_user_group.this.user_group_id]
  num_node_groups            = var.redis.shards
  replicas_per_node_group    = var.redis.replicas
  automatic_failover_enabled = true
  multi_az_enabled           = true
  transit_encryption_enabled = true
  transit_encryption_mode    = "required"
  at_rest_encryption_enabled = "true"
  durability                 = var.redis.durability == "disabled" ? null : var.redis.durability
  snapshot_retention_limit   = 1
  apply_immediately          = true
  tags                       = var.tags

  lifecycle {
    prevent_destroy = true
  }
}
