/* Clients with AES keys of every length, kept wrapped under a ring in the test's folder. */
#ifndef KEYS_FIXTURE_H
#define KEYS_FIXTURE_H

#include "catalog_fixture.h"

#define KEYS 9

/* Of every length that there may be. None has a run of bytes that anything else here has. */
extern const size_t key_lengths[KEYS];
void make_key(unsigned which, unsigned char *key);

/* The client "client N" that has it. */
sr_id key_owner(unsigned which);

sr_status save_key(sr_catalog *catalog, unsigned which);
void assert_key(sr_catalog *catalog, unsigned which);

/* The catalog closed and opened again with that ring, NULL for none. */
void open_with_ring(catalog_fixture *f, const char *ring);

/* Keys are wrapped from now on. */
sr_keys_done keys_begin(const catalog_fixture *f);

/* A catalog with all keys, wrapped; the ring is scratch_path("ring"). */
void keys_set_up(catalog_fixture *f);

/* How many keys are wrapped. */
int64_t keys_wrapped(const catalog_fixture *f);

/* What a program that knows nothing of wrapping writes, and how that is read. */
#define OLD_CODE                                                                                   \
	"INSERT OR REPLACE INTO clients (ID, Name, PublicKey, LastSeen, AESKey) VALUES "           \
	"(x'aa0102030405060708090a0b0c0d0e0f', 'old code', NULL, '2026-01-01', "                   \
	"x'4f4c444f4c444f4c444f4c444f4c4421')"
void assert_old_key(const catalog_fixture *f, bool is_wrapped);

#define WITH(name) cmocka_unit_test_setup_teardown(name, catalog_setup, catalog_teardown)

#endif
