#include "ring.h"

#include <stdlib.h>
#include <string.h>

#include "crypto.h"
#include "error.h"
#include "instant.h"
#include "secret.h"
#include "text.h"

#define BASE64 44 /* Characters of a master key. */

static sr_status ring_new(sr_ring **ring)
{
	sr_ring *fresh = calloc(1, sizeof(*fresh));

	*ring = NULL;
	if (fresh == NULL)
		return sr_fail_memory();
	fresh->room = SR_RING_KEYS_MAX * sizeof(sr_master);
	if ((fresh->masters = sr_secret_new(fresh->room)) == NULL) {
		free(fresh);
		return sr_fail_memory();
	}
	*ring = fresh;
	return SR_OK;
}

void sr_ring_free(sr_ring *ring)
{
	if (ring == NULL)
		return;
	sr_secret_free(ring->masters, ring->room);
	free(ring);
}

const sr_master *sr_ring_find(const sr_ring *ring, const char *id)
{
	for (size_t i = 0; i < ring->count; i++)
		if (strcmp(ring->masters[i].id, id) == 0)
			return &ring->masters[i];
	return NULL;
}

const sr_master *sr_ring_newest(const sr_ring *ring)
{
	return ring->count > 0 ? &ring->masters[ring->count - 1] : NULL;
}

sr_status sr_ring_add(sr_ring *ring, const sr_master *master)
{
	if (ring->count == SR_RING_KEYS_MAX)
		return sr_fail(SR_INVALID,
			       "a key ring has at most %d master keys: remove those that nothing "
			       "needs, with strongroom keys rotate --forget-old, or keep several "
			       "catalogs' apart",
			       SR_RING_KEYS_MAX);
	ring->masters[ring->count++] = *master;
	return SR_OK;
}

void sr_ring_remove(sr_ring *ring, size_t index)
{
	memmove(&ring->masters[index], &ring->masters[index + 1],
		(ring->count - index - 1) * sizeof(sr_master));
	explicit_bzero(&ring->masters[--ring->count], sizeof(sr_master));
}

/* ---- Text ---- */

/* The next word of a line, or what is left of it: its length, 0 at the end. */
static size_t word(const char **at, const char *end, const char **start)
{
	while (*at < end && (**at == ' ' || **at == '\t' || **at == '\r'))
		(*at)++;
	*start = *at;
	while (*at < end && **at != ' ' && **at != '\t' && **at != '\r')
		(*at)++;
	return (size_t)(*at - *start);
}

/* One way to write them counts: what is written again must come out the same. */
static bool decode(const sr_crypto *crypto, const char *base64, unsigned char out[SR_MASTER_SIZE])
{
	unsigned char bytes[BASE64 / 4 * 3], again[BASE64 + 1];
	bool good;

	good = crypto->EVP_DecodeBlock(bytes, (const unsigned char *)base64, BASE64) ==
	       (int)sizeof(bytes);
	if (good) {
		crypto->EVP_EncodeBlock(again, bytes, SR_MASTER_SIZE);
		good = memcmp(again, base64, BASE64) == 0;
	}
	if (good)
		memcpy(out, bytes, SR_MASTER_SIZE);
	explicit_bzero(bytes, sizeof(bytes));
	explicit_bzero(again, sizeof(again));
	return good;
}

/* NULL, or what is wrong with the line. */
static const char *parse_line(const sr_crypto *crypto, const char *at, const char *end,
			      sr_master *master, char id[SR_MASTER_ID_SIZE])
{
	const char *start;
	int64_t instant;

	if (word(&at, end, &start) != SR_MASTER_ID_SIZE - 1)
		return "does not begin with the 16 hex digits of an id";
	memcpy(id, start, SR_MASTER_ID_SIZE - 1);
	id[SR_MASTER_ID_SIZE - 1] = '\0';
	size_t length = word(&at, end, &start);
	if (length == 0 || length >= sizeof(master->made))
		return "has no time behind the id";
	memcpy(master->made, start, length);
	master->made[length] = '\0';
	if (strlen(master->made) != length || !sr_instant_read(master->made, &instant, NULL))
		return "has no time behind the id";
	if (word(&at, end, &start) != BASE64 || !decode(crypto, start, master->secret) ||
	    word(&at, end, &start) != 0)
		return "does not end with a key of 32 bytes in base64";
	return NULL;
}

static sr_status take_line(const sr_crypto *crypto, sr_ring *ring, const char *line,
			   const char *end, const char *source, size_t number)
{
	sr_master master = {0};
	char id[SR_MASTER_ID_SIZE] = "";
	const char *wrong = parse_line(crypto, line, end, &master, id);
	sr_status rc = SR_OK;

	if (wrong == NULL && (rc = sr_master_derive(&master)) == SR_OK &&
	    strcmp(master.id, id) != 0)
		wrong = "has a key that the id is not of";
	if (wrong != NULL)
		rc = sr_fail(SR_INVALID, "line %zu of %s %s", number, source, wrong);
	else if (rc == SR_OK && sr_ring_find(ring, id) == NULL)
		rc = sr_ring_add(ring, &master);
	explicit_bzero(&master, sizeof(master));
	return rc;
}

sr_status sr_ring_parse(const char *text, size_t length, const char *source, sr_ring **ring)
{
	const char *const end = text + length;
	const sr_crypto *crypto;
	size_t number = 0;
	sr_status rc;

	*ring = NULL;
	if ((rc = sr_crypto_get(&crypto)) != SR_OK || (rc = ring_new(ring)) != SR_OK)
		return rc;
	while (text < end && rc == SR_OK) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		const char *stop = newline != NULL ? newline : end;
		const char *at = text, *start;

		number++;
		if (word(&at, stop, &start) > 0 && *start != '#')
			rc = take_line(crypto, *ring, start, stop, source, number);
		text = stop + 1;
	}
	if (rc != SR_OK) {
		sr_ring_free(*ring);
		*ring = NULL;
	}
	return rc;
}
