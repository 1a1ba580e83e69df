# Rejoin in Ireland for some thousand clients, with coturn.
provider "aws" {
  region = "eu-west-1"
}

ephemeral "aws_secretsmanager_secret_version" "redis" {
  secret_id = "rejoin/redis-password"
}

data "aws_secretsmanager_secret" "turn" {
  name = "rejoin/turn"
}

module "rejoin" {
  source          = "../"
  image           = "ghcr.io/rejoin-dev/signal:0.1.0"
  host            = "signal.example.com"
  certificate_arn = "arn:aws:acm:eu-west-1:123456789012:certificate/00000000-0000-0000-0000-000000000000"
  redis_password  = ephemeral.aws_secretsmanager_secret_version.redis.secret_string
  coturn          = { secret_arn = data.aws_secretsmanager_secret.turn.arn }
}
