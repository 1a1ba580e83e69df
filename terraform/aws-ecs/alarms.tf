# Alarms. Rejoin's own metrics and rules are richer; metrics_from lets a Prometheus read them.

locals {
  of_balancer = { LoadBalancer = aws_lb.this.arn_suffix }
  of_targets  = { LoadBalancer = aws_lb.this.arn_suffix, TargetGroup = aws_lb_target_group.this.arn_suffix }
  of_service  = { ClusterName = var.name, ServiceName = "signal" }

  alarms = merge(
    {
      down       = { text = "No task is healthy: clients cannot connect.", space = "AWS/ApplicationELB", metric = "HealthyHostCount", of = local.of_targets, stat = "Maximum", less = 1, missing = "breaching" }
      few        = { text = "Fewer tasks run than there should be.", space = "ECS/ContainerInsights", metric = "RunningTaskCount", of = local.of_service, stat = "Minimum", less = var.tasks.min, minutes = 10 }
      most       = { text = "As many tasks run as may run: raise tasks.max.", space = "ECS/ContainerInsights", metric = "RunningTaskCount", of = local.of_service, stat = "Maximum", more = var.tasks.max - 1, minutes = 15 }
      refusing   = { text = "Tasks refuse clients: they are full, or Redis is away.", space = "AWS/ApplicationELB", metric = "HTTPCode_Target_5XX_Count", of = local.of_targets, stat = "Sum", more = 60 }
      unanswered = { text = "The balancer finds no task that answers.", space = "AWS/ApplicationELB", metric = "HTTPCode_ELB_5XX_Count", of = local.of_balancer, stat = "Sum", more = 60 }
      rejected   = { text = "The balancer is full.", space = "AWS/ApplicationELB", metric = "RejectedConnectionCount", of = local.of_balancer, stat = "Sum", more = 0 }
      memory     = { text = "Tasks are short of memory.", space = "AWS/ECS", metric = "MemoryUtilization", of = local.of_service, stat = "Maximum", more = 90 }
    },
    merge([for node in local.redis_nodes : {
      "${node}-memory" = { text = "Redis is nearly full: senders will be told to retry.", space = "AWS/ElastiCache", metric = "DatabaseMemoryUsagePercentage", of = { CacheClusterId = node }, stat = "Maximum", more = 80 }
      "${node}-cpu"    = { text = "Redis is busy: messages take longer.", space = "AWS/ElastiCache", metric = "EngineCPUUtilization", of = { CacheClusterId = node }, stat = "Average", more = 70 }
      "${node}-evicts" = { text = "Redis evicts keys: messages are lost. Its parameter group is another one.", space = "AWS/ElastiCache", metric = "Evictions", of = { CacheClusterId = node }, stat = "Sum", more = 0 }
      "${node}-behind" = { text = "A replica is behind: a failover would lose messages.", space = "AWS/ElastiCache", metric = "ReplicationLag", of = { CacheClusterId = node }, stat = "Maximum", more = 5 }
    }]...),
    var.coturn == null ? {} : {
      coturn = { text = "The relay's machine is not well.", space = "AWS/EC2", metric = "StatusCheckFailed", of = { InstanceId = aws_instance.coturn[0].id }, stat = "Maximum", more = 0 }
    },
  )
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each            = local.alarms
  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.text
  namespace           = each.value.space
  metric_name         = each.value.metric
  dimensions          = each.value.of
  statistic           = each.value.stat
  comparison_operator = try(each.value.less, null) == null ? "GreaterThanThreshold" : "LessThanThreshold"
  threshold           = try(each.value.less, each.value.more)
  period              = 60
  evaluation_periods  = try(each.value.minutes, 3)
  datapoints_to_alarm = try(each.value.minutes, 3)
  treat_missing_data  = try(each.value.missing, "notBreaching")
  alarm_actions       = var.alarm_actions
  ok_actions          = var.alarm_actions
  tags                = var.tags
}
