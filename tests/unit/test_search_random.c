/*
 * Every answer of a search against a scan of all rows, while the catalog is written in all the ways
 * there are: a short run of tests/random. STRONGROOM_TEST_SEED and STRONGROOM_TEST_QUERIES ask for
 * another one.
 */
#include "../random/machine.h"

#include "catalog/search_index.h"

#include "expect.h"

static void test_equals_scan(void **state)
{
	const char *seed = getenv("STRONGROOM_TEST_SEED"),
		   *queries = getenv("STRONGROOM_TEST_QUERIES");
	machine_options options;
	machine_figures figures;

	(void)state;
	/* Many small pieces of the search index, so that it is merged and mended all the time. */
	sr_index_set_step(40);
	machine_options_init(&options);
	if (seed != NULL)
		options.seed = strtoull(seed, NULL, 10);
	if (queries != NULL)
		options.queries = strtoul(queries, NULL, 10);
	machine_run(&options, &figures);
	machine_print(&options, &figures);
	assert_int_equal(figures.differences, 0);
	/* Or it has compared nothing. */
	assert_true(figures.queries >= options.queries);
	assert_true(figures.hits > figures.queries / 5);
	assert_true(figures.compared > figures.hits);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_equals_scan),
	};

	machine_writer_main(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
