/*
 * Every answer of a search against a scan of all rows, while the catalog is written in all the ways
 * there are: a short run of tests/random. STRONGROOM_TEST_SEED and STRONGROOM_TEST_QUERIES ask for
 * another one.
 */
#include "../random/machine.h"

#include "expect.h"

static void test_equals_scan(void **state)
{
	const char *seed = getenv("STRONGROOM_TEST_SEED"),
		   *queries = getenv("STRONGROOM_TEST_QUERIES");
	machine_options options;
	machine_figures figures;

	(void)state;
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

/* With something that is done to the index by hand again and again: how many differences. */
static unsigned differences(const char *sabotage, unsigned long queries)
{
	machine_options options;
	machine_figures figures;

	machine_options_init(&options);
	options.concurrent = options.damage = false;
	options.queries = queries;
	options.sabotage = sabotage;
	machine_run(&options, &figures);
	print_message("after %lu queries: %s\n", figures.queries, sabotage);
	return figures.differences;
}

/* A bug that is put in is found; what the index knows to be wrong with it is none. */
static void test_finds_what_is_wrong(void **state)
{
	(void)state;
	assert_int_equal(differences("DELETE FROM search_changes", 6000), 1);
	assert_int_equal(differences("UPDATE search_state SET Through = Through + 20", 600), 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_equals_scan),
		cmocka_unit_test(test_finds_what_is_wrong),
	};

	machine_writer_main(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
