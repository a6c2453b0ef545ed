#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "expect.h"

#define EACH 20000

static void round_trip(void **state)
{
	char text[SR_ID_TEXT_SIZE], upper[SR_ID_TEXT_SIZE];
	sr_id id, back;

	(void)state;
	sr_id_new(&id);
	/* RFC 9562: version 7, variant 10. */
	assert_int_equal(id.bytes[6] >> 4, 7);
	assert_int_equal(id.bytes[8] >> 6, 2);
	sr_id_format(&id, text);
	assert_int_equal(sr_id_parse(text, &back), SR_OK);
	assert_memory_equal(&id, &back, sizeof(id));
	assert_int_equal(sr_id_parse("017F22E2-79b0-7cc3-98c4-dc0c0c07398f", &back), SR_OK);
	sr_id_format(&back, upper);
	assert_string_equal(upper, "017f22e279b07cc398c4dc0c0c07398f");
}

static void refuses_other_texts(void **state)
{
	static const char *const bad[] = {"",
					  "017f22e279b07cc398c4dc0c0c07398",
					  "017f22e279b07cc398c4dc0c0c07398fa",
					  "017f22e279b07cc398c4dc0c0c07398g",
					  "017f22e279b0-7cc3-98c4-dc0c-0c07398f",
					  "017f22e2-79b0-7cc3-98c4-dc0c0c07398-",
					  " 17f22e279b07cc398c4dc0c0c07398f"};
	sr_id id = {{1}}, same = {{1}};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(sr_id_parse(bad[i], &id), SR_INVALID);
		assert_non_null(strstr(sr_error_message(), bad[i]));
	}
	assert_int_equal(sr_id_parse(NULL, &id), SR_INVALID);
	assert_memory_equal(&id, &same, sizeof(id));
}

static void time_is_in_front(void **state)
{
	int64_t before = sr_time_now() / 1000, ms = 0;
	sr_id id;

	(void)state;
	sr_id_new(&id);
	for (int i = 0; i < 6; i++)
		ms = ms << 8 | id.bytes[i];
	assert_true(ms >= before);
	/* Counting on within a millisecond may run ahead of the clock, but not by much. */
	assert_true(ms <= sr_time_now() / 1000 + 1000);
}

static void *make(void *arg)
{
	sr_id *ids = arg;

	for (int i = 0; i < EACH; i++)
		sr_id_new(&ids[i]);
	return NULL;
}

static int by_bytes(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(sr_id));
}

static void threads_never_repeat_or_go_back(void **state)
{
	sr_id *ids = calloc(4 * EACH, sizeof(*ids));
	pthread_t threads[4];

	(void)state;
	assert_non_null(ids);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, make, ids + i * EACH), 0);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	for (int i = 0; i < 4 * EACH; i++)
		if (i % EACH != 0)
			assert_true(by_bytes(&ids[i - 1], &ids[i]) < 0);
	qsort(ids, 4 * EACH, sizeof(*ids), by_bytes);
	for (int i = 1; i < 4 * EACH; i++)
		assert_true(by_bytes(&ids[i - 1], &ids[i]) < 0);
	free(ids);
}

/* A child that went on with the parent's random bytes would make the parent's ids. */
static void a_child_makes_its_own(void **state)
{
	sr_id mine, its;
	int pipes[2], status;
	pid_t pid;

	(void)state;
	sr_id_new(&mine);
	assert_int_equal(pipe(pipes), 0);
	if ((pid = fork()) == 0) {
		sr_id_new(&its);
		_exit(write(pipes[1], &its, sizeof(its)) != sizeof(its));
	}
	assert_true(pid > 0);
	sr_id_new(&mine);
	assert_int_equal(read(pipes[0], &its, sizeof(its)), sizeof(its));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_memory_not_equal(mine.bytes + 8, its.bytes + 8, 8);
	close(pipes[0]);
	close(pipes[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip),
		cmocka_unit_test(refuses_other_texts),
		cmocka_unit_test(time_is_in_front),
		cmocka_unit_test(threads_never_repeat_or_go_back),
		cmocka_unit_test(a_child_makes_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
