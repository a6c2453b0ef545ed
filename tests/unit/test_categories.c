/* Categories: what is kept and refused, how rules decide, and how files move between them. */
#include <pthread.h>

#include "catalog_fixture.h"
#include "fault_vfs.h"
#include "old_database.h"

static const sr_text none = {NULL, 0};

static sr_category_rule mime(const char *pattern)
{
	return (sr_category_rule){.kind = SR_RULE_MIME, .pattern = sr_text_of(pattern)};
}

static sr_category_rule extension(const char *pattern)
{
	return (sr_category_rule){.kind = SR_RULE_EXTENSION, .pattern = sr_text_of(pattern)};
}

static sr_category named(const char *name)
{
	return (sr_category){.name = sr_text_of(name)};
}

static void add_category(const catalog_fixture *f, const char *name)
{
	const sr_category category = named(name);

	assert_ok(sr_category_add(f->catalog, &category, NULL, 0));
}

/* Saves a file as old code does, or with what is not NULL. */
static void put(const catalog_fixture *f, const char *path, const char *category, const char *type)
{
	sr_file file = file_at(f, path);

	file.category = sr_text_of(category);
	file.mime_type = sr_text_of(type);
	file.size = 10;
	assert_int_equal(save(f, &file), SR_ADDED);
}

static void assert_category(const catalog_fixture *f, const char *path, const char *category)
{
	sr_file *file = find(f, path);

	assert_text(file->category, category);
	sr_file_free(file);
}

/* The named category as the list with counts has it; its texts are copied into `words`. */
static sr_category listed(const catalog_fixture *f, const char *name, char words[4][300])
{
	const sr_category *category = NULL;
	sr_category found = {.files = -1};
	sr_categories *cursor;

	assert_ok(sr_category_list(f->catalog, true, &cursor));
	do {
		assert_ok(sr_categories_next(cursor, &category));
		if (category == NULL || category->name.data == NULL ||
		    strcmp(category->name.data, name) != 0)
			continue;
		found = *category;
		snprintf(words[0], 300, "%s", found.description.data ? found.description.data : "");
		snprintf(words[1], 300, "%s", found.path.data ? found.path.data : "");
		snprintf(words[2], 300, "%s", found.color.data ? found.color.data : "");
	} while (category != NULL);
	assert_ok(sr_categories_next(cursor, &category));
	assert_null(category);
	sr_categories_close(cursor);
	return found;
}

static void test_every_catalog_has_the_usual_ones(void **state)
{
	static const char *const names[] = {"document", "image", "backup",  "other",
					    "video",    "audio", "archive", "code"};
	catalog_fixture *f = *state;
	char words[4][300];

	for (size_t i = 0; i < 8; i++) {
		sr_category category = listed(f, names[i], words);

		assert_int_equal(category.files, 0);
		assert_true(category.known);
		assert_int_equal(words[2][0], '#');
		assert_int_equal(strlen(words[2]), 7);
		assert_true((category.rules > 0) == (strcmp(names[i], "other") != 0));
	}
}

static void test_adding_and_updating(void **state)
{
	catalog_fixture *f = *state;
	sr_category category = {.name = sr_text_of("héllo wörld"),
				.description = sr_text_of("what it is"),
				.path = sr_text_of("x/y"),
				.color = sr_text_of("#AbCdEf")};
	const sr_category_rule rules[] = {mime("X-Mine/"), extension(".MINE")};
	const sr_category_rule gone = extension("mine");
	char words[4][300];

	assert_ok(sr_category_add(f->catalog, &category, rules, 2));
	assert_int_equal(listed(f, "héllo wörld", words).rules, 2);
	assert_string_equal(words[0], "what it is");
	assert_string_equal(words[1], "x/y");
	assert_string_equal(words[2], "#abcdef");
	assert_int_equal(
		integer(f, "SELECT count(*) FROM category_rules WHERE (Kind, Pattern) IN (VALUES"
			   " ('mime', 'x-mine/'), ('extension', 'mine'))"),
		2);
	assert_fails(sr_category_add(f->catalog, &category, NULL, 0), SR_EXISTS, "héllo wörld");
	category.description = none;
	category.color = none;
	assert_ok(sr_category_update(f->catalog, &category,
				     SR_CATEGORY_DESCRIPTION | SR_CATEGORY_COLOR, NULL, 0, &gone,
				     1));
	assert_int_equal(listed(f, "héllo wörld", words).rules, 1);
	assert_string_equal(words[0], "");
	assert_string_equal(words[1], "x/y");
	assert_string_equal(words[2], "#007acc");
	/* The same rule again is no change, and no failure. */
	assert_ok(sr_category_update(f->catalog, &category, 0, rules, 1, NULL, 0));
	assert_int_equal(listed(f, "héllo wörld", words).rules, 1);
	category.name = sr_text_of("nobody");
	assert_fails(sr_category_update(f->catalog, &category, 0, rules, 1, NULL, 0), SR_NOT_FOUND,
		     "nobody");
	assert_fails(sr_category_update(f->catalog, &category, 8, NULL, 0, NULL, 0), SR_INVALID,
		     "0x8");
}

static void refuse(const catalog_fixture *f, const sr_category *category, const char *words)
{
	assert_fails(sr_category_add(f->catalog, category, NULL, 0), SR_INVALID, words);
}

static void test_what_no_category_is(void **state)
{
	catalog_fixture *f = *state;
	static const char *const colors[] = {"",       "#",       "#12345",  "#1234567",
					     "007acc", "#00zacc", "#00 acc", "red"};
	sr_category category = named("fine");
	char text[1002];

	memset(text, 'n', sizeof(text));
	for (size_t i = 0; i < sizeof(colors) / sizeof(colors[0]); i++) {
		category.color = sr_text_of(colors[i]);
		refuse(f, &category, "is no color");
	}
	category.color = (sr_text){"#00\0acc", 7};
	refuse(f, &category, "\\x00");
	category = named(NULL);
	refuse(f, &category, "empty");
	category = named("");
	refuse(f, &category, "empty");
	category.name = (sr_text){text, 51};
	refuse(f, &category, "51");
	category = named("a\nb");
	refuse(f, &category, "a\\nb");
	category = named("\xff");
	refuse(f, &category, "\\xff");
	category = named("fine");
	category.description = (sr_text){text, 1001};
	refuse(f, &category, "1001");
	category.description = sr_text_of("\x1b[31m");
	refuse(f, &category, "description");
	category = named("fine");
	category.path = (sr_text){text, 256};
	refuse(f, &category, "256");
	assert_int_equal(integer(f, "SELECT count(*) FROM file_categories"), 8);
}

static void refuse_rule(const catalog_fixture *f, sr_category_rule rule, const char *words)
{
	const sr_category category = named("fine");

	assert_fails(sr_category_add(f->catalog, &category, &rule, 1), SR_INVALID, words);
}

static void test_what_no_rule_is(void **state)
{
	catalog_fixture *f = *state;
	const sr_category category = named("fine");
	const sr_category_rule both[] = {mime("x/fine"), extension("pdf")};
	const sr_category_rule own = extension("unheard");
	char text[101];

	memset(text, 'x', sizeof(text));
	text[1] = '/';
	refuse_rule(f, mime(""), "empty");
	refuse_rule(f, mime(NULL), "empty");
	refuse_rule(f, mime("video"), "video/");
	refuse_rule(f, mime("/video"), "/video");
	refuse_rule(f, mime("a/b/c"), "a/b/c");
	refuse_rule(f, mime("a b/c"), "a b/c");
	refuse_rule(f, mime("a/\n"), "a/\\n");
	refuse_rule(f, (sr_category_rule){none, SR_RULE_MIME, {text, 101}}, "101");
	refuse_rule(f, extension("."), "empty");
	refuse_rule(f, extension("..a"), "..a");
	refuse_rule(f, extension("a/b"), "a/b");
	refuse_rule(f, extension("a b"), "a b");
	refuse_rule(f, extension("12345678901"), "11");
	refuse_rule(f, (sr_category_rule){none, (sr_rule_kind)7, {text, 3}}, "7");
	/* One that leads elsewhere: nothing of the call is done, and the cure is named. */
	assert_fails(sr_category_add(f->catalog, &category, both, 2), SR_EXISTS, "'pdf'");
	assert_says("'document'");
	assert_int_equal(integer(f, "SELECT count(*) FROM file_categories"), 8);
	assert_int_equal(integer(f, "SELECT count(*) FROM category_rules WHERE Pattern = 'x/fine'"),
			 0);
	add_category(f, "fine");
	assert_fails(sr_category_update(f->catalog, &category, 0, NULL, 0, &own, 1), SR_NOT_FOUND,
		     "'unheard'");
	/* Another one's cannot be taken away either. */
	assert_fails(sr_category_update(f->catalog, &category, 0, NULL, 0, &both[1], 1),
		     SR_NOT_FOUND, "'pdf'");
}

static void assert_class(const sr_category_rules *rules, const char *type, const char *ext,
			 const char *category)
{
	assert_string_equal(sr_category_classify(rules, sr_text_of(type), sr_text_of(ext)).data,
			    category);
}

static void test_rules_decide(void **state)
{
	catalog_fixture *f = *state;
	const sr_category category = named("special");
	const sr_category_rule added[] = {mime("text/x-special"), mime("text/x-"),
					  extension("spc")};
	sr_category_rules *rules;

	assert_ok(sr_category_rules_load(f->catalog, &rules));
	assert_class(rules, "image/png", "png", "image");
	assert_class(rules, "text/plain", "", "document");
	assert_class(rules, "application/pdf", "pdf", "document");
	assert_class(rules, "application/gzip", "gz", "archive");
	assert_class(rules, "video/mp4", "mp4", "video");
	assert_class(rules, "text/x-python", "py", "code");
	assert_class(rules, "TEXT/X-Python3", NULL, "code");
	assert_class(rules, NULL, "bak", "backup");
	assert_class(rules, NULL, "MP3", "audio");
	assert_class(rules, "application/octet-stream", "zip", "archive");
	assert_class(rules, "application/octet-stream", NULL, "other");
	assert_class(rules, "video", "", "other");
	assert_class(rules, NULL, NULL, "other");
	assert_null(sr_category_rules_at(rules, sr_category_rules_count(rules)));
	assert_ok(sr_category_add(f->catalog, &category, added, 3));
	/* As they were when they were loaded. */
	assert_class(rules, NULL, "spc", "other");
	sr_category_rules_free(rules);
	assert_ok(sr_category_rules_load(f->catalog, &rules));
	assert_class(rules, NULL, "spc", "special");
	/* The longest, whichever came first. */
	assert_class(rules, "text/x-special", "", "special");
	assert_class(rules, "text/x-else", "", "special");
	assert_class(rules, "text/x-python", "", "code");
	assert_class(rules, "text/plain", "spc", "document");
	sr_category_rules_free(rules);
	sr_category_rules_free(NULL);
}

static void test_rows_of_other_programs(void **state)
{
	catalog_fixture *f = *state;
	sr_category_rules *rules;
	char words[4][300];

	foreign_sql(f, "INSERT INTO category_rules (Category, Kind, Pattern) VALUES"
		       " ('odd', 'moon', 'full'), (x'ff00', 'extension', 'bin'),"
		       " ('odd', 'extension', ''), ('odd', 'mime', 'X/UPPER'), ('odd', 5, 6)");
	foreign_sql(f, "UPDATE file_categories SET Color = 'no color' WHERE Name = 'image'");
	assert_ok(sr_category_rules_load(f->catalog, &rules));
	assert_class(rules, "x/upper", NULL, "odd");
	assert_int_equal(sr_category_classify(rules, none, sr_text_of("bin")).length, 2);
	assert_class(rules, NULL, "full", "other");
	sr_category_rules_free(rules);
	(void)listed(f, "image", words);
	assert_string_equal(words[2], "no color");
}

static void test_one_by_hand(void **state)
{
	catalog_fixture *f = *state;

	put(f, "/a/b.png", "image", "image/png");
	assert_ok(sr_category_assign(f->catalog, &f->client, sr_text_of("/a/b.png"),
				     sr_text_of("code")));
	assert_category(f, "/a/b.png", "code");
	assert_fails(sr_category_assign(f->catalog, &f->client, sr_text_of("/a/b.png"),
					sr_text_of("nowhere")),
		     SR_NOT_FOUND, "nowhere");
	assert_fails(
		sr_category_assign(f->catalog, &f->client, sr_text_of("/gone"), sr_text_of("code")),
		SR_NOT_FOUND, "/gone");
	assert_fails(sr_category_assign(f->catalog, &f->client, none, sr_text_of("code")),
		     SR_INVALID, "empty");
	assert_fails(sr_category_assign(f->catalog, &f->client, sr_text_of("/a/b.png"), none),
		     SR_INVALID, "empty");
	assert_category(f, "/a/b.png", "code");
}

typedef struct moves {
	int calls;
	int64_t files;
	int64_t bytes;
	char text[500];
	int stop_after; /* Calls of progress; 0: never. */
	int progress;
	int64_t total;
} moves;

static void on_move(void *arg, sr_text from, sr_text to, int64_t files, int64_t bytes)
{
	moves *m = arg;
	const size_t length = strlen(m->text);

	m->calls++;
	m->files += files;
	m->bytes += bytes;
	snprintf(m->text + length, sizeof(m->text) - length, "%s>%s ", from.data ? from.data : "-",
		 to.data);
}

static bool on_progress(void *arg, int64_t done, int64_t total)
{
	moves *m = arg;

	assert_true(done <= total);
	m->total = total;
	return ++m->progress == m->stop_after;
}

static sr_classify_options options_for(moves *m)
{
	sr_classify_options options;

	memset(m, 0, sizeof(*m));
	sr_classify_options_init(&options);
	options.moved = on_move;
	options.progress = on_progress;
	options.arg = m;
	return options;
}

static void test_the_rules_for_what_is_there(void **state)
{
	catalog_fixture *f = *state;
	moves m;
	sr_classify_options options = options_for(&m);
	const sr_id other = add_client(f, "else");
	int64_t looked, changed;

	put(f, "/1.mp4", NULL, "video/mp4");
	put(f, "/2.mp4", NULL, NULL);
	put(f, "/3.txt", "code", "text/plain");
	put(f, "/4.png", "image", "image/png");
	foreign_sql(f, "UPDATE files SET FileExtension = NULL WHERE OriginalPath = '/2.mp4'");
	foreign_sql(f, "UPDATE files SET FileCategory = NULL WHERE OriginalPath = '/3.txt'");
	options.dry_run = true;
	assert_ok(sr_category_classify_files(f->catalog, &options, &looked, &changed));
	assert_int_equal(looked, 4);
	assert_int_equal(changed, 3);
	assert_string_equal(m.text, "document>video ->document ");
	assert_int_equal(m.bytes, 30);
	assert_int_equal(m.total, 4);
	assert_category(f, "/1.mp4", "document");
	options = options_for(&m);
	options.client = &other;
	assert_ok(sr_category_classify_files(f->catalog, &options, &looked, &changed));
	assert_int_equal(looked, 0);
	options.client = NULL;
	options.from = sr_text_of("code");
	assert_ok(sr_category_classify_files(f->catalog, &options, &looked, &changed));
	assert_int_equal(looked, 0);
	options.from = none;
	options.client = &f->client;
	assert_ok(sr_category_classify_files(f->catalog, &options, &looked, &changed));
	assert_int_equal(changed, 3);
	assert_category(f, "/1.mp4", "video");
	assert_category(f, "/2.mp4", "video");
	assert_category(f, "/3.txt", "document");
	assert_category(f, "/4.png", "image");
	assert_ok(sr_category_classify_files(f->catalog, &options, NULL, &changed));
	assert_int_equal(changed, 0);
	options.client = &(sr_id){{9}};
	assert_fails(sr_category_classify_files(f->catalog, &options, &looked, NULL), SR_NOT_FOUND,
		     "09");
	options.version = 9;
	assert_fails(sr_category_classify_files(f->catalog, &options, NULL, NULL), SR_INVALID, "9");
}

/* 3,500 files: more than one transaction takes. */
static void put_many(const catalog_fixture *f)
{
	char sql[400];
	char hex[SR_ID_TEXT_SIZE];

	sr_id_format(&f->client, hex);
	snprintf(sql, sizeof(sql),
		 "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3500)"
		 " INSERT INTO files (ID, FileName, PathName, FileSize, ClientID, FileCategory)"
		 " SELECT randomblob(16), 'f' || i || '.mp3', 'p', i, x'%s', 'image' FROM n",
		 hex);
	foreign_sql(f, sql);
}

static void test_many_go_in_short_transactions(void **state)
{
	catalog_fixture *f = *state;
	moves m;
	sr_classify_options options = options_for(&m);
	int64_t looked, changed;

	put_many(f);
	m.stop_after = 2;
	assert_fails(sr_category_classify_files(f->catalog, &options, &looked, &changed),
		     SR_INTERRUPTED, "stopped");
	assert_int_equal(changed, 2000);
	assert_int_equal(m.files, 2000);
	assert_int_equal(integer(f, "SELECT count(*) FROM files WHERE FileCategory = 'audio'"),
			 2000);
	options = options_for(&m);
	assert_ok(sr_category_classify_files(f->catalog, &options, &looked, &changed));
	assert_int_equal(looked, 3500);
	assert_int_equal(changed, 1500);
	assert_int_equal(m.calls, 1);
	assert_int_equal(integer(f, "SELECT count(*) FROM files WHERE FileCategory = 'audio'"),
			 3500);
	assert_int_equal(integer(f, "SELECT UsedBytes - (SELECT sum(FileSize) FROM files)"
				    " FROM (SELECT sum(Bytes) AS UsedBytes FROM client_usage)"),
			 0);
}

static void test_a_category_goes(void **state)
{
	catalog_fixture *f = *state;
	const sr_category category = named("gone");
	const sr_category_rule rules[] = {extension("gon"), mime("x-gone/")};
	sr_category_rules *loaded;
	int64_t moved = 7;

	assert_ok(sr_category_add(f->catalog, &category, rules, 2));
	/* Also where no file has to move. */
	assert_fails(
		sr_category_delete(f->catalog, sr_text_of("gone"), sr_text_of("nowhere"), &moved),
		SR_NOT_FOUND, "nowhere");
	put(f, "/a", "gone", NULL);
	assert_fails(sr_category_delete(f->catalog, sr_text_of("gone"), none, &moved), SR_REFUSED,
		     "1 file:");
	assert_says("--move-to");
	assert_fails(
		sr_category_delete(f->catalog, sr_text_of("gone"), sr_text_of("nowhere"), &moved),
		SR_NOT_FOUND, "nowhere");
	assert_fails(sr_category_delete(f->catalog, sr_text_of("gone"), sr_text_of("gone"), &moved),
		     SR_INVALID, "itself");
	assert_category(f, "/a", "gone");
	assert_int_equal(moved, 7);
	put_many(f);
	foreign_sql(f, "UPDATE files SET FileCategory = 'gone'");
	assert_ok(sr_category_delete(f->catalog, sr_text_of("gone"), sr_text_of("code"), &moved));
	assert_int_equal(moved, 3501);
	assert_category(f, "/a", "code");
	assert_int_equal(integer(f, "SELECT count(*) FROM files WHERE FileCategory = 'code'"),
			 3501);
	/* Its rules lead where its files went. */
	assert_ok(sr_category_rules_load(f->catalog, &loaded));
	assert_class(loaded, NULL, "gon", "code");
	assert_class(loaded, "x-gone/a", NULL, "code");
	sr_category_rules_free(loaded);
	assert_fails(sr_category_delete(f->catalog, sr_text_of("gone"), none, NULL), SR_NOT_FOUND,
		     "gone");
	/* One that nobody has, with its rules. */
	assert_ok(sr_category_delete(f->catalog, sr_text_of("audio"), none, NULL));
	assert_int_equal(integer(f, "SELECT count(*) FROM category_rules WHERE Category = 'audio'"),
			 0);
	assert_fails(sr_category_delete(f->catalog, sr_text_of("other"), sr_text_of("code"), NULL),
		     SR_REFUSED, "other");
	assert_fails(sr_category_delete(f->catalog, sr_text_of("document"), none, NULL), SR_REFUSED,
		     "document");
	assert_fails(sr_category_delete(f->catalog, none, none, NULL), SR_INVALID, "empty");
}

static int64_t count_in(const catalog_fixture *f, const char *category)
{
	char sql[120];

	snprintf(sql, sizeof(sql), "SELECT count(*) FROM files WHERE FileCategory = '%s'",
		 category);
	return integer(f, sql);
}

static int setup_with_faults(void **state)
{
	fault_vfs_install();
	return catalog_setup_client(state);
}

static int teardown_with_faults(void **state)
{
	int rc = catalog_teardown(state);

	fault_vfs_remove();
	return rc;
}

/* The disk is full from the second transaction on: what was told to be done is what is done. */
static void test_a_full_disk_keeps_whole_transactions(void **state)
{
	catalog_fixture *f = *state;
	moves m;
	sr_classify_options options = options_for(&m);
	int64_t looked, changed = 7, moved = 7;

	put_many(f);
	fault_arm(FAULT_SYNC, FAULT_WAL, 2, SQLITE_FULL, true);
	assert_int_not_equal(sr_category_classify_files(f->catalog, &options, &looked, &changed),
			     SR_OK);
	assert_string_not_equal(sr_error_message(), "");
	fault_disarm();
	assert_true(changed == 0 || changed == 1000);
	assert_int_equal(m.files, changed);
	/* Of a commit that failed in its last step nobody knows. */
	assert_true(count_in(f, "audio") == changed || count_in(f, "audio") == changed + 1000);
	assert_ok(sr_category_classify_files(f->catalog, &options, NULL, NULL));
	assert_int_equal(count_in(f, "audio"), 3500);
	fault_arm(FAULT_WRITE, FAULT_WAL, 1, SQLITE_FULL, true);
	assert_fails(
		sr_category_delete(f->catalog, sr_text_of("audio"), sr_text_of("code"), &moved),
		SR_NO_SPACE, "");
	fault_disarm();
	assert_int_equal(moved, 7);
	assert_int_equal(count_in(f, "audio"), 3500);
	assert_ok(sr_category_delete(f->catalog, sr_text_of("audio"), sr_text_of("code"), &moved));
	assert_int_equal(moved, 3500);
	assert_int_equal(count_in(f, "code"), 3500);
}

typedef struct racer {
	const catalog_fixture *f;
	int64_t changed;
	sr_status rc;
} racer;

static void *classify_in_thread(void *arg)
{
	racer *r = arg;
	sr_classify_options options;

	sr_classify_options_init(&options);
	r->rc = sr_category_classify_files(r->f->catalog, &options, NULL, &r->changed);
	return NULL;
}

static void *save_in_thread(void *arg)
{
	racer *r = arg;
	sr_file file = file_at(r->f, "/new");
	char path[40];

	for (int i = 0; r->rc == SR_OK && i < 200; i++) {
		snprintf(path, sizeof(path), "/new-%d.mp4", i);
		file.original_path = sr_text_of(path);
		file.category = sr_text_of("image");
		r->rc = sr_file_save(r->f->catalog, &file, 1, NULL, NULL, NULL);
	}
	return NULL;
}

/* Two that apply the rules at once, while files come: each change is counted by one of them. */
static void test_two_at_once(void **state)
{
	catalog_fixture *f = *state;
	racer racers[3] = {{.f = f}, {.f = f}, {.f = f}};
	sr_classify_options options;
	pthread_t threads[3];
	int64_t rest;

	put_many(f);
	for (int i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&threads[i], NULL,
						i < 2 ? classify_in_thread : save_in_thread,
						&racers[i]),
				 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_int_equal(racers[i].rc, SR_OK);
	}
	sr_classify_options_init(&options);
	assert_ok(sr_category_classify_files(f->catalog, &options, NULL, &rest));
	assert_int_equal(racers[0].changed + racers[1].changed + rest, 3700);
	assert_int_equal(count_in(f, "audio"), 3500);
	assert_int_equal(count_in(f, "video"), 200);
}

static void test_names_that_only_files_have(void **state)
{
	catalog_fixture *f = *state;
	const sr_category *category = NULL;
	sr_categories *cursor;
	sr_category found;
	char words[4][300];

	put(f, "/a", "wild", NULL);
	put(f, "/b", "wild", NULL);
	put(f, "/c", NULL, NULL);
	foreign_sql(f, "UPDATE files SET FileCategory = NULL WHERE OriginalPath = '/c'");
	foreign_sql(f,
		    "UPDATE files SET FileSize = 9223372036854775807 WHERE OriginalPath <> '/c'");
	found = listed(f, "wild", words);
	assert_false(found.known);
	assert_int_equal(found.files, 2);
	assert_int_equal(found.bytes, INT64_MAX);
	assert_ok(sr_category_list(f->catalog, true, &cursor));
	assert_ok(sr_categories_next(cursor, &category));
	assert_null(category->name.data);
	assert_int_equal(category->files, 1);
	sr_categories_close(cursor);
	assert_ok(sr_category_list(f->catalog, false, &cursor));
	for (int count = 0;; count++) {
		assert_ok(sr_categories_next(cursor, &category));
		if (category == NULL) {
			assert_int_equal(count, 8);
			break;
		}
		assert_int_equal(category->files, SR_NULL_INTEGER);
	}
	sr_categories_close(cursor);
	sr_categories_close(NULL);
}

/* Before categories, and before rules. */
static void test_older_databases(void **state)
{
	catalog_fixture *f = *state;
	sr_classify_options options;
	sr_category_rules *rules;
	const sr_category *category;
	sr_categories *cursor;
	char words[4][300];
	int64_t looked;

	for (int version = 2; version <= 5; version += 3) {
		unlink(f->path);
		old_database_make(f->path, &(old_options){.version = version});
		f->options.create = f->options.migrate = false;
		catalog_open(f);
		assert_ok(sr_category_rules_load(f->catalog, &rules));
		assert_int_equal(sr_category_rules_count(rules), 0);
		sr_category_rules_free(rules);
		assert_int_equal(listed(f, "image", words).rules, 0);
		assert_ok(sr_category_list(f->catalog, false, &cursor));
		assert_ok(sr_categories_next(cursor, &category));
		assert_true((category == NULL) == (version == 2));
		sr_categories_close(cursor);
		sr_classify_options_init(&options);
		options.dry_run = true;
		assert_fails(sr_category_classify_files(f->catalog, &options, &looked, NULL),
			     SR_TOO_OLD, "migrate up");
		assert_fails(sr_category_delete(f->catalog, sr_text_of("image"), none, NULL),
			     SR_TOO_OLD, "migrate up");
		assert_ok(sr_close(f->catalog));
		f->catalog = NULL;
	}
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, catalog_setup_client, catalog_teardown)
	const struct CMUnitTest tests[] = {
		T(test_every_catalog_has_the_usual_ones),
		T(test_adding_and_updating),
		T(test_what_no_category_is),
		T(test_what_no_rule_is),
		T(test_rules_decide),
		T(test_rows_of_other_programs),
		T(test_one_by_hand),
		T(test_the_rules_for_what_is_there),
		T(test_many_go_in_short_transactions),
		T(test_a_category_goes),
		cmocka_unit_test_setup_teardown(test_a_full_disk_keeps_whole_transactions,
						setup_with_faults, teardown_with_faults),
		T(test_two_at_once),
		T(test_names_that_only_files_have),
		cmocka_unit_test_setup_teardown(test_older_databases, catalog_setup,
						catalog_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
