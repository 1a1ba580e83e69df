package streams

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/rejoin-dev/rejoin/internal/redistest"
)

// secured puts TLS, with a certificate for name, in front of a Redis. It returns the address and who vouches for it.
func secured(t *testing.T, redisAddr, name string) (addr string, roots *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	if ip := net.ParseIP(name); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = []string{name}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS12})
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		for c, err := l.Accept(); err == nil; c, err = l.Accept() {
			through(c, redisAddr)
		}
	}()
	t.Cleanup(func() { l.Close(); <-served })
	roots = x509.NewCertPool()
	roots.AddCert(cert)
	return l.Addr().String(), roots
}

// through carries one connection until either end closes it.
func through(c net.Conn, addr string) {
	defer c.Close()
	s, err := net.Dial("tcp", addr)
	if err != nil {
		return
	}
	back := make(chan struct{})
	go func() { _, _ = io.Copy(c, s); c.Close(); close(back) }()
	_, _ = io.Copy(s, c)
	s.Close()
	<-back
}

func ask(t *testing.T, addr string, config *tls.Config) error {
	t.Helper()
	opt := &redis.UniversalOptions{Addrs: []string{addr}, TLSConfig: config}
	tune(opt)
	client := redis.NewUniversalClient(opt)
	defer client.Close()
	return client.Ping(t.Context()).Err()
}

func TestTLSIsSpokenToWhoHasTheRightCertificate(t *testing.T) {
	redisAddr := redistest.NewServer(t).Addr()
	addr, roots := secured(t, redisAddr, "127.0.0.1")
	if err := ask(t, addr, &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}); err != nil {
		t.Errorf("the address is in the certificate: %v", err)
	}
	if err := ask(t, addr, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}); err != nil {
		t.Errorf("not verified: %v", err)
	}
	var unknown x509.UnknownAuthorityError
	if err := ask(t, addr, &tls.Config{MinVersion: tls.VersionTLS12}); !errors.As(err, &unknown) {
		t.Errorf("no authority vouches for it: %v", err)
	}
	named, roots := secured(t, redisAddr, "redis.test")
	if err := ask(t, named, &tls.Config{RootCAs: roots, ServerName: "redis.test", MinVersion: tls.VersionTLS12}); err != nil {
		t.Errorf("the name is in the certificate: %v", err)
	}
	var wrong x509.HostnameError
	if err := ask(t, named, &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}); !errors.As(err, &wrong) {
		t.Errorf("the address is not in the certificate: %v", err)
	}
}
