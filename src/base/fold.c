/*
 * Folding a text for matching.
 *
 * Two spellings of a name must become the same bytes, and a folded text must fold to itself:
 * decompose, fold the case, compose. Decomposing comes first, because folding turns the combining
 * iota (U+0345) into a letter, behind which marks are no longer put in order.
 */
#include <stdlib.h>
#include <string.h>

#include <utf8proc.h>

#include "error.h"
#include "text.h"
#include "utf8.h"

/* How many of the bytes are ASCII before the first that is not. */
static size_t ascii_run(const char *bytes, size_t length)
{
	size_t i = 0;
	uint64_t eight;

	for (; length - i >= sizeof(eight); i += sizeof(eight)) {
		memcpy(&eight, bytes + i, sizeof(eight));
		if (eight & UINT64_C(0x8080808080808080))
			break;
	}
	while (i < length && (unsigned char)bytes[i] < 0x80)
		i++;
	return i;
}

/* Adds ASCII in lower case. */
static void add_lower(sr_buffer *out, const char *bytes, size_t length)
{
	size_t at = out->length;

	sr_buffer_add(out, bytes, length);
	if (out->failed)
		return;
	for (; at < out->length; at++) {
		unsigned char c = (unsigned char)out->data[at];

		/* Without a branch, so that the compiler does sixteen at once. */
		out->data[at] = (char)(c | ((unsigned char)(c - 'A') < 26) << 5);
	}
}

/* Folds a run of well-formed UTF-8. */
static sr_status add_folded(sr_buffer *out, const char *bytes, size_t length)
{
	utf8proc_uint8_t *apart = NULL, *folded = NULL;
	utf8proc_ssize_t n;
	sr_status rc = SR_OK;

	n = utf8proc_map((const utf8proc_uint8_t *)bytes, (utf8proc_ssize_t)length, &apart,
			 UTF8PROC_STABLE | UTF8PROC_DECOMPOSE);
	if (n < 0)
		goto err0;
	n = utf8proc_map(apart, n, &folded, UTF8PROC_STABLE | UTF8PROC_CASEFOLD | UTF8PROC_COMPOSE);
	if (n < 0)
		goto err0;
	sr_buffer_add(out, folded, (size_t)n);
	goto out;

err0:
	rc = n == UTF8PROC_ERROR_NOMEM
		     ? sr_fail_memory()
		     : sr_fail(SR_INVALID, "text cannot be folded: %s", utf8proc_errmsg(n));
	out->failed = true;
out:
	free(folded);
	free(apart);
	return rc;
}

const char *sr_text_fold_version(void)
{
	return utf8proc_unicode_version();
}

sr_status sr_text_fold(sr_text text, sr_buffer *out)
{
	size_t n, at = ascii_run(text.data, text.length);
	sr_status rc;

	sr_buffer_clear(out);
	if (at == text.length) {
		add_lower(out, text.data, text.length);
		return sr_buffer_status(out);
	}
	for (size_t start = 0; start < text.length; start = at) {
		for (at = start; at < text.length; at += n)
			if ((n = sr_utf8_sequence(text.data + at, text.length - at)) == 0)
				break;
		if (at > start && (rc = add_folded(out, text.data + start, at - start)) != SR_OK)
			return rc;
		for (start = at; at < text.length; at++)
			if (sr_utf8_sequence(text.data + at, text.length - at) > 0)
				break;
		sr_buffer_add(out, text.data + start, at - start);
	}
	return sr_buffer_status(out);
}

bool sr_text_contains(sr_text text, sr_text folded_term, sr_buffer *scratch)
{
	if (text.data == NULL)
		return false;
	if (folded_term.length == 0)
		return true;
	if (sr_text_fold(text, scratch) != SR_OK || scratch->length < folded_term.length)
		return false;
	return memmem(scratch->data, scratch->length, folded_term.data, folded_term.length) != NULL;
}
