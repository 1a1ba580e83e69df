# functions/signal as a service of ECS on Fargate.

module "settings" {
  source   = "../modules/settings"
  settings = merge(var.settings, { trusted_proxies = concat(var.settings.trusted_proxies, local.public_cidrs) })
  turn     = local.turn
}

locals {
  ports        = { websocket = 4000, http = 4001 } # http: /health, /ready, /metrics; private
  stop_seconds = 120                               # the most that Fargate gives

  environment = merge(module.settings.environment, { PORT = tostring(local.ports.websocket), HTTP_PORT = tostring(local.ports.http) })

  container = {
    name                   = "signal"
    image                  = var.image
    essential              = true
    readonlyRootFilesystem = true
    user                   = "65532:65532"
    stopTimeout            = local.stop_seconds
    portMappings           = [for name, port in local.ports : { name = name, containerPort = port, protocol = "tcp" }]
    environment            = [for name, value in local.environment : { name = name, value = value }]
    secrets                = [for name, arn in local.secrets : { name = name, valueFrom = arn }]
    ulimits                = [{ name = "nofile", softLimit = 65535, hardLimit = 65535 }]
    linuxParameters        = { capabilities = { drop = ["ALL"] } }
    # A changed password replaces the tasks.
    dockerLabels = { "rejoin.redis-password" = tostring(var.redis_password_version) }
    healthCheck = {
      command     = ["CMD", "/function", "-health"]
      interval    = 10
      timeout     = 3
      retries     = 3
      startPeriod = 10
    }
    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group         = aws_cloudwatch_log_group.signal.name
        awslogs-region        = data.aws_region.this.region
        awslogs-stream-prefix = "signal"
        mode                  = "non-blocking" # better to lose a line than to keep a client waiting
        max-buffer-size       = "4m"
      }
    }
  }
}

resource "aws_cloudwatch_log_group" "signal" {
  name              = "/rejoin/${var.name}/signal"
  retention_in_days = var.log_days
  tags              = var.tags
}

resource "aws_ecs_cluster" "this" {
  name = var.name
  tags = var.tags
  setting {
    name  = "containerInsights"
    value = "enabled"
  }
}

resource "aws_ecs_task_definition" "signal" {
  family                   = "${var.name}-signal"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = tostring(var.tasks.cpu)
  memory                   = tostring(var.tasks.memory)
  execution_role_arn       = aws_iam_role.execution.arn
  container_definitions    = jsonencode([local.container])
  tags                     = var.tags
  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = var.architecture
  }
  depends_on = [aws_secretsmanager_secret_version.redis_url]
}

resource "aws_ecs_service" "signal" {
  name                              = "signal"
  cluster                           = aws_ecs_cluster.this.arn
  task_definition                   = aws_ecs_task_definition.signal.arn
  desired_count                     = var.tasks.min
  launch_type                       = "FARGATE"
  platform_version                  = "LATEST"
  propagate_tags                    = "SERVICE"
  health_check_grace_period_seconds = 30
  availability_zone_rebalancing     = "ENABLED"
  tags                              = var.tags

  # Start new tasks first, and replace few at a time, so that few clients move at a time.
  deployment_minimum_healthy_percent = 100
  deployment_maximum_percent         = 100 + ceil(100 / var.tasks.min)

  network_configuration {
    subnets          = aws_subnet.private[*].id
    security_groups  = [aws_security_group.tasks.id]
    assign_public_ip = false
  }
  load_balancer {
    target_group_arn = aws_lb_target_group.this.arn
    container_name   = local.container.name
    container_port   = local.ports.websocket
  }
  # Roll back a release that does not start or refuses clients.
  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }
  alarms {
    enable      = true
    rollback    = true
    alarm_names = [aws_cloudwatch_metric_alarm.this["refusing"].alarm_name]
  }

  # The autoscaler sets the number.
  lifecycle {
    ignore_changes = [desired_count]
  }
  depends_on = [aws_lb_listener.this, aws_iam_role_policy.execution]
}
