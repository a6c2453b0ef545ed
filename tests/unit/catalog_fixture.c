#include "catalog_fixture.h"

#include <sqlite3.h>

int catalog_setup(void **state)
{
	catalog_fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	scratch_new();
	snprintf(f->path, sizeof(f->path), "%s", scratch_path("catalog.db"));
	sr_options_init(&f->options);
	f->options.path = f->path;
	f->options.create = true;
	f->options.migrate = true;
	f->options.pool_size = 3;
	f->options.direct = getenv("STRONGROOM_TEST_DIRECT") != NULL;
	*state = f;
	return 0;
}

int catalog_setup_client(void **state)
{
	catalog_fixture *f;

	catalog_setup(state);
	f = *state;
	catalog_open(f);
	f->client = add_client(f, "host");
	return 0;
}

int catalog_teardown(void **state)
{
	catalog_fixture *f = *state;

	assert_ok(sr_close(f->catalog));
	free(f);
	return scratch_teardown(state);
}

void catalog_open(catalog_fixture *f)
{
	assert_ok(sr_open(&f->catalog, &f->options));
}

sr_id add_client(const catalog_fixture *f, const char *name)
{
	sr_client client = {.name = sr_text_of(name)};

	sr_id_new(&client.id);
	assert_ok(sr_client_save(f->catalog, &client, 1, NULL));
	return client.id;
}

static sr_file file_of(const catalog_fixture *f)
{
	sr_file file;

	sr_file_init(&file);
	file.client_id = f->client;
	return file;
}

sr_file file_at(const catalog_fixture *f, const char *path)
{
	sr_file file = file_of(f);

	file.original_path = sr_text_of(path);
	return file;
}

sr_file file_named(const catalog_fixture *f, const char *name)
{
	sr_file file = file_of(f);

	file.name = sr_text_of(name);
	return file;
}

sr_outcome save(const catalog_fixture *f, const sr_file *file)
{
	sr_outcome outcome = SR_UNCHANGED;

	assert_ok(sr_file_save(f->catalog, file, 1, &outcome, NULL, NULL));
	return outcome;
}

sr_file *find(const catalog_fixture *f, const char *key)
{
	sr_file *file = NULL;

	assert_ok(sr_file_find(f->catalog, &f->client, sr_text_of(key), &file));
	return file;
}

void foreign_sql(const catalog_fixture *f, const char *sql)
{
	sqlite3 *db = NULL;
	char *words = NULL;

	assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
	sqlite3_busy_timeout(db, 10000);
	if (sqlite3_exec(db, sql, NULL, NULL, &words) != SQLITE_OK)
		fail_msg("%s: %s", sql, words);
	sqlite3_close(db);
}

int64_t integer(const catalog_fixture *f, const char *sql)
{
	int64_t value = SR_NULL_INTEGER;
	sr_table *table = NULL;

	assert_ok(sr_fetch(f->catalog, sql, NULL, 0, 1, &table));
	assert_int_equal(table->rows, 1);
	if (table->values[0].type == SR_INTEGER)
		value = table->values[0].integer;
	sr_table_free(table);
	return value;
}
