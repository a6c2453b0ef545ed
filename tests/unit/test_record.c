#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

#include "expect.h"
#include "scratch.h"

static char tree[64];
static sr_catalog *catalog;
static sr_id client;
static sr_record_summary got;
static int failures;

static void count_failure(void *arg, sr_text path, const char *why)
{
	(void)arg;
	assert_non_null(path.data);
	assert_true(strlen(why) > 0);
	failures++;
}

/* A new client and an empty folder for each test. */
static int set_up(void **state)
{
	sr_client fresh;
	char name[SR_ID_TEXT_SIZE];

	(void)state;
	memset(&fresh, 0, sizeof(fresh));
	sr_id_new(&client);
	sr_id_format(&client, name);
	fresh.id = client;
	fresh.name = sr_text_of(name);
	if (sr_client_save(catalog, &fresh, 1, NULL) != SR_OK)
		return -1;
	snprintf(tree, sizeof(tree), "%s", scratch_path("tree"));
	return mkdir(tree, 0700) != 0 || chdir(tree) != 0;
}

static int tear_down(void **state)
{
	(void)state;
	scratch_remove(tree);
	return chdir("/");
}

static int open_catalog(void **state)
{
	sr_options options;

	(void)state;
	scratch_new();
	sr_options_init(&options);
	options.path = scratch_path("catalog.db");
	options.create = true;
	options.migrate = true;
	return sr_open(&catalog, &options);
}

static int close_catalog(void **state)
{
	assert_ok(sr_close(catalog));
	return scratch_teardown(state);
}

static void write_file(const char *path, const char *words)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_true(fputs(words, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static sr_status record_paths(const char *const *paths, size_t count,
			      const sr_record_options *given)
{
	sr_record_options options;

	sr_record_options_init(&options);
	if (given != NULL)
		options = *given;
	options.failure = count_failure;
	failures = 0;
	return sr_record(catalog, &client, paths, count, &options, &got);
}

static void record(const sr_record_options *options)
{
	const char *paths[] = {tree};

	assert_int_equal(record_paths(paths, 1, options), SR_OK);
	assert_int_equal(got.failed, failures);
}

static sr_file *find(const char *name)
{
	char path[256];
	sr_file *file;

	snprintf(path, sizeof(path), "%s/%s", tree, name);
	assert_int_equal(sr_file_find(catalog, &client, sr_text_of(path), &file), SR_OK);
	assert_string_equal(file->original_path.data, path);
	return file;
}

static void assert_missing(const char *name, bool missing)
{
	sr_file *file = find(name);

	assert_int_equal(file->missing_since.data != NULL, missing);
	sr_file_free(file);
}

static void assert_versions(const char *name, int64_t versions)
{
	sr_file *file = find(name);

	assert_int_equal(file->versions, versions);
	sr_file_free(file);
}

static void set_time(const char *path, time_t seconds, long nanoseconds)
{
	const struct timespec times[] = {{seconds, nanoseconds}, {seconds, nanoseconds}};

	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void records_what_a_file_is(void **state)
{
	sr_file *file;

	(void)state;
	write_file("Note.TXT", "123456789");
	set_time("Note.TXT", 1769851800, 123456789);
	record(NULL);
	assert_int_equal(got.scanned, 1);
	assert_int_equal(got.added, 1);
	assert_int_equal(got.bytes, 9);
	assert_int_equal(got.read, 9);
	file = find("Note.TXT");
	assert_string_equal(file->name.data, "Note.TXT");
	assert_true(strcmp(file->path.data, file->original_path.data) == 0);
	assert_int_equal(file->size, 9);
	assert_int_equal(file->crc, 930766865);
	assert_string_equal(file->hash.data,
			    "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225");
	assert_string_equal(file->date.data, "2026-01-31T09:30:00Z");
	assert_true(file->modified_ns == INT64_C(1769851800123456789));
	assert_string_equal(file->mime_type.data, "text/plain");
	assert_string_equal(file->category.data, "document");
	assert_string_equal(file->extension.data, "txt");
	assert_false(file->verified);
	assert_false(file->stored);
	sr_file_free(file);
}

static void assert_type_of(const char *name, const char *type)
{
	sr_file *file = find(name);

	assert_text(file->mime_type, type);
	sr_file_free(file);
}

/* By name where it tells, else by what a look at the bytes tells, else by libmagic. */
static void types_are_told(void **state)
{
	(void)state;
	write_file("empty", "");
	write_file("words", "{ a comment }\n");
	write_file("script", "#!/bin/sh\n");
	write_file("page.html", "anything");
	record(NULL);
	assert_type_of("empty", "inode/x-empty");
	assert_type_of("words", "text/plain");
	assert_type_of("script", "text/x-shellscript");
	assert_type_of("page.html", "text/html");
}

static void a_second_record_reads_nothing(void **state)
{
	sr_record_options options;

	(void)state;
	write_file("a", "one");
	write_file("b", "two");
	record(NULL);
	record(NULL);
	assert_int_equal(got.scanned, 2);
	assert_int_equal(got.unchanged, 2);
	assert_int_equal(got.added + got.changed, 0);
	assert_int_equal(got.read, 0);
	assert_int_equal(got.bytes, 6);
	sr_record_options_init(&options);
	options.reread = true;
	record(&options);
	assert_int_equal(got.unchanged, 2);
	assert_int_equal(got.read, 6);
	assert_versions("a", 1);
}

static void content_makes_a_version_and_a_touch_does_not(void **state)
{
	sr_file *file;

	(void)state;
	write_file("changed", "one");
	write_file("touched", "two");
	write_file("same", "three");
	set_time("touched", 1000, 0);
	record(NULL);
	write_file("changed", "uno");
	set_time("changed", 3000, 1);
	set_time("touched", 2000, 5);
	record(NULL);
	assert_int_equal(got.changed, 1);
	assert_int_equal(got.unchanged, 2);
	assert_int_equal(got.read, 6);
	assert_versions("changed", 2);
	assert_versions("touched", 1);
	file = find("touched");
	assert_string_equal(file->date.data, "1970-01-01T00:33:20Z");
	assert_true(file->modified_ns == INT64_C(2000000000005));
	sr_file_free(file);
	record(NULL);
	assert_int_equal(got.read, 0);
}

static void what_is_gone_is_marked_until_it_returns(void **state)
{
	(void)state;
	assert_int_equal(mkdir("folder", 0700), 0);
	write_file("folder/a", "one");
	write_file("b", "two");
	write_file("c", "three");
	write_file("d", "four");
	record(NULL);
	assert_int_equal(rename("folder", "../elsewhere"), 0);
	assert_int_equal(unlink("b"), 0);
	assert_int_equal(unlink("c"), 0);
	assert_int_equal(mkdir("c", 0700), 0);
	record(NULL);
	assert_int_equal(got.missing, 3);
	assert_int_equal(got.unchanged, 1);
	assert_missing("folder/a", true);
	assert_missing("b", true);
	assert_missing("c", true);
	assert_missing("d", false);
	record(NULL);
	assert_int_equal(got.missing, 3);
	assert_int_equal(rename("../elsewhere", "folder"), 0);
	write_file("b", "two");
	record(NULL);
	assert_int_equal(got.missing, 1);
	/* The one that is the same inode is not even read. */
	assert_int_equal(got.read, 3);
	assert_int_equal(got.unchanged, 3);
	assert_missing("folder/a", false);
	assert_missing("b", false);
	assert_versions("b", 1);
}

static void what_is_left_out_is_not_missing(void **state)
{
	static const char *const patterns[] = {"skip*"};
	char missing_root[80];
	const char *roots[] = {missing_root};
	sr_record_options options;

	(void)state;
	assert_int_equal(mkdir("skipped", 0700), 0);
	write_file("skipped/a", "one");
	write_file("skip", "two");
	record(NULL);
	assert_int_equal(got.added, 2);
	sr_record_options_init(&options);
	options.excludes = patterns;
	options.exclude_count = 1;
	record(&options);
	assert_int_equal(got.excluded, 2);
	assert_int_equal(got.scanned, 0);
	assert_int_equal(got.missing, 0);
	assert_missing("skipped/a", false);
	/* Nor is what was in a root that is not there. */
	snprintf(missing_root, sizeof(missing_root), "%s/skipped", tree);
	assert_int_equal(rename("skipped", "../skipped"), 0);
	assert_int_equal(record_paths(roots, 1, NULL), SR_OK);
	assert_int_equal(got.failed, 1);
	assert_int_equal(got.missing, 0);
	assert_int_equal(rename("../skipped", "skipped"), 0);
}

static void any_bytes_are_a_name(void **state)
{
	static const char *const names[] = {"new\nline", "\xff\xfe", "a\xc3", "z"};

	(void)state;
	for (size_t i = 0; i < 4; i++)
		write_file(names[i], "x");
	record(NULL);
	assert_int_equal(got.added, 4);
	for (size_t i = 0; i < 4; i++)
		assert_versions(names[i], 1);
	record(NULL);
	assert_int_equal(got.unchanged, 4);
	assert_int_equal(got.read, 0);
	assert_int_equal(unlink(names[1]), 0);
	record(NULL);
	assert_int_equal(got.missing, 1);
	assert_missing(names[1], true);
}

static void special_files_are_counted(void **state)
{
	(void)state;
	write_file("file", "x");
	assert_int_equal(symlink("file", "link"), 0);
	assert_int_equal(mkfifo("pipe", 0600), 0);
	record(NULL);
	assert_int_equal(got.special, 2);
	assert_int_equal(got.scanned, 1);
	assert_int_equal(got.added, 1);
}

static void a_link_as_root_fails_and_the_rest_goes_on(void **state)
{
	const char *paths[] = {"link", "file", "nowhere", "file"};

	(void)state;
	write_file("file", "x");
	assert_int_equal(symlink("file", "link"), 0);
	assert_int_equal(record_paths(paths, 4, NULL), SR_OK);
	assert_int_equal(got.failed, 2);
	assert_int_equal(failures, 2);
	assert_int_equal(got.added, 1);
	assert_int_equal(record_paths(paths + 1, 1, NULL), SR_OK);
	assert_int_equal(got.unchanged, 1);
	assert_int_equal(got.read, 0);
}

static void the_catalog_itself_is_left_alone(void **state)
{
	const char *paths[] = {scratch_folder()};

	(void)state;
	write_file("file", "x");
	assert_int_equal(record_paths(paths, 1, NULL), SR_OK);
	assert_int_equal(got.added, 1);
	assert_true(got.excluded >= 1);
	assert_int_equal(got.failed, 0);
}

static void an_unreadable_file_fails_alone(void **state)
{
	(void)state;
	if (geteuid() == 0)
		skip();
	write_file("closed", "x");
	write_file("open", "y");
	assert_int_equal(chmod("closed", 0), 0);
	record(NULL);
	assert_int_equal(got.failed, 1);
	assert_int_equal(got.added, 1);
}

static atomic_bool growing;

static void *grow(void *arg)
{
	static char block[1 << 16];
	int fd = open(arg, O_WRONLY | O_APPEND);

	while (fd >= 0 && atomic_load(&growing) && write(fd, block, sizeof(block)) > 0)
		usleep(50);
	if (fd >= 0)
		close(fd);
	return NULL;
}

static void a_growing_file_fails(void **state)
{
	pthread_t thread;
	char log[] = "log";

	(void)state;
	write_file(log, "x");
	write_file("still", "x");
	/* Sparse and long, so that reading takes longer than the next write. */
	assert_int_equal(truncate(log, 64 << 20), 0);
	atomic_store(&growing, true);
	assert_int_equal(pthread_create(&thread, NULL, grow, log), 0);
	usleep(2000);
	record(NULL);
	atomic_store(&growing, false);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(got.failed, 1);
	assert_int_equal(got.added, 1);
}

static bool stop_at_once(void *arg, const sr_record_summary *so_far, const sr_record_ahead *ahead)
{
	(void)arg;
	assert_int_equal(ahead->total_files, 0);
	assert_true(so_far->seconds >= 0);
	return true;
}

static void stopping_keeps_whole_files(void **state)
{
	const char *paths[] = {tree};
	sr_record_options options;
	sr_status rc;

	(void)state;
	write_file("big", "x");
	write_file("small", "y");
	assert_int_equal(truncate("big", INT64_C(1) << 40), 0);
	sr_record_options_init(&options);
	options.progress = stop_at_once;
	options.threads = 2;
	rc = record_paths(paths, 1, &options);
	assert_int_equal(rc, SR_INTERRUPTED);
	assert_true(got.interrupted);
	assert_string_not_equal(sr_error_message(), "");
	/* The terabyte was not read to its end, and nothing of it was kept. */
	assert_int_equal(truncate("big", 1), 0);
	record(NULL);
	assert_int_equal(got.scanned, 2);
	assert_int_equal(got.added + got.unchanged, 2);
	assert_true(got.added >= 1);
}

static bool stop_late(void *arg, const sr_record_summary *so_far, const sr_record_ahead *ahead)
{
	(void)arg;
	(void)ahead;
	return so_far->scanned == 3 && so_far->read > INT64_C(1) << 30;
}

/* Small files were read long before a large one that comes first. */
static void stopping_keeps_what_was_read(void **state)
{
	const char *paths[] = {tree};
	sr_record_options options;

	(void)state;
	write_file("a", "x");
	write_file("b", "y");
	write_file("c", "z");
	assert_int_equal(truncate("a", INT64_C(1) << 40), 0);
	sr_record_options_init(&options);
	options.progress = stop_late;
	options.threads = 4;
	assert_int_equal(record_paths(paths, 1, &options), SR_INTERRUPTED);
	assert_int_equal(got.added, 2);
	assert_int_equal(got.failed, 0);
	assert_versions("b", 1);
	assert_versions("c", 1);
}

static void refuses_what_makes_no_sense(void **state)
{
	const char *paths[] = {tree}, *empty[] = {""};
	sr_record_options options;
	sr_id nobody;

	(void)state;
	assert_int_equal(record_paths(paths, 0, NULL), SR_INVALID);
	assert_int_equal(record_paths(empty, 1, NULL), SR_INVALID);
	sr_record_options_init(&options);
	options.threads = -1;
	assert_int_equal(record_paths(paths, 1, &options), SR_INVALID);
	sr_id_new(&nobody);
	got.scanned = 5;
	assert_int_equal(sr_record(catalog, &nobody, paths, 1, NULL, &got), SR_NOT_FOUND);
	assert_int_equal(got.scanned, 0);
}

/* However many batches it took. */
static void assert_one_activity(int64_t files)
{
	const sr_activity *activity;
	sr_activity_query query;
	sr_activities *cursor;

	sr_activity_query_init(&query);
	query.client = &client;
	assert_ok(sr_activity_list(catalog, &query, &cursor));
	assert_ok(sr_activities_next(cursor, &activity));
	assert_non_null(activity);
	assert_text(activity->type, "save");
	assert_int_equal(activity->files, files);
	assert_int_equal(activity->bytes, files);
	assert_ok(sr_activities_next(cursor, &activity));
	assert_null(activity);
	sr_activities_close(cursor);
}

/* More files than a batch, a chunk of what is known, and the queue hold. */
static void many_files_are_merged(void **state)
{
	enum { FILES = 4500 };
	char name[32];

	(void)state;
	for (int i = 0; i < FILES; i++) {
		snprintf(name, sizeof(name), "f%05d%s", i, i % 50 == 0 ? "\xff" : "");
		write_file(name, "x");
	}
	record(NULL);
	assert_int_equal(got.added, FILES);
	assert_one_activity(FILES);
	for (int i = 0; i < FILES; i += 3) {
		snprintf(name, sizeof(name), "f%05d%s", i, i % 50 == 0 ? "\xff" : "");
		assert_int_equal(unlink(name), 0);
	}
	record(NULL);
	assert_int_equal(got.missing, FILES / 3);
	assert_int_equal(got.unchanged, FILES - FILES / 3);
	assert_int_equal(got.read, 0);
}

/* Whichever was read first: what lies side by side in the tree lies so in the catalog. */
static void rows_are_in_the_order_of_the_walk(void **state)
{
	enum { FILES = 2500 };
	const sr_file *file;
	char name[64], before[256] = "";
	sr_files *cursor;
	int count = 0;

	(void)state;
	assert_int_equal(mkdir("d", 0700), 0);
	for (int i = 0; i < FILES; i++) {
		/* "d-1" sorts before what is in "d". */
		snprintf(name, sizeof(name), "%s%d", i % 3 == 0 ? "d/" : "d-", i);
		write_file(name, "x");
		if (i % 500 == 0)
			assert_int_equal(truncate(name, 8 << 20), 0);
	}
	record(NULL);
	assert_int_equal(got.added, FILES);
	assert_ok(sr_file_list(catalog, &client, &cursor));
	while (sr_files_next(cursor, &file) == SR_OK && file != NULL) {
		assert_true(strcmp(before, file->original_path.data) < 0);
		snprintf(before, sizeof(before), "%s", file->original_path.data);
		count++;
	}
	sr_files_close(cursor);
	assert_int_equal(count, FILES);
}

static int64_t count_files(void)
{
	const sr_file *file;
	sr_files *cursor;
	int64_t count = 0;

	assert_ok(sr_file_list(catalog, &client, &cursor));
	while (sr_files_next(cursor, &file) == SR_OK && file != NULL)
		count++;
	sr_files_close(cursor);
	return count;
}

/* No other thread could save there: it would wait for this one. */
static void the_callers_transaction_has_all_of_it(void **state)
{
	enum { FILES = 2500 };
	char name[64];

	(void)state;
	for (int i = 0; i < FILES; i++) {
		snprintf(name, sizeof(name), "%d", i);
		write_file(name, "");
	}
	assert_false(sr_in_transaction(catalog));
	for (int round = 0; round < 2; round++) {
		assert_ok(sr_begin(catalog, "test"));
		assert_true(sr_in_transaction(catalog));
		record(NULL);
		assert_int_equal(got.added, FILES);
		assert_int_equal(count_files(), FILES);
		assert_ok(round == 0 ? sr_rollback(catalog) : sr_commit(catalog));
		assert_int_equal(count_files(), round == 0 ? 0 : FILES);
	}
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(records_what_a_file_is),
		TEST(types_are_told),
		TEST(a_second_record_reads_nothing),
		TEST(content_makes_a_version_and_a_touch_does_not),
		TEST(what_is_gone_is_marked_until_it_returns),
		TEST(what_is_left_out_is_not_missing),
		TEST(any_bytes_are_a_name),
		TEST(special_files_are_counted),
		TEST(a_link_as_root_fails_and_the_rest_goes_on),
		TEST(the_catalog_itself_is_left_alone),
		TEST(an_unreadable_file_fails_alone),
		TEST(a_growing_file_fails),
		TEST(stopping_keeps_whole_files),
		TEST(stopping_keeps_what_was_read),
		TEST(refuses_what_makes_no_sense),
		TEST(many_files_are_merged),
		TEST(rows_are_in_the_order_of_the_walk),
		TEST(the_callers_transaction_has_all_of_it),
	};

	return cmocka_run_group_tests(tests, open_catalog, close_catalog);
}
