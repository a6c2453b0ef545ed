/* Key rings, and wrapped keys: any bytes as one, and a good one with some bytes changed. */
#include "base/ring.h"
#include "fuzz.h"

static void ring(sr_text text)
{
	char *copy = fuzz_bytes(text.data, text.length);
	sr_ring *read;

	if (fuzz_inner(sr_ring_parse(copy, text.length, "the ring", &read))) {
		FUZZ_CHECK(read->count <= SR_RING_KEYS_MAX);
		for (size_t i = 0; i < read->count; i++)
			FUZZ_CHECK(sr_ring_find(read, read->masters[i].id) != NULL);
		if (read->count > 0)
			sr_ring_remove(read, read->count / 2);
		sr_ring_free(read);
	}
	free(copy);
}

static const sr_master *master(void)
{
	static sr_master one;

	if (one.id[0] == '\0') {
		memset(one.secret, 7, sizeof(one.secret));
		FUZZ_CHECK(sr_master_derive(&one) == SR_OK);
	}
	return &one;
}

/* Opens for its owner as it was, and never once a byte is another. */
static void wrapped(fuzz_input *input)
{
	sr_text owner = fuzz_text(input), key = fuzz_text(input);
	const size_t length = key.length + SR_WRAP_MORE;
	unsigned char *bytes = malloc(length), *out = malloc(length);
	char id[SR_MASTER_ID_SIZE];
	bool changed = false, good;

	FUZZ_CHECK(bytes != NULL && out != NULL);
	FUZZ_CHECK(fuzz_inner(sr_wrap(master(), owner, key, bytes)));
	while (input->left >= 2) {
		const size_t at = fuzz_number(input, 1) % length;
		const unsigned char with = (unsigned char)fuzz_number(input, 1);

		bytes[at] ^= with;
		changed = changed || with != 0;
	}
	if (sr_is_wrapped((sr_text){(char *)bytes, length})) {
		sr_wrapped_id((sr_text){(char *)bytes, length}, id);
		FUZZ_CHECK(strlen(id) == SR_MASTER_ID_SIZE - 1);
		if (fuzz_inner(sr_unwrap(master(), owner, (sr_text){(char *)bytes, length}, out,
					 &good))) {
			FUZZ_CHECK(good || changed);
			FUZZ_CHECK(!good || memcmp(out, key.data, key.length) == 0);
		}
	}
	free(bytes);
	free(out);
}

static void any_wrapped(sr_text text)
{
	sr_text copy = {fuzz_bytes(text.data, text.length), text.length};
	unsigned char *out = malloc(text.length + 1);
	char id[SR_MASTER_ID_SIZE];
	bool good;

	FUZZ_CHECK(out != NULL);
	if (sr_is_wrapped(copy)) {
		FUZZ_CHECK(copy.length >= SR_WRAP_MORE);
		sr_wrapped_id(copy, id);
		if (fuzz_inner(sr_unwrap(master(), sr_text_of("owner"), copy, out, &good)))
			FUZZ_CHECK(!good);
	}
	free(out);
	free((void *)copy.data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_input input = {data, size};

	switch (fuzz_number(&input, 1) % 3) {
	case 0:
		ring(fuzz_rest(&input));
		break;
	case 1:
		any_wrapped(fuzz_rest(&input));
		break;
	default:
		wrapped(&input);
	}
	return 0;
}
