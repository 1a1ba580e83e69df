variable "public_address" {
  description = "Address or name under which clients reach coturn."
  type        = string
  validation {
    condition     = can(regex("^[A-Za-z0-9.-]+$", var.public_address))
    error_message = "public_address: want an IPv4 address or a name."
  }
}

variable "secret_files" {
  description = "Files in coturn's container that each hold a static-auth-secret of it: a credential may be signed with any of them."
  type        = list(string)
  default     = ["/run/rejoin/turn"]
  nullable    = false
  validation {
    condition     = length(var.secret_files) > 0 && alltrue([for f in var.secret_files : can(regex("^/[A-Za-z0-9_./-]+$", f))])
    error_message = "secret_files: want one or more absolute paths, without blanks: a shell reads them."
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
