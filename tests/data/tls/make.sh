#!/usr/bin/env bash
# Makes the keystores of this directory anew, with keytool of a JDK 17 and openssl 3. Their passwords are "cassandra".
set -euo pipefail
cd "$(dirname "$0")"
rm -f ./*.pem ./*.jks ./*.p12
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tool() { keytool -noprompt -storepass cassandra "$@"; }

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 36500 -subj /CN=authority \
  -keyout "$work/authority.key" -out "$work/authority.pem"

# As the guides to Cassandra do it: a key with its own certificate, the authority trusted.
for store in JKS:RSA:2048:keytool.jks PKCS12:EC:256:keytool.p12; do
  IFS=: read -r type algorithm size file <<<"$store"
  tool -genkeypair -storetype "$type" -keystore "$file" -alias node -keyalg "$algorithm" -keysize "$size" \
    -validity 36500 -dname CN=node
  tool -importcert -storetype "$type" -keystore "$file" -alias authority -file "$work/authority.pem"
done

# A key whose certificate the authority signed: without extensions, which makes it one of version 1 of X.509.
openssl req -newkey rsa:2048 -nodes -subj /CN=node -keyout "$work/node.key" -out "$work/node.csr"
openssl x509 -req -in "$work/node.csr" -days 36500 -CA "$work/authority.pem" -CAkey "$work/authority.key" \
  -set_serial 2 -out "$work/node.pem"
export_p12() {
  openssl pkcs12 -export -inkey "$work/node.key" -in "$work/node.pem" -certfile "$work/authority.pem" -name node \
    -passout pass:cassandra "$@"
}
export_p12 -out openssl.p12
export_p12 -legacy -out openssl-legacy.p12

cat "$work/node.key" "$work/node.pem" "$work/authority.pem" > plain.pem
encrypted() { openssl pkcs8 -topk8 -in "$work/node.key" -passout pass:cassandra "$@"; }
{ encrypted -v2 aes-256-cbc; cat "$work/node.pem"; } > aes.pem
{ encrypted -v2 des3 -v2prf hmacWithSHA1; cat "$work/node.pem"; } > des3.pem
{ encrypted -v1 PBE-SHA1-3DES; cat "$work/node.pem"; } > pbes1.pem
