# The stack on this machine, reachable from it: ws://127.0.0.1:4000
variable "image_tag" {
  description = "Tag of the images that task terraform:apply-local or docker build made."
  type        = string
  default     = "dev"
  validation {
    condition     = can(regex("^[A-Za-z0-9_][A-Za-z0-9_.-]*$", var.image_tag))
    error_message = "image_tag: want a tag."
  }
}

module "rejoin" {
  source    = "../"
  public_ip = "127.0.0.1"
  images    = { signal = "rejoin/signal:${var.image_tag}", iceservers = "rejoin/iceservers:${var.image_tag}" }
}

output "url" {
  description = "Where clients connect."
  value       = module.rejoin.url
}
