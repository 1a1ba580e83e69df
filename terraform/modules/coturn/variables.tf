variable "public_address" {
  description = "Address or name under which clients reach coturn."
  type        = string
  validation {
    condition     = can(regex("^[A-Za-z0-9.-]+$", var.public_address))
    error_message = "public_address: want an IPv4 address or a name."
  }
}

variable "secret_file" {
  description = "File in coturn's container that holds its static-auth-secret."
  type        = string
  default     = "/run/rejoin/turn"
  validation {
    condition     = can(regex("^/[A-Za-z0-9_./-]+$", var.secret_file))
    error_message = "secret_file: want an absolute path, without blanks: a shell reads it."
  }
}

variable "config_file" {
  description = "File in coturn's container that holds deploy/coturn/turnserver.conf."
  type        = string
  validation {
    condition     = can(regex("^/[A-Za-z0-9_./-]+$", var.config_file))
    error_message = "config_file: want an absolute path, without blanks: a shell reads it."
  }
}

variable "relay_ports" {
  description = "First and last port of the relay, UDP."
  type        = object({ first = number, last = number })
  default     = { first = 49152, last = 65535 }
  validation {
    condition     = var.relay_ports.first >= 1024 && var.relay_ports.last <= 65535 && var.relay_ports.last - var.relay_ports.first >= 99
    error_message = "relay_ports: want at least 100 ports from 1024 to 65535."
  }
}
