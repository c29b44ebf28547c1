// SPDX-License-Identifier: Apache-2.0
#include "tls_exporter.h"

#include <openssl/evp.h>

/* RFC 9266, section 2 */
static const char label[] = "EXPORTER-Channel-Binding";

int cc_tls_exporter(SSL *ssl, unsigned char out[static CC_TLS_EXPORTER_LEN])
{
	unsigned char exporter[32];

	if (SSL_export_keying_material(ssl, exporter, sizeof(exporter), label, sizeof(label) - 1,
				       NULL, 0, 0) != 1)
		return -1;
	return EVP_Digest(exporter, sizeof(exporter), out, NULL, EVP_sha256(), NULL) == 1 ? 0 : -1;
}
