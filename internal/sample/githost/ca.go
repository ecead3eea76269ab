package githost

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"net"
	"time"

	"github.com/pkg/errors"
)

// CA signs the certificates of TLS listeners. Two of them do not know each other, which is how a
// listener comes by a certificate that nobody trusts.
type CA struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// NewCA makes a CA.
func NewCA() (*CA, error) {
	template := certificate("sample CA")
	template.IsCA = true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	key, der, err := sign(template, nil)
	if err != nil {
		return nil, err
	}
	parsed, err := x509.ParseCertificate(der)
	return &CA{parsed, key}, errors.Wrap(err, "certificate of the CA")
}

// Certificate is for host names and addresses.
func (ca *CA) Certificate(hosts ...string) (tls.Certificate, error) {
	template := certificate("sample")
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
			continue
		}
		template.DNSNames = append(template.DNSNames, host)
	}
	key, der, err := sign(template, ca)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}

// PEM is the CA's certificate as SSL_CERT_FILE and http.sslCAInfo want it.
func (ca *CA) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.certificate.Raw})
}

// certificate is valid whenever a test may run.
func certificate(name string) *x509.Certificate {
	return &x509.Certificate{
		Subject:               pkix.Name{CommonName: name},
		NotBefore:             time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:              time.Date(2120, 1, 1, 0, 0, 0, 0, time.UTC),
		BasicConstraintsValid: true,
	}
}

// sign makes a key and the certificate for it, by the CA or by itself.
func sign(template *x509.Certificate, ca *CA) (*ecdsa.PrivateKey, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, errors.Wrap(err, "key")
	}
	if ca == nil {
		ca = &CA{template, key}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca.certificate, &key.PublicKey, ca.key)
	return key, der, errors.Wrap(err, "certificate")
}
