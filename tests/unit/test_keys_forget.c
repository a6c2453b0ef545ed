/* Every call of the system that forgetting old master keys makes fails, one after the other: what
 * is told says that the keys are rotated, and every key can be read. */
#include <inttypes.h>

#include "../torture/shim.h"
#include "keys_fixture.h"

/* An sr_stage_fn. */
static bool arm_when_forgetting(void *arg, const char *step, int64_t done, int64_t total)
{
	(void)done;
	(void)total;
	if (strcmp(step, "forgetting old master keys") == 0)
		shim_arm(SHIM_IO, *(const uint64_t *)arg, false);
	return false;
}

/* Whether a call failed, so that there may be one after it. */
static bool rotate_without(catalog_fixture *f, uint64_t nth, int *told)
{
	sr_keys_rotate_options options;
	sr_keys_rotated done;
	uint64_t failed;
	sr_status rc;

	sr_keys_rotate_options_init(&options);
	options.forget_old = true;
	options.progress = arm_when_forgetting;
	options.progress_arg = &nth;
	rc = sr_keys_rotate(f->catalog, &options, &done);
	failed = shim_disarm();
	if (rc == SR_OK)
		return failed > 0;
	if (strstr(sr_error_message(), "the keys are rotated, but old master keys may be left: ") ==
	    NULL)
		fail_msg("without call %" PRIu64 " of %s: %s", nth, shim_where(),
			 sr_error_message());
	++*told;
	return true;
}

static void what_fails_says_that_keys_are_rotated(void **state)
{
	catalog_fixture *f = *state;
	uint64_t nth = 1;
	int told = 0;

	keys_set_up(f);
	while (rotate_without(f, nth, &told))
		nth++;
	assert_true(told > 0);
	for (unsigned i = 0; i < KEYS; i++)
		assert_key(f->catalog, i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(what_fails_says_that_keys_are_rotated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
