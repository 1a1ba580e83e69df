# The way in: the balancer terminates TLS and passes WebSockets on to the tasks.

resource "aws_lb" "this" {
  name                       = var.name
  load_balancer_type         = "application"
  internal                   = false
  subnets                    = aws_subnet.public[*].id
  security_groups            = [aws_security_group.balancer.id]
  idle_timeout               = var.idle_seconds
  drop_invalid_header_fields = true
  xff_header_processing_mode = "append"
  enable_deletion_protection = true
  tags                       = var.tags
}

resource "aws_lb_listener" "this" {
  load_balancer_arn = aws_lb.this.arn
  port              = 443
  protocol          = "HTTPS"
  ssl_policy        = "ELBSecurityPolicy-TLS13-1-2-2021-06"
  certificate_arn   = var.certificate_arn
  tags              = var.tags
  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.this.arn
  }
}

resource "aws_lb_target_group" "this" {
  name                 = var.name
  vpc_id               = aws_vpc.this.id
  target_type          = "ip"
  protocol             = "HTTP"
  protocol_version     = "HTTP1" # as WebSockets require
  port                 = local.ports.websocket
  deregistration_delay = tostring(var.deregistration_seconds)
  tags                 = var.tags

  # ECS replaces tasks that fail this, so it asks /health: a task that is not ready during a Redis outage has to stay, with its clients.
  health_check {
    protocol            = "HTTP"
    port                = tostring(local.ports.http)
    path                = "/health"
    matcher             = "200"
    interval            = 5
    timeout             = 3
    healthy_threshold   = 2
    unhealthy_threshold = 3
  }
}

resource "aws_route53_record" "signal" {
  count   = var.zone_id == null ? 0 : 1
  zone_id = var.zone_id
  name    = var.host
  type    = "A"
  alias {
    name                   = aws_lb.this.dns_name
    zone_id                = aws_lb.this.zone_id
    evaluate_target_health = false
  }
}
