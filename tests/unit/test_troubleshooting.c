/* The entries of docs/TROUBLESHOOTING.md that only a program with the library meets. */
#include "catalog_fixture.h"
#include "fault_vfs.h"

static char logged[4096];

static void keep(void *arg, sr_log_level level, const char *module, const char *message)
{
	size_t n = strlen(logged);

	(void)arg;
	(void)level;
	snprintf(logged + n, sizeof(logged) - n, "[%s] %s\n", module, message);
}

/* The connections are out, and the message says with whom; when one is back all goes on. */
static void test_pool_exhausted(void **state)
{
	catalog_fixture *f = *state;
	sr_lease *one, *two;
	int64_t count;

	assert_ok(sr_close(f->catalog));
	f->options.pool_size = 2;
	f->options.timeout = 0.1;
	catalog_open(f);
	assert_ok(sr_lease_open(f->catalog, "nightly report", false, &one));
	assert_ok(sr_lease_open(f->catalog, "a forgotten cursor", false, &two));
	assert_fails(sr_client_count(f->catalog, &count), SR_BUSY, "Connection pool exhausted");
	assert_says("nightly report");
	assert_says("a forgotten cursor");
	assert_says("raise CONNECTION_POOL_SIZE or look for a leak");
	sr_lease_close(one);
	assert_ok(sr_client_count(f->catalog, &count));
	sr_lease_close(two);

	/* And the cure. */
	assert_ok(sr_close(f->catalog));
	f->options.pool_size = 3;
	catalog_open(f);
	assert_ok(sr_lease_open(f->catalog, "nightly report", false, &one));
	assert_ok(sr_lease_open(f->catalog, "another", false, &two));
	assert_ok(sr_client_count(f->catalog, &count));
	sr_lease_close(one);
	sr_lease_close(two);
}

static void test_wal_not_available(void **state)
{
	catalog_fixture *f = *state;
	int64_t count;

	fault_vfs_install();
	fault_without_shm(true);
	logged[0] = '\0';
	sr_log_set(keep, NULL);
	catalog_open(f);
	(void)add_client(f, "other");
	assert_ok(sr_client_count(f->catalog, &count));
	assert_int_equal(count, 1);
	assert_ok(sr_close(f->catalog));
	f->catalog = NULL;
	sr_log_set(NULL, NULL);
	fault_without_shm(false);
	fault_vfs_remove();
	assert_non_null(strstr(logged, "WAL mode not available, using default journaling"));
	assert_non_null(strstr(logged, "move it to a local disk"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_pool_exhausted, catalog_setup_client,
						catalog_teardown),
		cmocka_unit_test_setup_teardown(test_wal_not_available, catalog_setup,
						catalog_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
