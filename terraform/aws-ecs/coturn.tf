# coturn on a machine of its own, because Fargate tasks get no public UDP. Its address survives a replacement of the machine.

locals {
  coturn = var.coturn[*]
  tls    = try(var.coturn.tls, null)[*]

  # File below /run/rejoin: reference. That of the wallets comes second.
  coturn_secrets     = { for name, arn in { turn = try(var.coturn.secret_arn, null), wallet = try(var.coturn.wallet_secret_arn, null) } : name => arn if arn != null }
  coturn_secret_arns = values(local.coturn_secrets)

  turn = var.coturn == null ? (var.turn == null ? null : { urls = var.turn.urls, stun_urls = var.turn.stun_urls, ttl_seconds = var.turn.ttl_seconds }) : {
    urls        = concat(module.coturn[0].turn.urls, [for t in local.tls : "turns:${t.host}:443?transport=tcp"])
    stun_urls   = module.coturn[0].turn.stun_urls
    ttl_seconds = var.coturn.ttl_seconds
  }
}

resource "aws_eip" "coturn" {
  count  = length(local.coturn)
  domain = "vpc"
  tags   = merge(var.tags, { Name = "${var.name}-coturn" })
}

module "coturn" {
  count          = length(local.coturn)
  source         = "../modules/coturn"
  public_address = aws_eip.coturn[0].public_ip
  config_file    = "/etc/rejoin/turnserver.conf"
  secret_files   = [for name, _ in local.coturn_secrets : "/run/rejoin/${name}"]
}

# Debian 12 has coturn 4.6.1, which the configuration is tested with.
data "aws_ssm_parameter" "debian" {
  count = length(local.coturn)
  name  = "/aws/service/debian/release/12/latest/arm64"
}

resource "aws_instance" "coturn" {
  count                       = length(local.coturn)
  ami                         = data.aws_ssm_parameter.debian[0].insecure_value
  instance_type               = var.coturn.instance_type
  subnet_id                   = aws_subnet.public[0].id
  vpc_security_group_ids      = [aws_security_group.coturn[0].id]
  iam_instance_profile        = aws_iam_instance_profile.coturn[0].name
  user_data_replace_on_change = true
  user_data = templatefile("${path.module}/coturn.sh.tftpl", {
    config    = base64encode(module.coturn[0].config)
    start     = base64encode(module.coturn[0].command[2])
    public_ip = aws_eip.coturn[0].public_ip
    region    = data.aws_region.this.region
    secrets   = local.coturn_secrets
  })
  tags = merge(var.tags, { Name = "${var.name}-coturn" })

  metadata_options {
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }
  root_block_device {
    encrypted   = true
    volume_type = "gp3"
    volume_size = 8
  }
  # Do not replace the machine for a newer image: it updates itself.
  lifecycle {
    ignore_changes = [ami]
  }
  depends_on = [aws_iam_role_policy.coturn, aws_route.public]
}

resource "aws_eip_association" "coturn" {
  count         = length(local.coturn)
  allocation_id = aws_eip.coturn[0].id
  instance_id   = aws_instance.coturn[0].id
}

data "aws_iam_policy_document" "assume_coturn" {
  count = length(local.coturn)
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["ec2.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "coturn" {
  count              = length(local.coturn)
  name               = "${var.name}-coturn"
  description        = "coturn: reads its secrets"
  assume_role_policy = data.aws_iam_policy_document.assume_coturn[0].json
  tags               = var.tags
}

resource "aws_iam_role_policy" "coturn" {
  count = length(local.coturn)
  name  = "secret"
  role  = aws_iam_role.coturn[0].id
  policy = jsonencode({ Version = "2012-10-17", Statement = [
    { Effect = "Allow", Action = ["secretsmanager:GetSecretValue"], Resource = local.coturn_secret_arns },
  ] })
}

resource "aws_iam_instance_profile" "coturn" {
  count = length(local.coturn)
  name  = "${var.name}-coturn"
  role  = aws_iam_role.coturn[0].name
  tags  = var.tags
}

resource "aws_security_group" "coturn" {
  count       = length(local.coturn)
  name        = "${var.name}-coturn"
  description = "Rejoin, coturn"
  vpc_id      = aws_vpc.this.id
  tags        = var.tags
}

resource "aws_vpc_security_group_ingress_rule" "coturn" {
  for_each = length(local.coturn) == 0 ? {} : {
    udp   = { protocol = "udp", from = 3478, to = 3478 }
    tcp   = { protocol = "tcp", from = 3478, to = 3478 }
    relay = { protocol = "udp", from = 49152, to = 65535 }
  }
  security_group_id = aws_security_group.coturn[0].id
  description       = "TURN, ${each.key}"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = each.value.protocol
  from_port         = each.value.from
  to_port           = each.value.to
  tags              = var.tags
}

resource "aws_vpc_security_group_egress_rule" "coturn" {
  for_each = length(local.coturn) == 0 ? {} : {
    peers   = { protocol = "udp", from = 1024, to = 65535 }
    https   = { protocol = "tcp", from = 443, to = 443 } # its secret
    updates = { protocol = "tcp", from = 80, to = 80 }
  }
  security_group_id = aws_security_group.coturn[0].id
  description       = each.key
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = each.value.protocol
  from_port         = each.value.from
  to_port           = each.value.to
  tags              = var.tags
}

# TURN over TLS: the balancer has the certificate and passes TCP to coturn. Relayed traffic uses the machine's own address.

resource "aws_security_group" "turn" {
  count       = length(local.tls)
  name        = "${var.name}-turn"
  description = "Rejoin, TURN over TLS"
  vpc_id      = aws_vpc.this.id
  tags        = var.tags
}

resource "aws_vpc_security_group_ingress_rule" "turn" {
  count             = length(local.tls)
  security_group_id = aws_security_group.turn[0].id
  description       = "TURN over TLS, from everywhere"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  tags              = var.tags
}

resource "aws_vpc_security_group_egress_rule" "turn" {
  count                        = length(local.tls)
  security_group_id            = aws_security_group.turn[0].id
  description                  = "coturn"
  referenced_security_group_id = aws_security_group.coturn[0].id
  ip_protocol                  = "tcp"
  from_port                    = 3478
  to_port                      = 3478
  tags                         = var.tags
}

resource "aws_lb" "turn" {
  count                            = length(local.tls)
  name                             = "${var.name}-turn"
  load_balancer_type               = "network"
  internal                         = false
  subnets                          = aws_subnet.public[*].id
  security_groups                  = [aws_security_group.turn[0].id]
  enable_cross_zone_load_balancing = true # there is one machine
  tags                             = var.tags
}

resource "aws_lb_target_group" "turn" {
  count       = length(local.tls)
  name        = "${var.name}-turn"
  vpc_id      = aws_vpc.this.id
  target_type = "instance"
  protocol    = "TCP"
  port        = 3478
  tags        = var.tags
  health_check {
    protocol = "TCP"
    interval = 10
  }
}

resource "aws_lb_target_group_attachment" "turn" {
  count            = length(local.tls)
  target_group_arn = aws_lb_target_group.turn[0].arn
  target_id        = aws_instance.coturn[0].id
}

resource "aws_lb_listener" "turn" {
  count             = length(local.tls)
  load_balancer_arn = aws_lb.turn[0].arn
  port              = 443
  protocol          = "TLS"
  ssl_policy        = "ELBSecurityPolicy-TLS13-1-2-2021-06"
  certificate_arn   = local.tls[0].certificate_arn
  tags              = var.tags
  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.turn[0].arn
  }
}

resource "aws_route53_record" "turn" {
  count   = var.zone_id == null ? 0 : length(local.tls)
  zone_id = var.zone_id
  name    = local.tls[0].host
  type    = "A"
  alias {
    name                   = aws_lb.turn[0].dns_name
    zone_id                = aws_lb.turn[0].zone_id
    evaluate_target_health = false
  }
}
