# coturn, as deploy/coturn/turnserver.conf has it, for containers: the shell that starts it and the URLs that clients are told.

locals {
  # Secrets go into a file, because every user of the machine can read arguments. A missing or empty secret ends the start. Two
  # clients that both use the relay reach each other at its own address, which has to be allowed.
  script = <<-EOT
    umask 077
    cat ${var.config_file} > /tmp/turnserver.conf
    for f in ${join(" ", var.secret_files)}; do s=$(cat "$f"); echo "static-auth-secret=$${s:?$f is empty}" >> /tmp/turnserver.conf; done
    case $OWN_IP in 127.*) set -- --allow-loopback-peers ;; esac
    exec turnserver -c /tmp/turnserver.conf --pidfile=/tmp/turnserver.pid --listening-ip="$OWN_IP" --relay-ip="$OWN_IP" \
      --external-ip="$PUBLIC_IP/$OWN_IP" --allowed-peer-ip="$OWN_IP" \
      --min-port=${var.relay_ports.first} --max-port=${var.relay_ports.last} "$@"
  EOT
}
