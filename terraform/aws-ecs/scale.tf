# Number of tasks: scale out at once, scale in slowly, because clients have to move.

resource "aws_appautoscaling_target" "signal" {
  service_namespace  = "ecs"
  scalable_dimension = "ecs:service:DesiredCount"
  resource_id        = "service/${aws_ecs_cluster.this.name}/${aws_ecs_service.signal.name}"
  min_capacity       = var.tasks.min
  max_capacity       = var.tasks.max
  tags               = var.tags
}

# The balancer counts its connections, two for each client: one to it, one on to a task.
resource "aws_appautoscaling_policy" "connections" {
  name               = "${var.name}-connections"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.signal.service_namespace
  scalable_dimension = aws_appautoscaling_target.signal.scalable_dimension
  resource_id        = aws_appautoscaling_target.signal.resource_id

  target_tracking_scaling_policy_configuration {
    target_value       = var.tasks.connections
    scale_out_cooldown = 60
    scale_in_cooldown  = 300
    customized_metric_specification {
      metrics {
        id          = "both"
        return_data = false
        metric_stat {
          stat = "Sum"
          metric {
            namespace   = "AWS/ApplicationELB"
            metric_name = "ActiveConnectionCount"
            dimensions {
              name  = "LoadBalancer"
              value = aws_lb.this.arn_suffix
            }
          }
        }
      }
      metrics {
        id          = "tasks"
        return_data = false
        metric_stat {
          stat = "Average"
          metric {
            namespace   = "ECS/ContainerInsights"
            metric_name = "RunningTaskCount"
            dimensions {
              name  = "ClusterName"
              value = aws_ecs_cluster.this.name
            }
            dimensions {
              name  = "ServiceName"
              value = aws_ecs_service.signal.name
            }
          }
        }
      }
      metrics {
        id          = "connections"
        label       = "clients of a task"
        expression  = "both / 2 / tasks"
        return_data = true
      }
    }
  }
}

resource "aws_appautoscaling_policy" "busy" {
  for_each           = { ECSServiceAverageCPUUtilization = var.tasks.cpu_percent, ECSServiceAverageMemoryUtilization = var.tasks.memory_percent }
  name               = "${var.name}-${each.key}"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.signal.service_namespace
  scalable_dimension = aws_appautoscaling_target.signal.scalable_dimension
  resource_id        = aws_appautoscaling_target.signal.resource_id

  target_tracking_scaling_policy_configuration {
    target_value       = each.value
    scale_out_cooldown = 60
    scale_in_cooldown  = 300
    predefined_metric_specification {
      predefined_metric_type = each.key
    }
  }
}
