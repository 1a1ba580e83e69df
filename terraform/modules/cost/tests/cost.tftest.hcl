run "adds_up" {
  command = plan

  assert {
    condition     = toset(keys(output.totals)) == toset(["google-cloud-run", "azure-container-apps", "aws-ecs", "kubernetes", "docker-host"])
    error_message = "every root has a bill"
  }
  assert {
    condition     = alltrue([for name, totals in output.totals : alltrue([for i, t in totals : abs(t - sum([for line in local.bills[name] : line.usd[i]])) < 0.01])])
    error_message = "a total is the sum of its lines"
  }
  assert {
    condition     = alltrue([for totals in values(output.totals) : totals[0] < totals[1] && totals[0] / 1000 > totals[1] / 100000])
    error_message = "more clients cost more, and each of them less"
  }
}

# Counted again, another way: 1,000 clients on Cloud Run are 2 instances, a shard with a replica, and egress.
run "counts_as_written" {
  command = plan
  variables { clients = [1000] }

  assert {
    condition     = abs(local.run_month - 2628000 * (local.google.cloud_run_vcpu_second.usd + 0.5 * local.google.cloud_run_gib_second.usd)) < 0.001
    error_message = "1 vCPU and half a GiB for 730 hours"
  }
  assert {
    condition     = abs(local.egress_mb - (105120 * 128 + 14600 * 1328) / 1e6) < 0.001
    error_message = "a ping every 25 s and 20 messages an hour"
  }
  assert {
    condition     = abs(output.totals["google-cloud-run"][0] - (2 * local.run_month + 2 * local.google.redis.STANDARD_SMALL.usd_hour * 730 + 32.844 * local.google.egress_gib.usd)) < 0.01
    error_message = "got ${output.totals["google-cloud-run"][0]}"
  }
}

# 100,000 clients on AWS: 10 tasks, 34 capacity units of the balancer, a primary that computes more than a small node can for long.
run "counts_aws_as_written" {
  command = plan
  variables { clients = [1000, 100000] }

  assert {
    condition     = local.aws_node == ["cache.t4g.small", "cache.m7g.large"] && local.redis_cores[1] > 0.6 * local.aws.redis["cache.t4g.small"].vcpu
    error_message = "got ${join(", ", local.aws_node)}"
  }
  assert {
    condition     = abs(output.totals["aws-ecs"][1] - 730 * (10 * (0.25 * local.aws.fargate_vcpu_hour.usd + 0.5 * local.aws.fargate_gb_hour.usd) + 2 * local.aws.redis["cache.m7g.large"].usd_hour + local.aws.balancer_hour.usd + 100 / 3 * local.aws.balancer_unit_hour.usd + local.aws.nat_hour.usd + 3 * local.aws.address_hour.usd) - 3284.4 * local.aws.egress_gb.usd) < 0.01
    error_message = "got ${output.totals["aws-ecs"][1]}"
  }
}

run "gives_two_instances_at_least" {
  command = plan
  variables { clients = [1] }

  assert {
    condition     = alltrue([for n in values(local.instances) : n[0] == 2])
    error_message = "one instance is an outage at every update"
  }
}

run "grows_redis_before_it_is_full" {
  command = plan
  variables { clients = [100000, 900000] }

  assert {
    condition     = alltrue([for i, n in var.clients : local.redis_mb[i] / 1000 <= local.shards.Balanced_B1[i] * 1 * 0.6 && local.redis_cores[i] <= local.shards.Balanced_B1[i] * 0.6])
    error_message = "neither memory nor computing of a shard is filled beyond 60 %"
  }
  assert {
    condition     = local.shards.Balanced_B1[1] > local.shards.Balanced_B1[0]
    error_message = "nine times the clients need more shards"
  }
}

run "fills_no_instance_beyond_what_it_has" {
  command = plan

  assert {
    condition     = alltrue([for i in values(local.instance) : i.clients * local.cpu_us_a_second / 1e6 <= i.vcpu * local.assumed.busy])
    error_message = "its clients' pings and messages need more than 60 % of an instance's CPU"
  }
  assert {
    condition     = alltrue([for i in values(local.instance) : (local.measured.instance_mb + i.clients * local.measured.connection_kb / 1000) / 1074 <= i.gib * local.assumed.busy])
    error_message = "its clients need more than 60 % of an instance's memory"
  }
}

run "refuses_no_clients" {
  command = plan
  variables { clients = [0] }
  expect_failures = [var.clients]
}

run "refuses_a_million" {
  command = plan
  variables { clients = [1000000] }
  expect_failures = [var.clients]
}

# docs/performance.md is written anew when something is measured anew.
run "counts_no_unit_below_what_was_measured" {
  command = plan

  assert {
    condition     = local.measured.message_us >= tonumber(regex("servers' CPU per message at 300/s[^\\n]*\\n\\| … at 3,000/s \\|[^|]*\\|[ *]*([0-9.]+) µs", file("../../../docs/performance.md"))[0])
    error_message = "message_us"
  }
  assert {
    condition     = local.measured.redis_message_us >= tonumber(regex("Redis' CPU per message at 300/s[^\\n]*\\n\\| … at 3,000/s \\|[^|]*\\|[ *]*([0-9.]+) µs", file("../../../docs/performance.md"))[0])
    error_message = "redis_message_us"
  }
  assert {
    condition     = local.measured.connection_kb >= 5 + tonumber(regex("process memory per idle connection[^|]*\\|[^|]*\\|[ *]*([0-9.]+) KB", file("../../../docs/performance.md"))[0])
    error_message = "connection_kb: process memory, and 5 KB of sockets"
  }
  assert {
    condition     = local.measured.connection_us_a_second >= tonumber(regex("idle CPU of a connection[^|]*\\|[^|]*\\|[ *]*([0-9.]+) µs", file("../../../docs/performance.md"))[0])
    error_message = "connection_us_a_second"
  }
  assert {
    condition     = local.measured.instance_mb >= tonumber(regex("empty process \\|[^|]*\\|[ *]*([0-9.]+) MB", file("../../../docs/performance.md"))[0])
    error_message = "instance_mb"
  }
}
