/* The system's clock jumps back and forth: this program's clock_gettime and time are in the place
 * of the C library's. */
#include "catalog_fixture.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <time.h>

static _Atomic int64_t jump; /* Seconds that the time of day is off by. */

__attribute__((visibility("default"))) int clock_gettime(clockid_t clock, struct timespec *now)
{
	long rc = syscall(SYS_clock_gettime, clock, now);

	if (rc == 0 && clock == CLOCK_REALTIME)
		now->tv_sec += (time_t)atomic_load(&jump);
	return (int)rc;
}

static const int64_t jumps[] = {0, 3600, -3600, 86400 * 365, -86400 * 365 * 10, 1, -1, 0};

enum { JUMPS = sizeof(jumps) / sizeof(jumps[0]) };

static int jumping_setup(void **state)
{
	atomic_store(&jump, 0);
	return catalog_setup_client(state);
}

static void ids_never_repeat_nor_go_back(void **state)
{
	sr_id last = {{0}}, id;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		atomic_store(&jump, jumps[i % JUMPS]);
		sr_id_new(&id);
		assert_true(memcmp(&last, &id, sizeof(id)) < 0);
		last = id;
	}
}

static void what_is_saved_keeps_its_order_and_place(void **state)
{
	catalog_fixture *f = *state;
	char path[20];

	for (int i = 0; i < 3 * JUMPS; i++) {
		sr_file file;

		atomic_store(&jump, jumps[i % JUMPS]);
		snprintf(path, sizeof(path), "/file/%d", i / 2);
		file = file_at(f, path);
		file.size = i;
		assert_int_equal(save(f, &file), i % 2 ? SR_CHANGED : SR_ADDED);
	}
	atomic_store(&jump, 0);
	assert_int_equal(integer(f, "SELECT count(*) FROM files"), 3 * JUMPS / 2);
	assert_int_equal(integer(f, "SELECT count(DISTINCT ID) FROM files"), 3 * JUMPS / 2);
	assert_int_equal(integer(f, "SELECT count(*) FROM files WHERE RecordedAt NOT GLOB "
				    "'20[0-9][0-9]-*T*:*:*Z'"),
			 0);
}

static void a_check_up_finds_nothing_wrong(void **state)
{
	catalog_fixture *f = *state;
	sr_health_options how;
	sr_health *health;

	what_is_saved_keeps_its_order_and_place(state);
	sr_health_options_init(&how);
	how.full = true;
	for (int i = 0; i < JUMPS; i++) {
		atomic_store(&jump, jumps[i]);
		assert_ok(sr_health_check(f->catalog, &how, &health));
		for (size_t k = 0; k < health->finding_count; k++)
			if (health->findings[k].severity == SR_SEVERITY_ERROR)
				assert_string_equal(health->findings[k].code, "file_missing");
		sr_health_free(health);
	}
}

typedef struct waiter {
	const catalog_fixture *f;
	atomic_bool ended;
	sr_status status;
} waiter;

static void *wait_for_the_writer(void *arg)
{
	waiter *w = arg;
	sr_file file = file_at(w->f, "/waited");

	w->status = sr_file_save(w->f->catalog, &file, 1, NULL, NULL, NULL);
	atomic_store(&w->ended, true);
	return NULL;
}

/* It ends with its timeout, whatever the time of day does meanwhile. */
static void no_wait_becomes_endless(void **state)
{
	catalog_fixture *f = *state;
	waiter w = {.f = f};
	pthread_t thread;
	int i = 0;

	assert_ok(sr_close(f->catalog));
	f->options.timeout = 0.3;
	catalog_open(f);
	assert_ok(sr_begin(f->catalog, "holder"));
	assert_int_equal(pthread_create(&thread, NULL, wait_for_the_writer, &w), 0);
	while (!atomic_load(&w.ended)) {
		atomic_store(&jump, jumps[i++ % JUMPS]);
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	}
	assert_int_equal(pthread_join(thread, NULL), 0);
	atomic_store(&jump, 0);
	assert_int_equal(w.status, SR_BUSY);
	assert_ok(sr_rollback(f->catalog));
}

/* A connection that was opened in the future, or long ago, is neither old nor a leak by that. */
static void connections_do_not_age_by_it(void **state)
{
	catalog_fixture *f = *state;
	sr_pool_statistics figures;
	int64_t closed;

	assert_int_equal(integer(f, "SELECT 1"), 1);
	assert_ok(sr_pool_statistics_get(f->catalog, &figures));
	closed = figures.closed;
	for (int i = 0; i < JUMPS; i++) {
		atomic_store(&jump, jumps[i]);
		assert_int_equal(integer(f, "SELECT 1"), 1);
	}
	assert_ok(sr_pool_statistics_get(f->catalog, &figures));
	assert_int_equal(figures.closed, closed);
	assert_int_equal(figures.leaks, 0);
	assert_true(figures.oldest >= 0 && figures.oldest < 3600);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, jumping_setup, catalog_teardown)
	const struct CMUnitTest tests[] = {
		TEST(ids_never_repeat_nor_go_back),   TEST(what_is_saved_keeps_its_order_and_place),
		TEST(a_check_up_finds_nothing_wrong), TEST(no_wait_becomes_endless),
		TEST(connections_do_not_age_by_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
