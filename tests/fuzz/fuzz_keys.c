/* Public keys in PEM or DER. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *bytes = fuzz_bytes(data, size), *key, *again;
	size_t length, second;

	if (fuzz_done(sr_public_key_read((sr_text){bytes, size}, &key, &length))) {
		FUZZ_CHECK(length > 0 && length <= SR_KEY_MAX);
		/* What is kept reads back as itself. */
		FUZZ_CHECK(fuzz_done(sr_public_key_read((sr_text){key, length}, &again, &second)));
		FUZZ_CHECK(second == length && memcmp(key, again, length) == 0);
		sr_free(again);
		sr_free(key);
	} else {
		FUZZ_CHECK(key == NULL && length == 0);
	}
	free(bytes);
	return 0;
}
