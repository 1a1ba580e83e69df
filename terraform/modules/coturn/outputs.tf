output "config" {
  description = "deploy/coturn/turnserver.conf. Nothing in it is secret."
  value       = file("${path.module}/../../../deploy/coturn/turnserver.conf")
}

output "command" {
  description = "Starts coturn. Expects OWN_IP, the address of its machine, and PUBLIC_IP, the one that clients see, in the environment, and a writable /tmp."
  value       = ["sh", "-ec", local.script]
}

output "turn" {
  description = "What modules/settings tells clients of it."
  value = {
    urls      = tolist([for t in ["udp", "tcp"] : "turn:${var.public_address}:3478?transport=${t}"])
    stun_urls = ["stun:${var.public_address}:3478"]
  }
}
