# What a month costs: unit prices times measured units. It creates nothing.

locals {
  prices = jsondecode(file("${path.module}/prices.json"))
  units  = jsondecode(file("${path.module}/units.json"))

  measured = { for name, unit in local.units.measured : name => unit.value }
  assumed  = { for name, unit in local.units.assumed : name => unit.value }

  hours   = local.prices.hours_a_month
  seconds = 3600 * local.hours
  google  = local.prices.google
  azure   = local.prices.azure
  aws     = local.prices.aws

  # Of one client.
  messages_a_second = local.assumed.messages_a_client_hour / 3600
  cpu_us_a_second   = local.measured.connection_us_a_second + local.messages_a_second * local.measured.message_us
  egress_mb = (
    local.seconds / local.assumed.ping_seconds * local.assumed.frame_bytes +
    local.seconds * local.messages_a_second * (local.assumed.message_bytes + local.assumed.frame_bytes)
  ) / 1e6

  # Of all: Redis is one core, however many it has.
  redis_mb    = [for n in var.clients : local.measured.redis_mb + n * (local.measured.redis_client_kb + local.assumed.waiting_kb_a_client) / 1000]
  redis_cores = [for n in var.clients : n * (local.measured.redis_client_us_a_second + local.messages_a_second * local.measured.redis_message_us) / 1e6]
  egress_gb   = [for n in var.clients : n * local.egress_mb / 1000]

  # Shards of a size: what has to fit into each, and be computed by each. Some nodes compute less than a core for long.
  redis_nodes = merge(local.google.redis, local.azure.redis, local.aws.redis)
  shards = { for name, node in local.redis_nodes : name => [
    for i, _ in var.clients : max(
      ceil(local.redis_mb[i] / 1000 / node.gb / local.assumed.busy),
      ceil(local.redis_cores[i] / min(1, try(node.vcpu, 1)) / local.assumed.busy),
    )
  ] }
}
