# Typed settings become the environment of functions/signal. Its own start-up check is the last word; what can be known
# before anything is created is refused here.

locals {
  duration = "^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$"
  number   = "^[0-9]+$"
  boolean  = "^(true|false)$"

  # What a connection or an origin can be of: a name, in any alphabet, or an address, IPv6 in brackets; and a port.
  label  = "[\\pL\\pN_]([\\pL\\pN_-]*[\\pL\\pN_])?"
  host   = "(\\[[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*\\]|${local.label}(\\.${local.label})*\\.?)"
  port   = "(:([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))"
  url    = "^https?://([^@/ ]+@)?${local.host}${local.port}?(/[^ ?#]*)?$"
  origin = "^(\\*|null|https?://(\\*|(\\*\\.)?${local.host})(${local.port}|:\\*)?/?|[a-z][a-z0-9+.-]*-extension://(\\*|${local.label})|(capacitor|ionic|tauri|app)://${local.host})$"

  # Variables that are set elsewhere: by the object's own fields, by the root, or by the platform.
  typed = toset([
    "DRAIN_TIMEOUT", "MAX_CONNECTION_AGE", "PING_INTERVAL", "MAX_CONNECTIONS", "ALLOWED_ORIGINS", "TRUSTED_PROXIES",
    "TURN_URLS", "STUN_URLS", "TURN_TTL", "TURN_SECRET_FILE", "PORT", "HTTP_PORT", "HOST", "INSTANCE_ID",
  ])

  # Variables that are or hold secrets.
  secret = toset([
    "REDIS_URL", "TURN_SECRET",
    "OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_METRICS_HEADERS",
  ])

  # What the values of the others look like. A name that is not here is passed on as it is.
  known = {
    GRACE_WINDOW                = local.duration
    RESUME_BY_ROLE              = "^((wallet|extension)(, ?(wallet|extension))?|none)$"
    INSTANCE_LEASE              = local.duration
    REDIS_TIMEOUT               = local.duration
    REDIS_WAIT_REPLICAS         = "^([0-9]|1[0-6])$"
    SYNC_INTERVAL               = local.duration
    MAX_MESSAGE_BYTES           = local.number
    MAX_HEAD_BYTES              = local.number
    BASE_PATH                   = "^(/[A-Za-z0-9._~-]+)*/?$"
    PEERJS_PATH                 = "^/?([A-Za-z0-9._~-]+/)*[A-Za-z0-9._~-]*$"
    PEERJS_KEY                  = "^[A-Za-z0-9._~-]{1,128}$"
    PEERJS_DISCOVERY            = local.boolean
    MAX_BUFFERED_BYTES          = local.number
    MAILBOX_MESSAGES            = local.number
    MAILBOX_BYTES               = local.number
    ROOM_CLIENTS                = local.number
    RATE_LIMIT_MESSAGES         = local.number
    RATE_LIMIT_MS               = "^[1-9][0-9]*$"
    MAX_CONNECTIONS_PER_ADDRESS = local.number
    NEW_CONNECTIONS_PER_ADDRESS = local.number
    LOG_LEVEL                   = "^(debug|info|warn|error)$"
    LOG_FORMAT                  = "^(text|json)$"
    PPROF                       = local.boolean
    DEMO                        = local.boolean

    AUTH             = "^(off|rejoin\\.v1|all)$"
    AUTH_SECRET_FILE = "^/"
    AUTH_JWKS_FILE   = "^/"
    AUTH_JWKS_URL    = local.url
    AUTH_ISSUER      = ".*"
    AUTH_AUDIENCE    = ".*"
    ADMIN_TOKEN_FILE = "^/"

    OTEL_EXPORTER_OTLP_ENDPOINT        = local.url
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT = local.url
    OTEL_EXPORTER_OTLP_PROTOCOL        = "^http/protobuf$"
    OTEL_EXPORTER_OTLP_TIMEOUT         = local.number
    OTEL_EXPORTER_OTLP_COMPRESSION     = "^(gzip|none)$"
    OTEL_TRACES_EXPORTER               = "^(otlp|none)$"
    OTEL_SDK_DISABLED                  = local.boolean
    OTEL_TRACES_SAMPLER                = "^(parentbased_)?(always_on|always_off|traceidratio)$"
    OTEL_TRACES_SAMPLER_ARG            = "^(0|1|0?\\.[0-9]+)$"
  }

  turn = var.turn == null ? {} : {
    TURN_URLS = join(",", var.turn.urls)
    STUN_URLS = join(",", var.turn.stun_urls)
    TURN_TTL  = "${var.turn.ttl_seconds}s"
  }

  environment = merge(
    {
      LOG_FORMAT         = "json"
      DEMO               = "false"
      DRAIN_TIMEOUT      = "${var.settings.drain_seconds}s"
      MAX_CONNECTION_AGE = "${var.settings.max_connection_age_seconds}s"
      PING_INTERVAL      = "${var.settings.ping_seconds}s"
      MAX_CONNECTIONS    = tostring(var.settings.max_connections)
      ALLOWED_ORIGINS    = join(",", var.settings.allowed_origins)
      TRUSTED_PROXIES    = join(",", var.settings.trusted_proxies)
    },
    local.turn,
    var.settings.extra,
  )
}
