/**
 * A self-signed certificate for localhost and its key, for the TLS example alone: a key that everybody can read
 * protects nothing.
 *
 * @module
 */

/** For "localhost" and 127.0.0.1, valid from 2000 to 2099. */
export const certificate = `-----BEGIN CERTIFICATE-----
MIIBZTCCAQqgAwIBAgIBATAKBggqhkjOPQQDAjAUMRIwEAYDVQQDDAlsb2NhbGhv
c3QwIBcNMDAwMTAxMDAwMDAwWhgPMjA5OTEyMzEyMzU5NTlaMBQxEjAQBgNVBAMM
CWxvY2FsaG9zdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABDNHeo+oxQRT/nBZ
JaGO8qQiB4BtZJlr5lbWz+adgMWTRfFA28okPx7qLsBzt+2EMLRwn2N9DXSzvRJ/
iXIjssijSzBJMBoGA1UdEQQTMBGCCWxvY2FsaG9zdIcEfwAAATAMBgNVHRMBAf8E
AjAAMB0GA1UdDgQWBBQ+2JzTX+X47C7pZRVyaX8Qw80YnTAKBggqhkjOPQQDAgNJ
ADBGAiEAos6UMGzXCpw7eQFLs27ustgCHv2m9F1AfoXfQR16LnMCIQC4Vqc7ckZr
zaEzd1bS8wsnS//v/hCPkLJtOEElJanUcQ==
-----END CERTIFICATE-----
`;

/** P-256. */
export const key = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgf9EkBHgc4kbQ3rB4
d9Og0Rf46CJzOl6rntU2bjWhQHuhRANCAAQzR3qPqMUEU/5wWSWhjvKkIgeAbWSZ
a+ZW1s/mnYDFk0XxQNvKJD8e6i7Ac7fthDC0cJ9jfQ10s70Sf4lyI7LI
-----END PRIVATE KEY-----
`;
