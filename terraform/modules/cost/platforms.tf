# The bill of each root, line by line: what, how it is counted, and the sum for each number of clients, a month.

locals {
  # Clients per instance before another one is added. Two instances at least.
  instance = {
    google-cloud-run     = { clients = 600, vcpu = 1, gib = 0.5 }
    azure-container-apps = { clients = 7500, vcpu = 0.5, gib = 1 }
    aws-ecs              = { clients = 10000, vcpu = 0.25, gib = 0.5 }
    kubernetes           = { clients = 10000, vcpu = 0.25, gib = 0.25 }
  }
  instances = { for name, i in local.instance : name => [for n in var.clients : max(2, ceil(n / i.clients))] }

  run_month  = local.seconds * (local.google.cloud_run_vcpu_second.usd * local.instance.google-cloud-run.vcpu + local.google.cloud_run_gib_second.usd * local.instance.google-cloud-run.gib)
  apps_month = local.seconds * (local.azure.container_apps_vcpu_second.usd * local.instance.azure-container-apps.vcpu + local.azure.container_apps_gib_second.usd * local.instance.azure-container-apps.gib)

  fargate_hour = local.aws.fargate_vcpu_hour.usd * local.instance.aws-ecs.vcpu + local.aws.fargate_gb_hour.usd * local.instance.aws-ecs.gib
  # A small node of ElastiCache while one is enough, then larger ones.
  aws_node  = [for i, _ in var.clients : local.shards["cache.t4g.small"][i] == 1 ? "cache.t4g.small" : "cache.m7g.large"]
  aws_redis = [for i, name in local.aws_node : local.shards[name][i] * 2 * local.aws.redis[name].usd_hour * local.hours]
  # What the balancer bills: connections or bytes, whichever is more.
  aws_units = [for i, n in var.clients : max(n / 3000, local.egress_gb[i] / local.hours)]

  node_name = "e2-standard-2"
  node      = local.google.machines[local.node_name]
  # Pods of instances, and one of Valkey with 0.25 vCPU and 1.5 GiB.
  nodes = [for n in local.instances.kubernetes : max(2,
    ceil((n + 1) * local.instance.kubernetes.vcpu / local.node.vcpu / local.assumed.busy),
    ceil((n * local.instance.kubernetes.gib + 1.5) / local.node.gib / local.assumed.busy),
  )]

  # One machine's balancer has 131,072 open files, two a client.
  machine_clients = 50000
  machines        = [for n in var.clients : ceil(n / local.machine_clients)]

  bills = {
    google-cloud-run = [
      {
        what = "${local.counted["google-cloud-run"]} instances"
        how  = "clients ÷ ${local.instance.google-cloud-run.clients} (60 % of 1,000), 2 at least; each ${format("%.2f", local.run_month)}: 1 vCPU × ${local.google.cloud_run_vcpu_second.usd * 1e6} and 0.5 GiB × ${local.google.cloud_run_gib_second.usd * 1e6} for a million seconds"
        usd  = [for n in local.instances.google-cloud-run : n * local.run_month]
      },
      {
        what = "${join("; ", local.shards.STANDARD_SMALL)} shards of Redis"
        how  = "a primary and a replica each, 2 × ${local.google.redis.STANDARD_SMALL.usd_hour} an hour"
        usd  = [for n in local.shards.STANDARD_SMALL : 2 * n * local.google.redis.STANDARD_SMALL.usd_hour * local.hours]
      },
      {
        what = "egress"
        how  = "${format("%.0f", local.egress_mb)} MB a client × ${local.google.egress_gib.usd} a GB"
        usd  = [for gb in local.egress_gb : gb * local.google.egress_gib.usd]
      },
    ]

    azure-container-apps = [
      {
        what = "${local.counted["azure-container-apps"]} instances"
        how  = "clients ÷ 7,500 (75 % of 10,000), 2 at least; each ${format("%.2f", local.apps_month)}: 0.5 vCPU × ${local.azure.container_apps_vcpu_second.usd * 1e6} and 1 GiB × ${local.azure.container_apps_gib_second.usd * 1e6} for a million seconds"
        usd  = [for n in local.instances.azure-container-apps : n * local.apps_month]
      },
      {
        what = "Redis, Balanced_B1"
        how  = "two nodes × ${local.azure.redis.Balanced_B1.usd_hour} an hour; a private endpoint, ${local.azure.private_endpoint_hour.usd}"
        usd  = [for n in local.shards.Balanced_B1 : n * (2 * local.azure.redis.Balanced_B1.usd_hour + local.azure.private_endpoint_hour.usd) * local.hours]
      },
      {
        what = "egress"
        how  = "${format("%.0f", local.egress_mb)} MB a client × ${local.azure.egress_gb.usd} a GB"
        usd  = [for gb in local.egress_gb : gb * local.azure.egress_gb.usd]
      },
    ]

    aws-ecs = [
      {
        what = "${local.counted["aws-ecs"]} tasks"
        how  = "clients ÷ 10,000, 2 at least; each ${format("%.2f", local.fargate_hour * local.hours)}: 0.25 vCPU × ${local.aws.fargate_vcpu_hour.usd} and 0.5 GB × ${local.aws.fargate_gb_hour.usd} an hour"
        usd  = [for n in local.instances.aws-ecs : n * local.fargate_hour * local.hours]
      },
      {
        what = "${join("; ", [for i, name in local.aws_node : "${local.shards[name][i]} × ${name}"])}"
        how  = "Redis: a primary and a replica each, ${join("; ", [for name in local.aws_node : local.aws.redis[name].usd_hour])} an hour"
        usd  = local.aws_redis
      },
      {
        what = "balancer"
        how  = "${local.aws.balancer_hour.usd} an hour, and ${local.aws.balancer_unit_hour.usd} for 3,000 connections"
        usd  = [for units in local.aws_units : (local.aws.balancer_hour.usd + units * local.aws.balancer_unit_hour.usd) * local.hours]
      },
      {
        what = "NAT, addresses"
        how  = "a gateway ${local.aws.nat_hour.usd} an hour, three public addresses ${local.aws.address_hour.usd} each"
        usd  = [for _ in var.clients : (local.aws.nat_hour.usd + 3 * local.aws.address_hour.usd) * local.hours]
      },
      {
        what = "egress"
        how  = "${format("%.0f", local.egress_mb)} MB a client × ${local.aws.egress_gb.usd} a GB"
        usd  = [for gb in local.egress_gb : gb * local.aws.egress_gb.usd]
      },
    ]

    kubernetes = [
      {
        what = "${join("; ", local.nodes)} nodes"
        how  = "${local.counted["kubernetes"]} instances of 0.25 vCPU, clients ÷ 10,000, 2 at least, and Valkey, on ${local.node_name} filled to ${format("%.0f", local.assumed.busy * 100)} %, × ${local.node.usd_hour} an hour"
        usd  = [for n in local.nodes : n * local.node.usd_hour * local.hours]
      },
      {
        what = "the cluster"
        how  = "${local.google.cluster_hour.usd} an hour, and 8 GiB of disk"
        usd  = [for n in var.clients : local.google.cluster_hour.usd * local.hours + 8 * local.google.disk_gib_month.usd]
      },
      {
        what = "load balancer"
        how  = "${local.google.load_balancer_hour.usd} an hour and ${local.google.load_balancer_gib.usd} a GB"
        usd  = [for gb in local.egress_gb : local.google.load_balancer_hour.usd * local.hours + gb * local.google.load_balancer_gib.usd]
      },
      {
        what = "egress"
        how  = "${format("%.0f", local.egress_mb)} MB a client × ${local.google.egress_gib.usd} a GB"
        usd  = [for gb in local.egress_gb : gb * local.google.egress_gib.usd]
      },
    ]

    docker-host = [
      {
        what = "${join("; ", local.machines)} machines"
        how  = "clients ÷ ${format("%d,%03d", floor(local.machine_clients / 1000), local.machine_clients % 1000)}, ${local.node_name} × ${local.node.usd_hour} an hour"
        usd  = [for n in local.machines : n * local.node.usd_hour * local.hours]
      },
      {
        what = "disk"
        how  = "30 GiB a machine × ${local.google.disk_gib_month.usd}"
        usd  = [for n in local.machines : n * 30 * local.google.disk_gib_month.usd]
      },
      {
        what = "egress"
        how  = "${format("%.0f", local.egress_mb)} MB a client × ${local.google.egress_gib.usd} a GB"
        usd  = [for gb in local.egress_gb : gb * local.google.egress_gib.usd]
      },
    ]
  }
  counted = { for name, list in local.instances : name => join("; ", list) }

  totals = { for name, bill in local.bills : name => [for i, _ in var.clients : sum([for line in bill : line.usd[i]])] }
}
