# What AWS must be told: checked on the plan, with the provider mocked.

mock_provider "aws" {
  override_during = plan
  mock_data "aws_region" {
    defaults = { region = "eu-west-1" }
  }
  mock_data "aws_availability_zones" {
    defaults = { names = ["eu-west-1a", "eu-west-1b", "eu-west-1c"] }
  }
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }
  mock_data "aws_ssm_parameter" {
    defaults = { insecure_value = "ami-0123456789abcdef0" }
  }
  mock_resource "aws_lb" {
    defaults = {
      arn        = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/rejoin/0123456789abcdef"
      arn_suffix = "app/rejoin/0123456789abcdef"
      dns_name   = "rejoin.eu-west-1.elb.amazonaws.com"
      zone_id    = "Z32O12XQLNTSW2"
    }
  }
  mock_resource "aws_lb_target_group" {
    defaults = {
      arn        = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/rejoin/0123456789abcdef"
      arn_suffix = "targetgroup/rejoin/0123456789abcdef"
    }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/rejoin", id = "rejoin" }
  }
  mock_resource "aws_ecs_cluster" {
    defaults = { arn = "arn:aws:ecs:eu-west-1:123456789012:cluster/rejoin" }
  }
  mock_resource "aws_ecs_task_definition" {
    defaults = { arn = "arn:aws:ecs:eu-west-1:123456789012:task-definition/rejoin-signal:1" }
  }
  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:eu-west-1:123456789012:log-group:/rejoin/rejoin/signal" }
  }
  mock_resource "aws_secretsmanager_secret" {
    defaults = {
      id  = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:rejoin/redis-url-AbCdEf"
      arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:rejoin/redis-url-AbCdEf"
    }
  }
  mock_resource "aws_elasticache_replication_group" {
    defaults = {
      primary_endpoint_address       = "master.rejoin.abc123.euw1.cache.amazonaws.com"
      configuration_endpoint_address = "clustercfg.rejoin.abc123.euw1.cache.amazonaws.com"
    }
  }
  mock_resource "aws_security_group" {
    defaults = { id = "sg-0123456789abcdef0" }
  }
  mock_resource "aws_vpc" {
    defaults = { id = "vpc-0123456789abcdef0" }
  }
  mock_resource "aws_subnet" {
    defaults = { id = "subnet-0123456789abcdef0" }
  }
  mock_resource "aws_eip" {
    defaults = { id = "eipalloc-0123456789abcdef0", public_ip = "203.0.113.7" }
  }
  mock_resource "aws_instance" {
    defaults = { id = "i-0123456789abcdef0" }
  }
}

variables {
  image           = "registry.example.com/signal:1.0.0"
  host            = "signal.example.com"
  certificate_arn = "arn:aws:acm:eu-west-1:123456789012:certificate/0a1b2c3d-0000-0000-0000-000000000000"
  redis_password  = "a-Password-of-24-letters"
}

run "drains_before_it_is_killed" {
  command = plan

  assert {
    condition     = local.container.stopTimeout == 120 && tonumber(trimsuffix(local.environment["DRAIN_TIMEOUT"], "s")) <= local.container.stopTimeout - 5
    error_message = "120 s is what Fargate gives, and the drain ends before SIGKILL"
  }
  assert {
    condition     = tonumber(aws_lb_target_group.this.deregistration_delay) > local.container.stopTimeout
    error_message = "the balancer does not cut what still drains"
  }
}

run "never_looks_idle" {
  command = plan

  assert {
    condition     = aws_lb.this.idle_timeout > 2 * tonumber(trimsuffix(local.environment["PING_INTERVAL"], "s"))
    error_message = "two pings come before the balancer calls a connection silent"
  }
  assert {
    condition     = local.environment["MAX_CONNECTION_AGE"] == "3600s"
    error_message = "connections end at some time, so that new tasks get theirs"
  }
}

run "serves_websockets_over_tls_only" {
  command = plan

  assert {
    condition     = aws_lb_listener.this.port == 443 && aws_lb_listener.this.protocol == "HTTPS" && startswith(aws_lb_listener.this.ssl_policy, "ELBSecurityPolicy-TLS13-")
    error_message = "TLS 1.2 or newer, and no other listener"
  }
  assert {
    condition     = aws_lb_target_group.this.port == 4000 && aws_lb_target_group.this.protocol_version == "HTTP1" && one(aws_ecs_service.signal.load_balancer).container_port == 4000
    error_message = "the public port is that of WebSockets, not that of metrics"
  }
  assert {
    condition     = aws_vpc_security_group_ingress_rule.clients.from_port == 443 && aws_vpc_security_group_ingress_rule.clients.to_port == 443
    error_message = "nothing else is open"
  }
  assert {
    condition     = output.url == "wss://signal.example.com"
    error_message = "got ${output.url}"
  }
}

run "keeps_tasks_private" {
  command = plan

  assert {
    condition     = aws_ecs_service.signal.network_configuration[0].assign_public_ip == false && length(aws_subnet.private) == 2 && length(aws_route.private) == 2
    error_message = "tasks have no public address, and their way out is a NAT gateway"
  }
  assert {
    condition     = alltrue([for r in aws_vpc_security_group_ingress_rule.tasks : r.cidr_ipv4 == null && r.referenced_security_group_id == aws_security_group.balancer.id])
    error_message = "the balancer alone reaches them"
  }
  assert {
    condition     = length(setintersection(local.private_cidrs, local.public_cidrs, local.redis_cidrs)) == 0 && local.private_cidrs == ["10.80.0.0/19", "10.80.32.0/19"] && local.public_cidrs == ["10.80.128.0/21", "10.80.136.0/21"] && local.redis_cidrs == ["10.80.192.0/21", "10.80.200.0/21"]
    error_message = "subnets do not overlap"
  }
}

run "believes_the_balancer_alone" {
  command = plan
  variables {
    network  = { cidr = "10.90.0.0/20", zones = 3, nat_gateways = 3 }
    settings = { trusted_proxies = ["192.0.2.0/24"] }
  }

  assert {
    condition     = local.environment["TRUSTED_PROXIES"] == "192.0.2.0/24,10.90.8.0/25,10.90.8.128/25,10.90.9.0/25" && aws_lb.this.xff_header_processing_mode == "append"
    error_message = "clients are told apart by X-Forwarded-For, wherever the network is: got ${local.environment["TRUSTED_PROXIES"]}"
  }
  assert {
    condition     = length(aws_nat_gateway.this) == 3 && aws_subnet.private[2].availability_zone == "eu-west-1c"
    error_message = "three zones"
  }
}

# ECS ends tasks that the balancer calls unhealthy.
run "is_not_replaced_because_redis_is_away" {
  command = plan

  assert {
    condition     = aws_lb_target_group.this.health_check[0].path == "/health" && aws_lb_target_group.this.health_check[0].port == "4001" && aws_lb_target_group.this.health_check[0].matcher == "200"
    error_message = "/ready would end every task at once"
  }
  assert {
    condition     = local.container.healthCheck.command == ["CMD", "/function", "-health"] && strcontains(file("../../Dockerfile"), "ENTRYPOINT [\"/function\"]")
    error_message = "the image has no shell, and asks itself"
  }
}

run "moves_the_clients_of_few_tasks_at_a_time" {
  command = plan

  assert {
    condition     = aws_ecs_service.signal.deployment_minimum_healthy_percent == 100 && aws_ecs_service.signal.deployment_maximum_percent == 150
    error_message = "with two tasks, one new one comes before an old one goes"
  }
  assert {
    condition     = aws_ecs_service.signal.deployment_circuit_breaker[0].rollback && aws_ecs_service.signal.alarms[0].rollback && aws_ecs_service.signal.alarms[0].alarm_names == toset(["rejoin-refusing"])
    error_message = "what does not work is taken back"
  }
}

run "never_rolls_out_less_than_one_task" {
  command = plan
  variables {
    tasks = { min = 7 }
  }

  assert {
    condition     = floor(7 * aws_ecs_service.signal.deployment_maximum_percent / 100) == 8
    error_message = "ECS rounds down: an update of 7 tasks needs room for 8"
  }
}

run "speaks_tls_to_redis_with_a_user_of_its_own" {
  command = plan

  assert {
    condition     = aws_elasticache_replication_group.this.transit_encryption_enabled && aws_elasticache_replication_group.this.transit_encryption_mode == "required" && aws_elasticache_replication_group.this.at_rest_encryption_enabled == "true"
    error_message = "Redis speaks TLS only"
  }
  assert {
    condition     = aws_elasticache_replication_group.this.user_group_ids == toset(["rejoin"]) && aws_elasticache_user_group.this.user_ids == toset(["rejoin-default", "rejoin-signal"]) && aws_elasticache_user.default.access_string == "off -@all"
    error_message = "who says no name may do nothing"
  }
  assert {
    condition     = can(regex("^on (~rejoin:[^ ]+ )+(~\\{[*]\\}:[^ ]+ )+&rejoin:i:\\* -@all( \\+[a-z|]+){30,60}$", aws_elasticache_user.signal.access_string)) && strcontains(aws_elasticache_user.signal.access_string, " +evalsha ")
    error_message = "it may reach Rejoin's keys and channels, with the commands of SECURITY.md one by one: got ${aws_elasticache_user.signal.access_string}"
  }
  assert {
    condition     = aws_elasticache_user.signal.passwords == null && aws_elasticache_user.signal.no_password_required == null
    error_message = "its password is written, and not kept in the state"
  }
}

run "keeps_redis_private_and_whole" {
  command = plan

  assert {
    condition     = { for p in aws_elasticache_parameter_group.this.parameter : p.name => p.value } == { "maxmemory-policy" = "noeviction", "stream-node-max-bytes" = "1024", "cluster-enabled" = "no" } && aws_elasticache_parameter_group.this.family == "valkey8"
    error_message = "no mailbox is evicted"
  }
  assert {
    condition     = aws_elasticache_replication_group.this.automatic_failover_enabled && aws_elasticache_replication_group.this.multi_az_enabled && aws_elasticache_replication_group.this.replicas_per_node_group == 1
    error_message = "a replica in another zone takes over"
  }
  assert {
    condition     = aws_vpc_security_group_ingress_rule.redis.referenced_security_group_id == aws_security_group.tasks.id && aws_vpc_security_group_ingress_rule.redis.cidr_ipv4 == null && length(aws_route_table_association.redis) == 2
    error_message = "the tasks alone reach it, and its subnets have no way out"
  }
  assert {
    condition     = aws_elasticache_replication_group.this.replication_group_id == "rejoin" && can(regex("\n  lifecycle {\n    prevent_destroy = true\n  }\n}\n$", file("redis.tf")))
    error_message = "Terraform does not destroy the mailboxes"
  }
}

run "makes_a_cluster_of_several_shards" {
  command = plan
  variables {
    redis = { shards = 2, node_type = "cache.r7g.large" }
  }

  assert {
    condition     = local.cluster && one([for p in aws_elasticache_parameter_group.this.parameter : p.value if p.name == "cluster-enabled"]) == "yes" && local.redis_host == "clustercfg.rejoin.abc123.euw1.cache.amazonaws.com"
    error_message = "two shards are a cluster, reached by its configuration endpoint"
  }
  assert {
    condition     = local.redis_nodes == tolist(["rejoin-0001-001", "rejoin-0001-002", "rejoin-0002-001", "rejoin-0002-002"])
    error_message = "every node has its alarms"
  }
}

run "writes_to_a_log_where_that_is_asked_for" {
  command = plan
  variables {
    redis = { durability = "async", version = "9.0", node_type = "cache.m7g.large" }
  }

  assert {
    condition     = aws_elasticache_replication_group.this.durability == "async" && local.cluster && aws_elasticache_parameter_group.this.family == "valkey9"
    error_message = "ElastiCache has durability for clusters of Valkey 9"
  }
}

run "gives_secrets_by_reference" {
  command = plan
  variables {
    turn = { urls = ["turn:turn.example.com:3478"], secret_arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:turn-AbCdEf" }
  }

  assert {
    condition     = { for s in local.container.secrets : s.name => s.valueFrom } == { REDIS_URL = aws_secretsmanager_secret.redis_url.arn, TURN_SECRET = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:turn-AbCdEf" }
    error_message = "both secrets are references"
  }
  assert {
    condition     = length([for e in local.container.environment : e if contains(["REDIS_URL", "TURN_SECRET"], e.name)]) == 0 && local.environment["TURN_URLS"] == "turn:turn.example.com:3478"
    error_message = "secrets are no plain variables"
  }
  assert {
    condition     = aws_secretsmanager_secret_version.redis_url.secret_string == null && aws_secretsmanager_secret_version.redis_url.secret_string_wo_version == 1
    error_message = "the URL is written without being kept in the state"
  }
}

run "grants_no_more_than_to_start" {
  command = plan
  variables {
    repository_arn = "arn:aws:ecr:eu-west-1:123456789012:repository/rejoin/signal"
  }

  assert {
    condition     = coalesce(aws_ecs_task_definition.signal.task_role_arn, "none") == "none"
    error_message = "the task has no role"
  }
  assert {
    condition     = [for s in local.execution_statements : s.Resource if contains(s.Action, "secretsmanager:GetSecretValue")] == [[aws_secretsmanager_secret.redis_url.arn]]
    error_message = "it reads this secret, not all"
  }
  assert {
    condition     = flatten([for s in local.execution_statements : s.Action if contains(s.Resource, "*")]) == ["ecr:GetAuthorizationToken"] && length([for s in local.execution_statements : s if anytrue([for a in s.Action : strcontains(a, "*")])]) == 0
    error_message = "no right on everything but the one that has no other"
  }
  assert {
    condition     = local.container.readonlyRootFilesystem && local.container.user == "65532:65532" && local.container.linuxParameters.capabilities.drop == ["ALL"]
    error_message = "not root, a read-only root, no capabilities"
  }
}

run "needs_no_right_to_pull_a_public_image" {
  command = plan

  assert {
    condition     = length([for s in local.execution_statements : s if anytrue([for a in s.Action : startswith(a, "ecr:")])]) == 0
    error_message = "nothing of ECR"
  }
}

run "scales_on_connections_without_ever_being_alone" {
  command = plan

  assert {
    condition     = aws_appautoscaling_target.signal.min_capacity == 2 && aws_appautoscaling_target.signal.resource_id == "service/rejoin/signal" && aws_ecs_service.signal.desired_count == 2
    error_message = "two tasks at least, of this service"
  }
  assert {
    condition     = aws_appautoscaling_policy.connections.target_tracking_scaling_policy_configuration[0].target_value == 10000 && tonumber(local.environment["MAX_CONNECTIONS"]) == 20000
    error_message = "10,000 clients a task, and room for as many while another one starts"
  }
  assert {
    condition = { for m in aws_appautoscaling_policy.connections.target_tracking_scaling_policy_configuration[0].customized_metric_specification[0].metrics :
      m.id => m.return_data == false ? m.metric_stat[0].metric[0].metric_name : m.expression
    } == { both = "ActiveConnectionCount", tasks = "RunningTaskCount", connections = "both / 2 / tasks" }
    error_message = "the balancer's connections, for each task"
  }
  assert {
    condition     = one(aws_ecs_cluster.this.setting).name == "containerInsights" && one(aws_ecs_cluster.this.setting).value == "enabled"
    error_message = "RunningTaskCount comes from Container Insights"
  }
  assert {
    condition     = { for name, p in aws_appautoscaling_policy.busy : p.target_tracking_scaling_policy_configuration[0].predefined_metric_specification[0].predefined_metric_type => p.target_tracking_scaling_policy_configuration[0].target_value } == { ECSServiceAverageCPUUtilization = 60, ECSServiceAverageMemoryUtilization = 70 }
    error_message = "CPU and memory make more tasks as well"
  }
}

run "is_watched" {
  command = plan
  variables {
    alarm_actions = ["arn:aws:sns:eu-west-1:123456789012:pager"]
    metrics_from  = ["sg-0a"]
  }

  assert {
    condition     = alltrue([for a in aws_cloudwatch_metric_alarm.this : a.alarm_actions == toset(var.alarm_actions) && a.ok_actions == toset(var.alarm_actions)])
    error_message = "somebody is told"
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.this["down"].comparison_operator == "LessThanThreshold" && aws_cloudwatch_metric_alarm.this["down"].threshold == 1 && aws_cloudwatch_metric_alarm.this["down"].treat_missing_data == "breaching"
    error_message = "no healthy task is an alarm, and so is no news of any"
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.this["rejoin-002-evicts"].metric_name == "Evictions" && aws_cloudwatch_metric_alarm.this["rejoin-002-evicts"].dimensions == tomap({ CacheClusterId = "rejoin-002" }) && aws_cloudwatch_metric_alarm.this["rejoin-002-evicts"].threshold == 0
    error_message = "one evicted mailbox is an alarm"
  }
  assert {
    condition     = aws_vpc_security_group_ingress_rule.metrics["sg-0a"].from_port == 4001
    error_message = "Prometheus reads the private port"
  }
}

run "relays_at_an_address_that_stays" {
  command = plan
  variables {
    coturn = { secret_arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:rejoin/turn-AbCdEf" }
  }

  assert {
    condition     = local.environment["TURN_URLS"] == "turn:203.0.113.7:3478?transport=udp,turn:203.0.113.7:3478?transport=tcp" && aws_eip_association.coturn[0].allocation_id == aws_eip.coturn[0].id
    error_message = "clients are told of the elastic address: got ${local.environment["TURN_URLS"]}"
  }
  assert {
    condition     = one([for s in local.container.secrets : s.valueFrom if s.name == "TURN_SECRET"]) == var.coturn.secret_arn && strcontains(aws_iam_role_policy.coturn[0].policy, var.coturn.secret_arn)
    error_message = "both have the secret from the same place"
  }
  assert {
    condition     = aws_instance.coturn[0].metadata_options[0].http_tokens == "required" && aws_instance.coturn[0].root_block_device[0].encrypted && !can(regex("\n *key_name", file("coturn.tf")))
    error_message = "no metadata without a token, an encrypted disk, no key"
  }
  assert {
    condition     = { for name, r in aws_vpc_security_group_ingress_rule.coturn : name => "${r.ip_protocol} ${r.from_port}-${r.to_port}" } == { udp = "udp 3478-3478", tcp = "tcp 3478-3478", relay = "udp 49152-65535" }
    error_message = "what TURN needs is open, and nothing else"
  }
  assert {
    condition     = strcontains(aws_instance.coturn[0].user_data, "PUBLIC_IP=203.0.113.7") && strcontains(aws_instance.coturn[0].user_data, base64encode(file("../../deploy/coturn/turnserver.conf"))) && !strcontains(aws_instance.coturn[0].user_data, "static-auth-secret=")
    error_message = "the machine is told all but the secret"
  }
  assert {
    condition     = length(aws_lb.turn) == 0 && contains(keys(aws_cloudwatch_metric_alarm.this), "coturn")
    error_message = "no balancer that nobody asked for; the machine is watched"
  }
}

run "signs_wallets_profiles_with_a_secret_of_their_own" {
  command = plan
  variables {
    coturn = {
      secret_arn        = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:rejoin/turn-AbCdEf"
      wallet_secret_arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:rejoin/wallet-AbCdEf"
    }
  }

  assert {
    condition     = jsondecode(aws_iam_role_policy.coturn[0].policy).Statement[0].Resource == [var.coturn.secret_arn, var.coturn.wallet_secret_arn]
    error_message = "coturn's machine may read both"
  }
  assert {
    condition     = strcontains(aws_instance.coturn[0].user_data, "--secret-id '${var.coturn.wallet_secret_arn}' --query SecretString --output text >/run/rejoin/wallet\nEND\n")
    error_message = "and does, when coturn starts"
  }
  assert {
    condition     = !strcontains(jsonencode([local.container, local.execution_statements]), var.coturn.wallet_secret_arn)
    error_message = "the tasks do not know it"
  }
}

run "relays_over_tls_where_that_is_asked_for" {
  command = plan
  variables {
    zone_id = "Z0123456789"
    coturn = {
      secret_arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:rejoin/turn-AbCdEf"
      tls        = { host = "turn.example.com", certificate_arn = "arn:aws:acm:eu-west-1:123456789012:certificate/0a1b2c3d-0000-0000-0000-000000000001" }
    }
  }

  assert {
    condition     = endswith(local.environment["TURN_URLS"], ",turns:turn.example.com:443?transport=tcp") && aws_lb_listener.turn[0].protocol == "TLS" && aws_lb_listener.turn[0].port == 443
    error_message = "TLS at 443: got ${local.environment["TURN_URLS"]}"
  }
  assert {
    condition     = aws_lb.turn[0].load_balancer_type == "network" && aws_lb_target_group.turn[0].port == 3478 && aws_lb_target_group.turn[0].protocol == "TCP"
    error_message = "coturn gets TCP"
  }
  assert {
    condition     = aws_route53_record.turn[0].name == "turn.example.com" && aws_route53_record.signal[0].name == "signal.example.com"
    error_message = "both names have their records"
  }
}
