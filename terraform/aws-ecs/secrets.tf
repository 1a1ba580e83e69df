# Secrets are in Secrets Manager. Tasks refer to them, and the role that starts tasks may read these and nothing else.

resource "aws_secretsmanager_secret" "redis_url" {
  name        = "${var.name}/redis-url"
  description = "REDIS_URL of functions/signal"
  tags        = var.tags
}

# Written but not kept: it is in neither state nor plan.
resource "aws_secretsmanager_secret_version" "redis_url" {
  secret_id                = aws_secretsmanager_secret.redis_url.id
  secret_string_wo         = "rediss://${aws_elasticache_user.signal.user_name}:${urlencode(var.redis_password)}@${local.redis_host}:${local.redis_port}${local.cluster ? "/?cluster=true" : ""}"
  secret_string_wo_version = var.redis_password_version
}

locals {
  turn_secret_arn = try(var.turn.secret_arn, var.coturn.secret_arn, null)

  # Name of the variable: reference.
  secrets = merge(
    { REDIS_URL = aws_secretsmanager_secret.redis_url.arn },
    local.turn_secret_arn == null ? {} : { TURN_SECRET = local.turn_secret_arn },
  )
}

data "aws_iam_policy_document" "assume_tasks" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["ecs-tasks.amazonaws.com"]
    }
  }
}

# The role with which Fargate starts a task. The task itself has none, because it does not call AWS.
resource "aws_iam_role" "execution" {
  name               = "${var.name}-execution"
  description        = "Starts functions/signal: its image, its secrets, its log"
  assume_role_policy = data.aws_iam_policy_document.assume_tasks.json
  tags               = var.tags
}

resource "aws_iam_role_policy" "execution" {
  name   = "start"
  role   = aws_iam_role.execution.id
  policy = jsonencode({ Version = "2012-10-17", Statement = local.execution_statements })
}

locals {
  execution_statements = concat(
    [
      { Effect = "Allow", Action = ["secretsmanager:GetSecretValue"], Resource = values(local.secrets) },
      { Effect = "Allow", Action = ["logs:CreateLogStream", "logs:PutLogEvents"], Resource = ["${aws_cloudwatch_log_group.signal.arn}:*"] },
    ],
    var.repository_arn == null ? [] : [
      { Effect = "Allow", Action = ["ecr:GetAuthorizationToken"], Resource = ["*"] }, # it has no other
      { Effect = "Allow", Action = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"], Resource = [var.repository_arn] },
    ],
  )
}
