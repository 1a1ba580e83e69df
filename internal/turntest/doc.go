// Package turntest starts a real coturn for tests, with the configuration that is shipped: deploy/coturn/turnserver.conf.
// Nothing is added to it but a secret, free ports, and 127.0.0.1 to listen and to relay on.
//
//	Start(t)                  as shipped: loopback and private peers are refused, so nothing can be relayed on one machine
//	Start(t, Loopback()...)   peers on 127.0.0.1 are let through
//
// Without a turnserver on the machine a test fails and says what to install; with REJOIN_SKIP_COTURN=1 it is skipped.
package turntest
