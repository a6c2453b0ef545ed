/* Parts are held while they are made, by every maker; what nobody holds was left behind, whoever
 * has the number of its process by now. */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/wait.h>

#include "catalog_fixture.h"
#include "engine/sqlite.h"
#include "schema/copy.h"
#include "schema/schema.h"

static char ring[128];
static char elsewhere[128]; /* A folder of backups beside the database. */

static int setup(void **state)
{
	sr_keys_done done;
	catalog_fixture *f;

	if (catalog_setup(state) != 0)
		return -1;
	f = *state;
	snprintf(elsewhere, sizeof(elsewhere), "%s", scratch_path("elsewhere"));
	snprintf(ring, sizeof(ring), "%s", scratch_path("ring"));
	f->options.master_key_file = ring;
	catalog_open(f);
	f->client = add_client(f, "host");
	foreign_sql(f, "UPDATE clients SET AESKey = randomblob(32)");
	assert_ok(sr_keys_init(f->catalog, NULL, &done));
	return mkdir(elsewhere, 0700);
}

/* ---- Every maker ---- */

typedef struct seen {
	int parts; /* That were held. */
	int loose; /* That were not. */
} seen;

static void look_in(const char *folder, seen *s)
{
	DIR *dir = opendir(folder);
	char whole[NAME_MAX + 1];
	struct dirent *entry;
	long process;

	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL) {
		if (!sr_part_named(entry->d_name, whole, &process) &&
		    strstr(entry->d_name, ".rehearsal.") == NULL)
			continue;
		if (sr_part_lives(dirfd(dir), getpid())) {
			s->parts++;
		} else {
			print_message("nobody holds %s\n", entry->d_name);
			s->loose++;
		}
	}
	closedir(dir);
}

/* An sr_progress_fn. */
static bool look(void *arg, int64_t done, int64_t total)
{
	(void)done;
	(void)total;
	look_in(scratch_folder(), arg);
	look_in(elsewhere, arg);
	return false;
}

/* An sr_stage_fn. */
static bool look_at_step(void *arg, const char *step, int64_t done, int64_t total)
{
	(void)step;
	return look(arg, done, total);
}

/* In how many of the folders this process's parts are held. */
static int held_by_us(void)
{
	const char *const folders[] = {scratch_folder(), elsewhere};
	int held = 0;

	for (size_t i = 0; i < 2; i++) {
		int fd = open(folders[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		assert_true(fd >= 0);
		held += sr_part_lives(fd, (long)getpid());
		close(fd);
	}
	return held;
}

static sr_status back_up(const catalog_fixture *f, const char *path, bool compress, seen *s)
{
	sr_backup_options options;

	sr_backup_options_init(&options);
	options.path = path;
	options.compress = compress;
	options.progress = look_at_step;
	options.progress_arg = s;
	return sr_backup(f->catalog, &options, NULL);
}

static sr_status plain_backup(catalog_fixture *f, seen *s)
{
	return back_up(f, elsewhere, false, s);
}

static sr_status packed_backup(catalog_fixture *f, seen *s)
{
	return back_up(f, elsewhere, true, s);
}

static sr_status migration_backup(catalog_fixture *f, seen *s)
{
	const sr_conn_options options = {.access = SR_ACCESS_WRITE};
	char path[4096];
	sr_conn *conn;
	sr_status rc;

	if ((rc = sr_conn_open(&sr_sqlite, f->path, &options, &conn)) != SR_OK)
		return rc;
	rc = sr_backup_make(conn, path, look, s);
	sr_conn_close(conn);
	return rc;
}

static sr_status optimize(catalog_fixture *f, seen *s)
{
	sr_optimize_options options;
	sr_optimized done;

	sr_optimize_options_init(&options);
	options.progress = look;
	options.progress_arg = s;
	return sr_optimize(f->catalog, &options, &done);
}

static sr_status salvage(catalog_fixture *f, seen *s)
{
	const char *path = scratch_path("whole");
	sr_salvage_options options;
	sr_salvaged *salvaged;
	seen before = {0};
	sr_status rc;

	/* As many rows as it takes for progress to be told. */
	foreign_sql(
		f,
		"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) "
		"INSERT INTO clients (ID, Name, LastSeen) SELECT randomblob(16), i, '2026-01-01' "
		"FROM n");
	if ((rc = back_up(f, path, false, &before)) != SR_OK)
		return rc;
	sr_salvage_options_init(&options);
	options.progress = look;
	options.progress_arg = s;
	rc = sr_salvage(path, scratch_path("fresh.db"), &options, &salvaged);
	sr_salvaged_free(salvaged);
	return rc;
}

static sr_backup_read_options reading(seen *s)
{
	sr_backup_read_options how;

	sr_backup_read_options_init(&how);
	how.progress = look_at_step;
	how.progress_arg = s;
	return how;
}

static sr_status verify(catalog_fixture *f, seen *s)
{
	const sr_backup_read_options how = reading(s);
	const char *path = scratch_path("packed");
	sr_backup_report report;
	seen before = {0};
	sr_status rc;

	if ((rc = back_up(f, path, true, &before)) != SR_OK)
		return rc;
	return sr_backup_verify(&f->options, path, &how, &report);
}

/* With pages of another size, for which there is one more part. */
static sr_status restore(catalog_fixture *f, seen *s)
{
	const sr_backup_read_options how = reading(s);
	const char *path = scratch_path("small");
	seen before = {0};
	char sql[200];
	sr_status rc;

	if ((rc = back_up(f, scratch_path("plain"), false, &before)) != SR_OK)
		return rc;
	snprintf(sql, sizeof(sql), "PRAGMA page_size = 1024; VACUUM INTO '%s'", path);
	foreign_sql(f, sql);
	return sr_restore(&f->options, path, &how, NULL);
}

static sr_status shred(catalog_fixture *f, seen *s)
{
	const char *const folders[] = {elsewhere};
	sr_shred_options options;
	sr_shredded done;
	seen before = {0};
	sr_status rc;

	if ((rc = packed_backup(f, &before)) != SR_OK)
		return rc;
	sr_shred_options_init(&options);
	options.folders = folders;
	options.folder_count = 1;
	options.even_known = true;
	options.progress = look_at_step;
	options.progress_arg = s;
	if ((rc = sr_client_shred(f->catalog, &f->client, &options, &done)) == SR_OK)
		assert_true(done.backups > 0);
	return rc;
}

static sr_status rehearse(catalog_fixture *f, seen *s)
{
	sr_rehearse_options options;
	sr_rehearsal *report;
	sr_status rc;

	sr_rehearse_options_init(&options);
	options.to = 18;
	options.folder = elsewhere;
	options.progress = look;
	options.progress_arg = s;
	if ((rc = sr_migrate_rehearse(f->catalog, &options, &report)) == SR_OK)
		sr_rehearsal_free(report);
	return rc;
}

static void every_maker_holds(void **state)
{
	static const struct {
		const char *name;
		sr_status (*make)(catalog_fixture *f, seen *s);
	} makers[] = {
		{"a plain backup", plain_backup},
		{"a packed backup", packed_backup},
		{"the backup before a migration", migration_backup},
		{"optimize", optimize},
		{"salvage", salvage},
		{"verify", verify},
		{"restore", restore},
		{"a rehearsal", rehearse},
		{"shred", shred},
	};
	catalog_fixture *f = *state;

	for (size_t i = 0; i < sizeof(makers) / sizeof(makers[0]); i++) {
		seen s = {0};

		print_message("%s\n", makers[i].name);
		assert_done(makers[i].make(f, &s));
		assert_true(s.parts > 0);
		assert_int_equal(s.loose, 0);
		/* And no longer: what follows would look like it is being made. */
		assert_int_equal(held_by_us(), 0);
	}
}

/* ---- Left behind ---- */

typedef void (*name_fn)(const char *folder, long process, char path[300]);

static void name_part(const char *folder, long process, char path[300])
{
	snprintf(path, 300, "%s/catalog.db_backup_20260101_000000.db.%ld.part", folder, process);
}

static void name_rehearsal(const char *folder, long process, char path[300])
{
	snprintf(path, 300, "%s/catalog.db.rehearsal.%ld.0123456789abcdef0123456789abcdef", folder,
		 process);
}

static void leave(name_fn name, const char *folder, long process)
{
	char path[300];
	FILE *file;

	name(folder, process, path);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fputs("SQLite format 3", file) >= 0 && fclose(file) == 0, 1);
}

static bool is_left(name_fn name, const char *folder, long process)
{
	char path[300];

	name(folder, process, path);
	return access(path, F_OK) == 0;
}

static sr_status shred_host(catalog_fixture *f)
{
	const char *const folders[] = {elsewhere};
	sr_shred_options options;
	sr_shredded done;

	sr_shred_options_init(&options);
	options.folders = folders;
	options.folder_count = 1;
	return sr_client_shred(f->catalog, &f->client, &options, &done);
}

/* Killed processes whose numbers were given again: to this one, the one above it, and the first. */
static void numbers_that_are_others_now_stop_nothing(void **state)
{
	const long numbers[] = {(long)getpid(), (long)getppid(), 1};
	catalog_fixture *f = *state;
	seen s = {0};

	for (size_t i = 0; i < 3; i++) {
		leave(name_part, elsewhere, numbers[i]);
		leave(name_part, scratch_folder(), numbers[i]);
		leave(name_rehearsal, elsewhere, numbers[i]);
		leave(name_rehearsal, scratch_folder(), numbers[i]);
	}
	assert_ok(shred_host(f));
	for (size_t i = 0; i < 3; i++) {
		assert_false(is_left(name_part, elsewhere, numbers[i]));
		assert_false(is_left(name_part, scratch_folder(), numbers[i]));
		assert_false(is_left(name_rehearsal, elsewhere, numbers[i]));
		assert_false(is_left(name_rehearsal, scratch_folder(), numbers[i]));
		leave(name_part, elsewhere, numbers[i]);
	}
	assert_ok(plain_backup(f, &s));
	for (size_t i = 0; i < 3; i++)
		assert_false(is_left(name_part, elsewhere, numbers[i]));
}

/* A process that makes a file of that name in the folder until it is killed. */
static pid_t start_maker(name_fn name, const char *folder)
{
	char path[200], byte;
	int ready[2];
	pid_t child;

	snprintf(path, sizeof(path), "%s/new.db", folder);
	assert_int_equal(pipe(ready), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		int hold;

		leave(name, folder, (long)getpid());
		if (sr_part_hold(path, &hold) != SR_OK || write(ready[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return child;
}

static void end_maker(pid_t maker)
{
	assert_int_equal(kill(maker, SIGKILL), 0);
	assert_int_equal(waitpid(maker, NULL, 0), maker);
}

static void what_is_being_made_is_waited_for(void **state)
{
	catalog_fixture *f = *state;
	pid_t maker = start_maker(name_part, elsewhere);
	seen s = {0};

	assert_fails(shred_host(f), SR_BUSY, "is being written by process");
	assert_ok(plain_backup(f, &s));
	assert_true(is_left(name_part, elsewhere, (long)maker));
	end_maker(maker);
	assert_ok(shred_host(f));
	assert_false(is_left(name_part, elsewhere, (long)maker));
}

static void a_rehearsal_is_waited_for(void **state)
{
	catalog_fixture *f = *state;
	const char *folder = scratch_folder();
	pid_t maker = start_maker(name_rehearsal, folder);

	assert_fails(shred_host(f), SR_BUSY, "is being written by process");
	assert_true(is_left(name_rehearsal, folder, (long)maker));
	end_maker(maker);
	assert_ok(shred_host(f));
	assert_false(is_left(name_rehearsal, folder, (long)maker));
}

/* Links are nobody's parts, and stay. */
static void links_stay(void **state)
{
	catalog_fixture *f = *state;
	char path[300];
	struct stat st;
	seen s = {0};

	snprintf(path, sizeof(path), "%s/catalog.db_backup_20260101_000000.db.4194302.part",
		 elsewhere);
	assert_int_equal(symlink("nowhere", path), 0);
	assert_ok(plain_backup(f, &s));
	assert_int_equal(lstat(path, &st), 0);
}

#define WITH(name) cmocka_unit_test_setup_teardown(name, setup, catalog_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(every_maker_holds),
		WITH(numbers_that_are_others_now_stop_nothing),
		WITH(what_is_being_made_is_waited_for),
		WITH(a_rehearsal_is_waited_for),
		WITH(links_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
