/* Where a setting comes from, and what is said about a bad one. */
#include "catalog_fixture.h"

#include "catalog/settings.h"

typedef struct wanted {
	const char *name;
	char value[256];
	char source[256];
	int count;
} wanted;

static void take(void *arg, const sr_setting *setting)
{
	wanted *w = arg;

	w->count++;
	if (strcmp(setting->name, w->name) != 0)
		return;
	snprintf(w->value, sizeof(w->value), "%s", setting->value);
	snprintf(w->source, sizeof(w->source), "%s", setting->source);
}

static void expect(const sr_options *options, const char *name, const char *value,
		   const char *source)
{
	wanted w = {.name = name};

	assert_ok(sr_settings_each(options, take, &w));
	assert_int_equal(w.count, 15);
	assert_string_equal(w.value, value);
	assert_string_equal(w.source, source);
}

/* Writes strongroom.conf and has the options name it. */
static void configure(catalog_fixture *f, const char *text)
{
	static char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/my.conf", scratch_folder());
	assert_non_null(file = fopen(path, "w"));
	fputs(text, file);
	fclose(file);
	f->options.config_file = path;
}

static int settings_setup(void **state)
{
	int rc = catalog_setup(state);
	catalog_fixture *f = *state;

	sr_options_init(&f->options);
	return rc;
}

static void test_order(void **state)
{
	catalog_fixture *f = *state;
	const char *conf;

	expect(&f->options, "CONNECTION_POOL_SIZE", "5", "default");
	expect(NULL, "DATABASE_NAME", "defensive.db", "default");
	configure(f, "# a comment\nCONNECTION_POOL_SIZE = 7 # as many\n\nDATABASE_NAME = "
		     "\"a # b.db\"\r\nFILE_STORAGE_DIR='kept here'\n");
	conf = f->options.config_file;
	expect(&f->options, "CONNECTION_POOL_SIZE", "7", conf);
	expect(&f->options, "DATABASE_NAME", "a # b.db", conf);
	expect(&f->options, "FILE_STORAGE_DIR", "kept here", conf);
	setenv("CONNECTION_POOL_SIZE", "8", 1);
	expect(&f->options, "CONNECTION_POOL_SIZE", "8", "environment");
	f->options.pool_size = 9;
	expect(&f->options, "CONNECTION_POOL_SIZE", "9", "option");
	unsetenv("CONNECTION_POOL_SIZE");
}

static void test_two_names_of_the_database(void **state)
{
	catalog_fixture *f = *state;

	configure(f, "STRONGROOM_DB = c.db\nDATABASE_NAME = d.db\n");
	expect(&f->options, "DATABASE_NAME", "c.db", f->options.config_file);
	setenv("DATABASE_NAME", "b.db", 1);
	expect(&f->options, "DATABASE_NAME", "b.db", "environment");
	setenv("STRONGROOM_DB", "a.db", 1);
	expect(&f->options, "DATABASE_NAME", "a.db", "environment");
	f->options.path = "o.db";
	expect(&f->options, "DATABASE_NAME", "o.db", "option");
	unsetenv("DATABASE_NAME");
	unsetenv("STRONGROOM_DB");
}

/* Only the first file that there is counts. */
static void test_places(void **state)
{
	char path[256], here[256];
	sr_options options;
	FILE *file;

	(void)state;
	assert_non_null(getcwd(here, sizeof(here)));
	assert_int_equal(chdir(scratch_folder()), 0);
	sr_options_init(&options);
	snprintf(path, sizeof(path), "%s/strongroom", scratch_folder());
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/strongroom/strongroom.conf", scratch_folder());
	assert_non_null(file = fopen(path, "w"));
	fputs("CONNECTION_TIMEOUT = 2.5\nCONNECTION_POOL_SIZE = 3\n", file);
	fclose(file);
	expect(&options, "CONNECTION_TIMEOUT", "2.5", path);
	assert_non_null(file = fopen("strongroom.conf", "w"));
	fputs("CONNECTION_TIMEOUT = 4\n", file);
	fclose(file);
	expect(&options, "CONNECTION_TIMEOUT", "4", "strongroom.conf");
	expect(&options, "CONNECTION_POOL_SIZE", "5", "default");
	assert_int_equal(chdir(here), 0);
}

static void refuse(catalog_fixture *f, const char *text, const char *words)
{
	wanted w = {.name = ""};

	configure(f, text);
	assert_fails(sr_settings_each(&f->options, take, &w), SR_INVALID, "");
	assert_int_equal(w.count, 0);
	assert_says(words);
	assert_says("my.conf");
}

static void test_bad_files(void **state)
{
	catalog_fixture *f = *state;
	wanted w = {.name = ""};

	refuse(f, "\nPOOL = 3\n", "POOL");
	refuse(f, "\nPOOL = 3\n", "line 2");
	refuse(f, "CONNECTION_POOL_SIZE = many\n", "many");
	refuse(f, "CONNECTION_POOL_SIZE = many\n", "CONNECTION_POOL_SIZE");
	refuse(f, "CONNECTION_POOL_SIZE = 0\n", "CONNECTION_POOL_SIZE");
	refuse(f, "CONNECTION_TIMEOUT = 0\n", "CONNECTION_TIMEOUT");
	refuse(f, "DURABILITY = half\n", "half");
	refuse(f, "MIGRATION_BACKUP_ENABLED = perhaps\n", "perhaps");
	refuse(f, "CONNECTION_POOL_SIZE 3\n", "line 1");
	refuse(f, "DATABASE_NAME = \"open\n", "quote");
	refuse(f, "DATABASE_NAME = \"a\" b\n", "quote");
	refuse(f, "DATABASE_NAME =\n", "no value");
	refuse(f, "DATABASE_NAME = ''\n", "DATABASE_NAME");
	/* A weaker place is checked even where a stronger one speaks. */
	f->options.pool_size = 3;
	refuse(f, "CONNECTION_POOL_SIZE = many\n", "many");
	f->options.config_file = "/nonexistent/strongroom.conf";
	assert_fails(sr_settings_each(&f->options, take, &w), SR_NOT_FOUND,
		     "/nonexistent/strongroom.conf");
}

/* Its settings run commands: a file that a stranger may have written is not read. */
static void test_files_of_others(void **state)
{
	catalog_fixture *f = *state;
	wanted w = {.name = ""};
	const char *path;

	configure(f, "CONNECTION_POOL_SIZE = 7\n");
	path = f->options.config_file;
	assert_int_equal(chmod(path, 0660), 0);
	expect(&f->options, "CONNECTION_POOL_SIZE", "7", path);
	assert_int_equal(chmod(path, 0602), 0);
	assert_fails(sr_settings_each(&f->options, take, &w), SR_PERMISSION, "0602");
	assert_says(path);
	assert_says("chmod o-w");
	assert_says("--config");
	assert_int_equal(chmod(path, 0600), 0);
	if (geteuid() == 0) {
		assert_int_equal(chown(path, 65534, 0), 0);
		assert_fails(sr_settings_each(&f->options, take, &w), SR_PERMISSION, "65534");
		assert_says(path);
		assert_says("chown");
		/* They themselves trust it, and root's. */
		assert_int_equal(chmod(scratch_folder(), 0711), 0);
		assert_int_equal(seteuid(65534), 0);
		assert_ok(sr_settings_each(&f->options, take, &w));
		f->options.config_file = "/etc/passwd";
		assert_fails(sr_settings_each(&f->options, take, &w), SR_INVALID, "line 1");
		assert_int_equal(seteuid(0), 0);
		f->options.config_file = path;
	}
	/* Nor is a pipe waited for. */
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_fails(sr_settings_each(&f->options, take, &w), SR_REFUSED, "no regular file");
	assert_says(path);
	f->options.config_file = scratch_folder();
	assert_fails(sr_settings_each(&f->options, take, &w), SR_REFUSED, "a folder");
	f->options.config_file = "/dev/null";
	assert_ok(sr_settings_each(&f->options, take, &w));
}

static void test_bad_environment_and_options(void **state)
{
	catalog_fixture *f = *state;
	wanted w = {.name = ""};

	setenv("CONNECTION_TIMEOUT", "soon", 1);
	assert_fails(sr_settings_each(&f->options, take, &w), SR_INVALID, "CONNECTION_TIMEOUT");
	assert_says("soon");
	assert_says("environment");
	unsetenv("CONNECTION_TIMEOUT");
	f->options.pool_size = -1;
	assert_fails(sr_settings_each(&f->options, take, &w), SR_INVALID, "-1");
	f->options.pool_size = 1001;
	assert_fails(sr_settings_each(&f->options, take, &w), SR_INVALID, "");
	f->options.pool_size = 0;
	f->options.timeout = -3;
	assert_fails(sr_settings_each(&f->options, take, &w), SR_INVALID, "");
	f->options.timeout = 0;
	f->options.version = 7;
	assert_fails(sr_settings_each(&f->options, take, &w), SR_INVALID, "");
	assert_int_equal(w.count, 0);
}

/* Every setting that can be wrong, wherever it stands: named with its value and its place. */
static void test_every_bad_value(void **state)
{
	static const struct {
		const char *name;
		const char *value;
	} bad[] = {
		{"DATABASE_NAME", ""},
		{"STRONGROOM_DB", ""},
		{"FILE_STORAGE_DIR", ""},
		{"CONNECTION_POOL_SIZE", "0"},
		{"CONNECTION_POOL_SIZE", "-5"},
		{"CONNECTION_POOL_SIZE", "5.5"},
		{"CONNECTION_POOL_SIZE", "99999999999999999999"},
		{"CONNECTION_TIMEOUT", "0"},
		{"CONNECTION_TIMEOUT", "-1"},
		{"CONNECTION_TIMEOUT", "nan"},
		{"CONNECTION_TIMEOUT", "30s"},
		{"DURABILITY", "half"},
		{"MIGRATION_BACKUP_ENABLED", "None"},
		{"MIGRATION_VALIDATION_ENABLED", "2"},
		{"DANGEROUS_OPERATIONS_BLOCKED", ""},
		{"TRUST_FOREIGN_TRIGGERS", "maybe"},
		{"SIZE_WARNING_MB", "-1"},
		{"SIZE_CRITICAL_MB", "large"},
	};
	catalog_fixture *f = *state;
	wanted w = {.name = ""};
	char line[128];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		setenv(bad[i].name, bad[i].value, 1);
		assert_fails(sr_settings_each(&f->options, take, &w), SR_INVALID, bad[i].name);
		assert_says(bad[i].value);
		assert_says("environment");
		unsetenv(bad[i].name);
		snprintf(line, sizeof(line), "%s = '%s'\n", bad[i].name, bad[i].value);
		configure(f, line);
		assert_fails(sr_settings_each(&f->options, take, &w), SR_INVALID, bad[i].name);
		assert_says(bad[i].value);
		assert_says("line 1");
		f->options.config_file = "/dev/null";
	}
	assert_int_equal(w.count, 0);
}

/* The seed's own configuration, as Python writes it. */
static void test_values_of_the_seed(void **state)
{
	catalog_fixture *f = *state;
	sr_settings settings;

	configure(f, "DATABASE_NAME = \"defensive.db\"\n"
		     "FILE_STORAGE_DIR = 'received_files'  # where they go\n"
		     "CONNECTION_POOL_SIZE = 7\nCONNECTION_TIMEOUT = 30.0\n"
		     "MIGRATION_BACKUP_ENABLED = False\nMIGRATION_VALIDATION_ENABLED = True\n"
		     "DANGEROUS_OPERATIONS_BLOCKED = False\n");
	assert_done(sr_settings_resolve(&f->options, &settings));
	assert_int_equal(settings.pool_size, 7);
	assert_true(settings.timeout > 29.9 && settings.timeout < 30.1);
	assert_false(settings.backup);
	assert_true(settings.validate);
	assert_false(settings.block_dangerous);
	assert_non_null(strstr(settings.path, "/defensive.db"));
	assert_non_null(strstr(settings.storage_dir, "/received_files"));
	sr_settings_free(&settings);
}

static void test_paths(void **state)
{
	catalog_fixture *f = *state;
	sr_settings settings;
	char here[256], want[600];

	assert_non_null(getcwd(here, sizeof(here)));
	f->options.path = "sub/x.db";
	f->options.storage_dir = "files";
	assert_int_equal(sr_settings_resolve(&f->options, &settings), SR_OK);
	snprintf(want, sizeof(want), "%s/sub/x.db", here);
	assert_string_equal(settings.path, want);
	snprintf(want, sizeof(want), "%s/sub/files", here);
	assert_string_equal(settings.storage_dir, want);
	assert_true(settings.backup && settings.validate && settings.block_dangerous);
	assert_false(settings.trust_foreign_triggers);
	assert_int_equal(settings.durability, SR_DURABILITY_FULL);
	assert_int_equal(settings.pool_size, 5);
	assert_true(settings.timeout > 29.9 && settings.timeout < 30.1);
	sr_settings_free(&settings);
	f->options.base_dir = "base";
	assert_int_equal(sr_settings_resolve(&f->options, &settings), SR_OK);
	snprintf(want, sizeof(want), "%s/base/files", here);
	assert_string_equal(settings.storage_dir, want);
	sr_settings_free(&settings);
	f->options.base_dir = "";
	assert_int_equal(sr_settings_resolve(&f->options, &settings), SR_INVALID);
	assert_says("base_dir");
	sr_settings_free(&settings);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_order, settings_setup, catalog_teardown),
		cmocka_unit_test_setup_teardown(test_two_names_of_the_database, settings_setup,
						catalog_teardown),
		cmocka_unit_test_setup_teardown(test_places, settings_setup, catalog_teardown),
		cmocka_unit_test_setup_teardown(test_bad_files, settings_setup, catalog_teardown),
		cmocka_unit_test_setup_teardown(test_files_of_others, settings_setup,
						catalog_teardown),
		cmocka_unit_test_setup_teardown(test_bad_environment_and_options, settings_setup,
						catalog_teardown),
		cmocka_unit_test_setup_teardown(test_every_bad_value, settings_setup,
						catalog_teardown),
		cmocka_unit_test_setup_teardown(test_values_of_the_seed, settings_setup,
						catalog_teardown),
		cmocka_unit_test_setup_teardown(test_paths, settings_setup, catalog_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
