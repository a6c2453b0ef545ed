/* What a recording tells of what is to come: the totals, and the time left. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "expect.h"
#include "record/estimate.h"
#include "scratch.h"

static int set_up(void **state)
{
	scratch_setup(state);
	return chdir(scratch_folder());
}

static int tear_down(void **state)
{
	return chdir("/") != 0 || scratch_teardown(state) != 0;
}

static void make_file(const char *path, int64_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, size), 0);
	close(fd);
}

/* ---- The estimate, by a clock that the test turns ---- */

/* A machine on which a file and its bytes take this long. */
typedef struct machine {
	double seen;
	double read;
	double byte;
} machine;

/* Files of which every `step`-th is to be read. Asks ten times a second, and asserts that after
 * a tenth of the time all that is told is within a quarter of what it still takes. */
static void simulate(const machine *m, const int64_t *sizes, int64_t files, int64_t step)
{
	sr_extent extent = {.files = files};
	sr_estimate estimate = {0};
	double now = 1000, asked = now, end = now;

	for (int64_t i = 0; i < files; i++) {
		extent.bytes += sizes[i];
		end += m->seen + (i % step == 0 ? m->read + m->byte * (double)sizes[i] : 0);
	}
	assert_true(sr_estimate_left(&estimate, &extent, now) < 0);
	for (int64_t i = 0; i < files; i++) {
		now += m->seen;
		extent.seen++;
		extent.seen_bytes += sizes[i];
		if (i % step == 0) {
			now += m->read + m->byte * (double)sizes[i];
			extent.given++;
			extent.given_bytes += sizes[i];
			extent.read++;
			extent.read_bytes += sizes[i];
		}
		if (now - asked >= 0.1) {
			double left = sr_estimate_left(&estimate, &extent, now);

			asked = now;
			if (now - 1000 < (end - 1000) / 10 || end - now < 1)
				continue;
			assert_true(left > (end - now) * 0.75);
			assert_true(left < (end - now) * 1.25);
		}
	}
	assert_true(sr_estimate_left(&estimate, &extent, now + 1) < 0.001);
}

#define MANY 200000

static int64_t *sizes_of(int64_t small, int64_t large)
{
	int64_t *sizes = calloc(MANY, sizeof(*sizes));

	assert_non_null(sizes);
	for (int i = 0; i < MANY; i++)
		sizes[i] = i % 100 == 0 ? large : small;
	return sizes;
}

static void small_files_go_by_their_number(void **state)
{
	const machine m = {3e-6, 70e-6, 0.6e-9};
	int64_t *sizes = sizes_of(1000, 50000);

	(void)state;
	simulate(&m, sizes, MANY, 1);
	free(sizes);
}

static void large_files_go_by_their_bytes(void **state)
{
	const machine m = {3e-6, 70e-6, 0.6e-9};
	int64_t *sizes = sizes_of(1000, 100000000);

	(void)state;
	/* The large ones at the end, where a count of files would be far off. */
	for (int i = 0; i < MANY; i++)
		sizes[i] = i < MANY / 2 ? 4000 : 1000000;
	simulate(&m, sizes, MANY, 1);
	free(sizes);
}

static void what_is_not_read_again_counts_little(void **state)
{
	const machine m = {3e-6, 70e-6, 0.6e-9};
	int64_t *sizes = sizes_of(4000, 1000000);

	(void)state;
	simulate(&m, sizes, MANY, 7);
	free(sizes);
}

static void one_large_file_is_followed_while_it_is_read(void **state)
{
	const int64_t size = INT64_C(100000000000);
	sr_extent extent = {1, size, 1, size, 1, size, 0, 0};
	sr_estimate estimate = {0};

	(void)state;
	sr_estimate_left(&estimate, &extent, 10);
	for (int second = 1; second < 100; second++) {
		double left;

		extent.read_bytes += size / 100;
		left = sr_estimate_left(&estimate, &extent, 10 + second);
		assert_true(left > 0.9 * (100 - second) && left < 1.1 * (100 - second) + 0.1);
	}
}

static void nothing_is_told_without_totals(void **state)
{
	sr_extent extent = {.seen = 10, .given = 10};
	sr_estimate estimate = {0};

	(void)state;
	assert_true(sr_estimate_left(&estimate, &extent, 10) < 0);
	extent.read = 5;
	assert_true(sr_estimate_left(&estimate, &extent, 11) < 0);
	extent.files = 20;
	/* Half of the ten that are out, and ten that are unseen. */
	extent.read = 10;
	assert_true(sr_estimate_left(&estimate, &extent, 12) > 0);
}

/* ---- The totals ---- */

typedef struct told {
	sr_record_ahead ahead;
	sr_record_summary so_far;
} told;

/* Stops when the totals are there. */
static bool wait_for_totals(void *arg, const sr_record_summary *so_far,
			    const sr_record_ahead *ahead)
{
	told *last = arg;

	last->ahead = *ahead;
	last->so_far = *so_far;
	return ahead->total_files > 0 && ahead->seconds_left >= 0 && so_far->read > 0;
}

static sr_catalog *open_catalog(sr_id *client)
{
	sr_client fresh = {.name = sr_text_of("pc")};
	sr_options options;
	sr_catalog *catalog;

	sr_options_init(&options);
	options.path = "catalog.db";
	options.create = true;
	options.migrate = true;
	assert_ok(sr_open(&catalog, &options));
	sr_id_new(client);
	fresh.id = *client;
	assert_ok(sr_client_save(catalog, &fresh, 1, NULL));
	return catalog;
}

/* A file of a terabyte keeps the recording busy until it is known what is to come. */
static void totals_are_counted_by_the_rules_of_the_recording(void **state)
{
	static const char *const excludes[] = {"*.tmp"};
	const char *paths[] = {".", "folder", "folder/a"};
	sr_record_options options;
	sr_catalog *catalog;
	told last;
	sr_id client;

	(void)state;
	assert_int_equal(mkdir("folder", 0700), 0);
	make_file("big", INT64_C(1) << 40);
	make_file("folder/a", 10);
	make_file("folder/b", 20);
	make_file("folder/c.tmp", 40);
	assert_int_equal(symlink("a", "folder/link"), 0);
	catalog = open_catalog(&client);
	sr_record_options_init(&options);
	options.excludes = excludes;
	options.exclude_count = 1;
	options.progress = wait_for_totals;
	options.arg = &last;
	assert_int_equal(sr_record(catalog, &client, paths, 3, &options, NULL), SR_INTERRUPTED);
	/* The catalog's own files are none of it. */
	assert_int_equal(last.ahead.total_files, 3);
	assert_int_equal(last.ahead.total_bytes, (INT64_C(1) << 40) + 30);
	assert_int_equal(last.so_far.scanned, 3);
	assert_true(last.ahead.seconds_left > 0);
	assert_ok(sr_close(catalog));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(small_files_go_by_their_number),
		cmocka_unit_test(large_files_go_by_their_bytes),
		cmocka_unit_test(what_is_not_read_again_counts_little),
		cmocka_unit_test(one_large_file_is_followed_while_it_is_read),
		cmocka_unit_test(nothing_is_told_without_totals),
		cmocka_unit_test(totals_are_counted_by_the_rules_of_the_recording),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
