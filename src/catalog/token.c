#include "token.h"

#include <stdlib.h>
#include <string.h>

#include "../base/text.h"

/* Hex digits that stand for the query, and for the token itself. */
#define DIGEST_DIGITS (SR_TOKEN_DIGEST_SIZE - 1)

/* What comes before the text, in this order. The letter tells later forms apart. */
#define MARK        'c'
#define FLAG_LAST   1
#define FLAG_ID     2
#define FLAG_TEXT   4
#define FIXED_BYTES (1 + DIGEST_DIGITS + 1 + 8 + 16 + 8 + 8 + 8 + 8)

static void add_number(sr_buffer *bytes, int64_t number)
{
	uint64_t n = (uint64_t)number;
	unsigned char big_endian[8];

	for (int i = 7; i >= 0; i--, n >>= 8)
		big_endian[i] = (unsigned char)n;
	sr_buffer_add(bytes, big_endian, sizeof(big_endian));
}

/*
 * FNV-1a, and its bits mixed once more. It is there against mistakes, other queries and garbled
 * tokens, not against anybody who makes tokens up: those who may search may read every row. So
 * a search does without libcrypto, which takes a millisecond to begin. Bytes that differ in one
 * place alone never have the same.
 */
static void digest_of(const sr_buffer *bytes, char digest[SR_TOKEN_DIGEST_SIZE])
{
	uint64_t hash = 14695981039346656037u;
	unsigned char big_endian[8];

	for (size_t i = 0; i < bytes->length; i++)
		hash = (hash ^ (unsigned char)bytes->data[i]) * 1099511628211u;
	hash = (hash ^ hash >> 32) * UINT64_C(0x9E3779B97F4A7C15);
	hash ^= hash >> 29;
	for (int i = 7; i >= 0; i--, hash >>= 8)
		big_endian[i] = (unsigned char)hash;
	sr_hex(big_endian, sizeof(big_endian), digest);
}

static int64_t read_number(const char *bytes)
{
	uint64_t n = 0;

	for (int i = 0; i < 8; i++)
		n = n << 8 | (unsigned char)bytes[i];
	return (int64_t)n;
}

/* With its length, and null told from empty, so that no two lists of texts look alike. */
static void add_text(sr_buffer *bytes, sr_text text)
{
	add_number(bytes, text.data ? (int64_t)text.length : -1);
	sr_buffer_add(bytes, text.data, text.data ? text.length : 0);
}

/* Where a condition has its kind. */
#define CLIENT_PART (-1)

/* Clients by a part of their names, and further conditions in their order; a query without them has
 * the digest that it always had. */
static void add_matches(sr_buffer *bytes, const sr_query *query)
{
	if (query->client_part.length > 0) {
		add_number(bytes, CLIENT_PART);
		add_text(bytes, query->client_part);
	}
	for (size_t i = 0; i < query->match_count; i++) {
		add_number(bytes, query->matches[i].kind);
		add_number(bytes, query->matches[i].negated);
		add_text(bytes, query->matches[i].text);
	}
}

/* Of the dates only which ones are set: their values are in the token, because a caller who says
 * "the last seven days" at every page means other instants each time. */
sr_status sr_token_digest(const sr_query *query, char digest[SR_TOKEN_DIGEST_SIZE])
{
	sr_buffer bytes = SR_BUFFER_EMPTY;
	sr_status rc;

	add_text(&bytes, query->term);
	add_text(&bytes, query->file_type);
	add_text(&bytes, query->client_name);
	add_number(&bytes, query->from != SR_NULL_INTEGER);
	add_number(&bytes, query->to != SR_NULL_INTEGER);
	add_number(&bytes, query->min_size);
	add_number(&bytes, query->max_size);
	add_number(&bytes, query->verified_only);
	add_number(&bytes, query->present_only);
	add_number(&bytes, query->all_versions);
	add_number(&bytes, query->sort);
	add_number(&bytes, query->reverse);
	add_matches(&bytes, query);
	if ((rc = sr_buffer_status(&bytes)) == SR_OK)
		digest_of(&bytes, digest);
	sr_buffer_free(&bytes);
	return rc;
}

sr_status sr_token_make(const char *digest, int64_t from, int64_t to, const sr_rank_key *key,
			char **token)
{
	const char mark = MARK;
	const char flags = (char)((key->last ? FLAG_LAST : 0) | (key->has_id ? FLAG_ID : 0) |
				  (key->text.data ? FLAG_TEXT : 0));
	sr_buffer bytes = SR_BUFFER_EMPTY;
	char check[SR_TOKEN_DIGEST_SIZE];
	sr_status rc;

	*token = NULL;
	sr_buffer_add(&bytes, &mark, 1);
	sr_buffer_add(&bytes, digest, DIGEST_DIGITS);
	sr_buffer_add(&bytes, &flags, 1);
	add_number(&bytes, key->number);
	sr_buffer_add(&bytes, key->id.bytes, sizeof(key->id.bytes));
	add_number(&bytes, key->row);
	add_number(&bytes, key->version);
	add_number(&bytes, from);
	add_number(&bytes, to);
	sr_buffer_add(&bytes, key->text.data, key->text.data ? key->text.length : 0);
	if ((rc = sr_buffer_status(&bytes)) != SR_OK)
		goto err0;
	digest_of(&bytes, check);
	if ((*token = malloc(bytes.length * 2 + DIGEST_DIGITS + 1)) == NULL) {
		rc = sr_fail_memory();
		goto err0;
	}
	sr_hex(bytes.data, bytes.length, *token);
	memcpy(*token + bytes.length * 2, check, DIGEST_DIGITS);
	(*token)[bytes.length * 2 + DIGEST_DIGITS] = '\0';

err0:
	sr_buffer_free(&bytes);
	return rc;
}

static sr_status fail_garbage(const char *token)
{
	return sr_fail(SR_INVALID, "this is no continuation token of a search: %s",
		       sr_quoted(sr_text_of(token)));
}

/* Only the digits that sr_hex writes: an upper-case one is a flipped bit. */
static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The bytes of the token without its checksum, which is right. */
static sr_status decode(const char *token, sr_buffer *bytes)
{
	size_t length = strlen(token);
	char check[SR_TOKEN_DIGEST_SIZE];
	sr_status rc;

	if (length < FIXED_BYTES * 2 + DIGEST_DIGITS || length % 2 != 0)
		return fail_garbage(token);
	length -= DIGEST_DIGITS;
	for (size_t i = 0; i < length; i += 2) {
		int high = digit(token[i]);
		int low = digit(token[i + 1]);
		char byte = (char)(high * 16 + low);

		if (high < 0 || low < 0)
			return fail_garbage(token);
		sr_buffer_add(bytes, &byte, 1);
	}
	if ((rc = sr_buffer_status(bytes)) != SR_OK)
		return rc;
	digest_of(bytes, check);
	if (memcmp(check, token + length, DIGEST_DIGITS) != 0 || bytes->data[0] != MARK)
		return fail_garbage(token);
	return SR_OK;
}

sr_status sr_token_read(const char *digest, const char *token, sr_rank_key *key, int64_t *from,
			int64_t *to)
{
	sr_buffer bytes = SR_BUFFER_EMPTY;
	sr_rank_key seen = {0};
	const char *at;
	sr_status rc;

	*key = (sr_rank_key){0};
	if ((rc = decode(token, &bytes)) != SR_OK)
		goto err0;
	at = bytes.data + 1;
	if (memcmp(at, digest, DIGEST_DIGITS) != 0) {
		rc = sr_fail(SR_INVALID, "this continuation token belongs to another search: %s",
			     sr_quoted(sr_text_of(token)));
		goto err0;
	}
	at += DIGEST_DIGITS;
	seen.last = *at & FLAG_LAST;
	seen.has_id = *at & FLAG_ID;
	if (*at & FLAG_TEXT)
		seen.text = (sr_text){bytes.data + FIXED_BYTES, bytes.length - FIXED_BYTES};
	seen.number = read_number(at + 1);
	memcpy(seen.id.bytes, at + 9, sizeof(seen.id.bytes));
	seen.row = read_number(at + 25);
	seen.version = read_number(at + 33);
	if ((rc = sr_rank_key_copy(&seen, key)) != SR_OK)
		goto err0;
	*from = read_number(at + 41);
	*to = read_number(at + 49);

err0:
	sr_buffer_free(&bytes);
	return rc;
}
