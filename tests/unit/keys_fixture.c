#include "keys_fixture.h"

const size_t key_lengths[KEYS] = {16, 24, 32, 8, 17, 31, 33, 300, 4096};

void make_key(unsigned which, unsigned char *key)
{
	uint32_t state = 2463534242u + which * 77u;

	for (size_t i = 0; i < key_lengths[which]; i++) {
		state ^= state << 13;
		state ^= state >> 17;
		state ^= state << 5;
		key[i] = (unsigned char)(state >> 8);
	}
}

sr_id key_owner(unsigned which)
{
	sr_id id = {.bytes = {0x77, 0x01, (uint8_t)which}};

	return id;
}

sr_status save_key(sr_catalog *catalog, unsigned which)
{
	unsigned char key[4096];
	char name[32];
	sr_client client = {.id = key_owner(which),
			    .aes_key = {(const char *)key, key_lengths[which]}};

	make_key(which, key);
	snprintf(name, sizeof(name), "client %u", which);
	client.name = sr_text_of(name);
	return sr_client_save(catalog, &client, 1, NULL);
}

void assert_key(sr_catalog *catalog, unsigned which)
{
	const sr_id id = key_owner(which);
	unsigned char key[4096];
	sr_client *client;

	make_key(which, key);
	assert_ok(sr_client_by_id(catalog, &id, &client));
	assert_int_equal(client->aes_key.length, key_lengths[which]);
	assert_memory_equal(client->aes_key.data, key, key_lengths[which]);
	sr_client_free(client);
}

void open_with_ring(catalog_fixture *f, const char *ring)
{
	assert_ok(sr_close(f->catalog));
	f->options.master_key_file = ring;
	catalog_open(f);
}

sr_keys_done keys_begin(const catalog_fixture *f)
{
	sr_keys_done done;

	assert_ok(sr_keys_init(f->catalog, NULL, &done));
	return done;
}

void keys_set_up(catalog_fixture *f)
{
	sr_keys_done done;

	f->options.master_key_file = scratch_path("ring");
	catalog_open(f);
	for (unsigned i = 0; i < KEYS; i++)
		assert_ok(save_key(f->catalog, i));
	done = keys_begin(f);
	assert_true(done.ring_made && done.begun && done.cleaned);
	assert_int_equal(done.changed, KEYS);
}

int64_t keys_wrapped(const catalog_fixture *f)
{
	return integer(f, "SELECT count(*) FROM clients WHERE hex(substr(AESKey, 1, 8)) = "
			  "'9353524B45590A01'");
}

void assert_old_key(const catalog_fixture *f, bool is_wrapped)
{
	sr_client *client;

	assert_int_equal(integer(f, "SELECT length(AESKey) FROM clients WHERE Name = 'old code'"),
			 is_wrapped ? 60 : 16);
	assert_ok(sr_client_by_name(f->catalog, sr_text_of("old code"), &client));
	assert_text(client->aes_key, "OLDOLDOLDOLDOLD!");
	sr_client_free(client);
}
