/* Numbers as bytes, for everything that the index stores: little-endian, and varints of seven
 * bits a byte, the low ones first. */
#ifndef SR_INDEX_BYTES_H
#define SR_INDEX_BYTES_H

#include "../base/buffer.h"
#include "../base/checksum.h"

/* Bytes that are read one after the other; `bad` once they end too early, and then all that is
 * read is 0. */
typedef struct sr_bytes {
	const unsigned char *at;
	const unsigned char *end;
	bool bad;
} sr_bytes;

static inline sr_bytes sr_bytes_of(const void *data, size_t length)
{
	const unsigned char *at = data;

	return (sr_bytes){at, at + length, false};
}

static inline uint64_t sr_bytes_varint(sr_bytes *bytes)
{
	uint64_t value = 0;

	for (unsigned shift = 0; shift < 64 && bytes->at < bytes->end; shift += 7) {
		unsigned char byte = *bytes->at++;

		value |= (uint64_t)(byte & 0x7F) << shift;
		if (byte < 0x80)
			return value;
	}
	bytes->bad = true;
	return 0;
}

/* The next `width` bytes as a number; at most 8. */
static inline uint64_t sr_bytes_fixed(sr_bytes *bytes, size_t width)
{
	uint64_t value = 0;

	if ((size_t)(bytes->end - bytes->at) < width) {
		bytes->bad = true;
		return 0;
	}
	for (size_t i = 0; i < width; i++)
		value |= (uint64_t)bytes->at[i] << (8 * i);
	bytes->at += width;
	return value;
}

/* So many bytes, left where they are; NULL if there are fewer. */
static inline const unsigned char *sr_bytes_take(sr_bytes *bytes, uint64_t length)
{
	const unsigned char *taken = bytes->at;

	if ((uint64_t)(bytes->end - bytes->at) < length) {
		bytes->bad = true;
		return NULL;
	}
	bytes->at += length;
	return taken;
}

static inline void sr_put_varint(sr_buffer *out, uint64_t value)
{
	unsigned char bytes[10];
	size_t n = 0;

	/* Most have one byte, and there is room for it. */
	if (value < 0x80 && out->capacity - out->length >= 2 && !out->failed) {
		out->data[out->length++] = (char)value;
		out->data[out->length] = '\0';
		return;
	}

	for (; value >= 0x80; value >>= 7)
		bytes[n++] = (unsigned char)(value | 0x80);
	bytes[n++] = (unsigned char)value;
	sr_buffer_add(out, bytes, n);
}

static inline void sr_put_fixed(sr_buffer *out, uint64_t value, size_t width)
{
	unsigned char bytes[8];

	for (size_t i = 0; i < width; i++)
		bytes[i] = (unsigned char)(value >> (8 * i));
	sr_buffer_add(out, bytes, width);
}

/* ---- What tells that a stored row is as it was written ---- */

#define SR_CHECK_BYTES 4

/* Of the numbers that stand in the row's other columns, and of its bytes. */
static inline uint32_t sr_check_of(const int64_t *columns, size_t count, const void *data,
				   size_t length)
{
	unsigned char bytes[8];
	uint32_t crc = 0;

	for (size_t i = 0; i < count; i++) {
		for (size_t k = 0; k < 8; k++)
			bytes[k] = (unsigned char)((uint64_t)columns[i] >> (8 * k));
		crc = sr_cksum_add(crc, bytes, sizeof(bytes));
	}
	return sr_cksum_end(sr_cksum_add(crc, data, length), length);
}

static inline void sr_put_check(sr_buffer *out, const int64_t *columns, size_t count)
{
	sr_put_fixed(out, sr_check_of(columns, count, out->data, out->length), SR_CHECK_BYTES);
}

/* Takes the check off the end; false if it is not that of the rest. */
static inline bool sr_take_check(sr_text *data, const int64_t *columns, size_t count)
{
	sr_bytes stored;

	if (data->data == NULL || data->length < SR_CHECK_BYTES)
		return false;
	data->length -= SR_CHECK_BYTES;
	stored = sr_bytes_of(data->data + data->length, SR_CHECK_BYTES);
	return sr_bytes_fixed(&stored, SR_CHECK_BYTES) ==
	       sr_check_of(columns, count, data->data, data->length);
}

#endif
