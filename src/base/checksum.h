/* The CRC of POSIX cksum; see sr_digest in strongroom.h for CRC and SHA-256 together. */
#ifndef SR_CHECKSUM_H
#define SR_CHECKSUM_H

#include "strongroom.h"

/* Feed bytes, starting from 0; polynomial 0x04C11DB7, most significant bit first. */
uint32_t sr_cksum_add(uint32_t crc, const void *bytes, size_t length);

/* Appends the length of all that was fed, as POSIX asks, and inverts. */
uint32_t sr_cksum_end(uint32_t crc, uint64_t total_length);

/* SHA-256 of some text as 64 hex digits, for migrations' checksums and row digests. It fails
 * only where libcrypto cannot be loaded, has no memory or no SHA-256; hex is "" then. */
SR_MUST_CHECK sr_status sr_sha256_hex(const void *bytes, size_t length, char hex[65]);

#endif
