/* Wrapped keys that say no more what they are, since they were cut short or their first bytes were
 * changed: never a plain key, and nothing that they may need is thrown away. */
#include <inttypes.h>

#include "keys_fixture.h"

#define DAMAGED 2 /* One of 32 bytes, and so of 76. */

static const char *const damages[] = {
	"x'9253524b45590a01' || substr(AESKey, 9)",
	"x'9353524b45590a00' || substr(AESKey, 9)",
	"x'93ffffff45590a01' || substr(AESKey, 9)",
	"zeroblob(8) || substr(AESKey, 9)",
	"substr(AESKey, 1, 43)",
	"substr(AESKey, 1, 20)",
	"substr(AESKey, 1, 5)",
};

#define EACH_DAMAGE (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++)

static void damage(const catalog_fixture *f, const char *with)
{
	char sql[256];

	snprintf(sql, sizeof(sql),
		 "UPDATE clients SET AESKey = CAST(%s AS BLOB) WHERE Name = 'client %d'", with,
		 DAMAGED);
	foreign_sql(f, sql);
}

static int64_t is_damaged(const catalog_fixture *f, const char *with)
{
	char sql[256];

	snprintf(sql, sizeof(sql),
		 "SELECT count(*) FROM clients WHERE Name = 'client %d' AND length(AESKey) = %s",
		 DAMAGED,
		 strstr(with, "43")    ? "43"
		 : strstr(with, "20")  ? "20"
		 : strstr(with, ", 5") ? "5"
				       : "76");
	return integer(f, sql);
}

static void assert_told(const catalog_fixture *f)
{
	const sr_id id = key_owner(DAMAGED);
	sr_keys_status *status;
	int64_t checked, faults;
	sr_client *client;

	assert_fails(sr_client_by_id(f->catalog, &id, &client), SR_CORRUPT, "client 2");
	assert_says("was changed, or cut short");
	assert_ok(sr_keys_check(f->catalog, NULL, NULL, &checked, &faults));
	assert_int_equal(checked, KEYS);
	assert_int_equal(faults, 1);
	assert_ok(sr_keys_status_get(f->catalog, &status));
	assert_int_equal(status->wrapped, KEYS);
	assert_int_equal(status->plain, 0);
	sr_keys_status_free(status);
}

static void it_is_told_and_never_wrapped_again(void **state)
{
	catalog_fixture *f = *state;
	sr_keys_done done;

	keys_set_up(f);
	for
		EACH_DAMAGE
		{
			damage(f, damages[i]);
			assert_told(f);
			foreign_sql(f, OLD_CODE);
			assert_ok(save_key(f->catalog, 1));
			assert_old_key(f, true);
			foreign_sql(f, "DELETE FROM clients WHERE Name = 'old code'");
			assert_ok(sr_keys_init(f->catalog, NULL, &done));
			assert_int_equal(done.changed, 0);
			assert_int_equal(is_damaged(f, damages[i]), 1);
			assert_told(f);
			assert_fails(sr_keys_unwrap(f->catalog, &done), SR_CORRUPT, "client 2");
			/* Saved anew it is whole. */
			assert_ok(save_key(f->catalog, DAMAGED));
			assert_key(f->catalog, DAMAGED);
		}
}

/* In the ring, by opening it anew. */
static void assert_in_ring(catalog_fixture *f, const char *id)
{
	sr_keys_status *status;
	bool in_ring = false;

	open_with_ring(f, scratch_path("ring"));
	assert_ok(sr_keys_status_get(f->catalog, &status));
	for (size_t i = 0; i < status->master_count; i++)
		in_ring |= strcmp(status->masters[i].id, id) == 0 && status->masters[i].in_ring;
	sr_keys_status_free(status);
	assert_true(in_ring);
}

static void no_master_key_that_it_may_need_is_forgotten(void **state)
{
	catalog_fixture *f = *state;
	sr_keys_rotate_options options;
	sr_keys_rotated done;
	char needed[SR_MASTER_ID_SIZE];

	keys_set_up(f);
	sr_keys_rotate_options_init(&options);
	options.even_needed = options.forget_old = true;
	for
		EACH_DAMAGE
		{
			assert_ok(sr_keys_rotate(f->catalog, NULL, &done));
			strcpy(needed, done.id);
			damage(f, damages[i]);
			assert_fails(sr_keys_rotate(f->catalog, &options, &done), SR_CORRUPT,
				     "1 could not be opened");
			assert_int_equal(done.unreadable, 1);
			assert_int_equal(done.changed, KEYS - 1);
			assert_in_ring(f, needed);
			assert_int_equal(is_damaged(f, damages[i]), 1);
			assert_ok(save_key(f->catalog, DAMAGED));
			assert_ok(sr_keys_rotate(f->catalog, &options, &done));
			assert_true(done.forgotten > 0);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(it_is_told_and_never_wrapped_again),
		WITH(no_master_key_that_it_may_need_is_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
