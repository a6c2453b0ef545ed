#include "crypto.h"

static const char *const names[] = {SR_CRYPTO_CALLS(SR_LIBRARY_NAME)};
static sr_crypto calls;
static sr_library library = {
	.file = "libcrypto.so." OPENSSL_MSTR(OPENSSL_SHLIB_VERSION),
	.names = names,
	.pointers = &calls,
	.count = sizeof(names) / sizeof(names[0]),
};

sr_status sr_crypto_get(const sr_crypto **crypto)
{
	*crypto = &calls;
	return sr_library_load(&library);
}
