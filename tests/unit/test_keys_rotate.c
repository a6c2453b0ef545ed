/* The master key rotated, and a client's key destroyed, whatever ends that in between. */
#include <dirent.h>
#include <fcntl.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "catalog/keys_rotate.h"
#include "catalog_fixture.h"
#include "memory_scan.h"

#define KEYS 5

static char ring[128], backups[128]; /* scratch_path's are good for a few calls only. */

static void make_key(unsigned which, unsigned char key[32])
{
	for (unsigned i = 0; i < 32; i++)
		key[i] = (unsigned char)(which * 41 + i * 7 + 3);
}

static sr_id id_of(unsigned which)
{
	sr_id id = {.bytes = {0x55, (uint8_t)(which >> 8), (uint8_t)which}};

	return id;
}

static void save_keys(const catalog_fixture *f, unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++) {
		unsigned char key[32];
		char name[32];
		sr_client client = {.id = id_of(i), .aes_key = {(const char *)key, sizeof(key)}};

		make_key(i, key);
		snprintf(name, sizeof(name), "client %u", i);
		client.name = sr_text_of(name);
		assert_ok(sr_client_save(f->catalog, &client, 1, NULL));
	}
}

static void assert_key(const catalog_fixture *f, unsigned which)
{
	const sr_id id = id_of(which);
	unsigned char key[32];
	sr_client *client;

	make_key(which, key);
	assert_ok(sr_client_by_id(f->catalog, &id, &client));
	assert_int_equal(client->aes_key.length, sizeof(key));
	assert_memory_equal(client->aes_key.data, key, sizeof(key));
	sr_client_free(client);
}

static void assert_keys(const catalog_fixture *f, unsigned from)
{
	for (unsigned i = from; i < KEYS; i++)
		assert_key(f, i);
}

/* Lines of the ring. */
static int ring_count(void)
{
	FILE *file = fopen(ring, "r");
	char line[512];
	int count = 0;

	assert_non_null(file);
	while (fgets(line, sizeof(line), file))
		count += line[0] != '#';
	fclose(file);
	return count;
}

static void set_up(catalog_fixture *f)
{
	sr_keys_done done;

	snprintf(ring, sizeof(ring), "%s", scratch_path("ring"));
	f->options.master_key_file = ring;
	catalog_open(f);
	save_keys(f, 0, KEYS);
	assert_ok(sr_keys_init(f->catalog, NULL, &done));
	assert_true(done.cleaned);
}

static int64_t current_keys(const catalog_fixture *f)
{
	return integer(f, "SELECT count(*) FROM clients WHERE lower(hex(substr(AESKey, 9, 8))) = "
			  "(SELECT ID FROM master_keys WHERE IsCurrent = 1)");
}

static void rotates_and_forgets(void **state)
{
	catalog_fixture *f = *state;
	sr_keys_rotate_options options;
	sr_keys_rotated done;
	char first[SR_MASTER_ID_SIZE];

	set_up(f);
	assert_ok(sr_keys_rotate(f->catalog, NULL, &done));
	assert_int_equal(done.changed, KEYS);
	assert_int_equal(done.unreadable + done.forgotten, 0);
	memcpy(first, done.id, sizeof(first));
	assert_int_equal(current_keys(f), KEYS);
	assert_int_equal(ring_count(), 2);
	assert_keys(f, 0);
	sr_keys_rotate_options_init(&options);
	options.forget_old = true;
	assert_ok(sr_keys_rotate(f->catalog, &options, &done));
	assert_string_not_equal(first, done.id);
	assert_int_equal(done.forgotten, 2);
	assert_int_equal(ring_count(), 1);
	assert_keys(f, 0);
	/* Also for who opens it anew, and for new keys. */
	save_keys(f, KEYS, KEYS + 1);
	assert_int_equal(current_keys(f), KEYS + 1);
	assert_ok(sr_close(f->catalog));
	catalog_open(f);
	assert_keys(f, 0);
}

static void a_backup_that_needs_a_key_keeps_it(void **state)
{
	catalog_fixture *f = *state;
	sr_keys_rotate_options options;
	sr_keys_rotated done;
	sr_backed_up backup;
	int rings;

	set_up(f);
	assert_ok(sr_backup(f->catalog, NULL, &backup));
	sr_keys_rotate_options_init(&options);
	options.forget_old = true;
	assert_fails(sr_keys_rotate(f->catalog, &options, &done), SR_REFUSED, backup.path);
	rings = ring_count();
	assert_int_equal(rings, 1);
	assert_string_equal(done.id, "");
	options.even_needed = true;
	assert_ok(sr_keys_rotate(f->catalog, &options, &done));
	assert_int_equal(unlink(backup.path), 0);
	options.even_needed = false;
	assert_ok(sr_keys_rotate(f->catalog, &options, &done));
	assert_keys(f, 0);
}

/* One from before keys were wrapped needs none. */
static void a_backup_with_keys_in_the_clear_needs_none(void **state)
{
	catalog_fixture *f = *state;
	sr_keys_rotate_options options;
	sr_keys_rotated done;
	sr_keys_done init;

	snprintf(ring, sizeof(ring), "%s", scratch_path("ring"));
	f->options.master_key_file = ring;
	catalog_open(f);
	save_keys(f, 0, KEYS);
	assert_ok(sr_backup(f->catalog, NULL, NULL));
	assert_ok(sr_keys_init(f->catalog, NULL, &init));
	sr_keys_rotate_options_init(&options);
	options.forget_old = true;
	assert_ok(sr_keys_rotate(f->catalog, &options, &done));
	assert_int_equal(done.forgotten, 1);
	assert_keys(f, 0);
}

/* Nobody can tell which keys it needs, and somebody may yet mend it. */
static void a_damaged_backup_keeps_its_key(void **state)
{
	catalog_fixture *f = *state;
	unsigned char noise[300];
	sr_keys_rotate_options options;
	sr_keys_rotated done;
	sr_backed_up backup;
	int fd;

	set_up(f);
	assert_ok(sr_backup(f->catalog, NULL, &backup));
	memset(noise, 0xff, sizeof(noise));
	assert_true((fd = open(backup.path, O_WRONLY | O_CLOEXEC)) >= 0);
	assert_int_equal(pwrite(fd, noise, sizeof(noise), 18), sizeof(noise));
	assert_int_equal(close(fd), 0);
	sr_keys_rotate_options_init(&options);
	options.forget_old = true;
	assert_fails(sr_keys_rotate(f->catalog, &options, &done), SR_REFUSED, backup.path);
	assert_int_equal(ring_count(), 1);
	/* What is no database any more needs nothing. */
	assert_int_equal(truncate(backup.path, 10), 0);
	assert_ok(sr_keys_rotate(f->catalog, &options, &done));
	assert_keys(f, 0);
}

static void what_cannot_be_rotated_is_told(void **state)
{
	catalog_fixture *f = *state;
	sr_keys_rotated done;

	snprintf(ring, sizeof(ring), "%s", scratch_path("ring"));
	f->options.master_key_file = ring;
	catalog_open(f);
	assert_fails(sr_keys_rotate(f->catalog, NULL, &done), SR_INVALID, "keys init");
	assert_ok(sr_close(f->catalog));
	assert_int_equal(unlink(f->path), 0);
	set_up(f);
	assert_ok(sr_begin(f->catalog, "test"));
	assert_fails(sr_keys_rotate(f->catalog, NULL, &done), SR_INVALID, "inside a transaction");
	assert_ok(sr_rollback(f->catalog));
	/* One that nobody can open stays, and no old master key goes. */
	foreign_sql(f, "UPDATE clients SET AESKey = substr(AESKey, 1, 40) || zeroblob(36) WHERE "
		       "Name = 'client 0'");
	assert_ok(sr_keys_rotate(f->catalog, NULL, &done));
	assert_int_equal(done.unreadable, 1);
	assert_int_equal(done.changed, KEYS - 1);
	assert_keys(f, 1);
}

/* ---- Ended at each step ---- */

typedef struct ending {
	int after; /* Steps until the process is no more. */
	const char *seen;
} ending;

static bool end_after(void *arg, const char *step, int64_t done, int64_t total)
{
	ending *e = arg;

	(void)done;
	(void)total;
	if (e->seen == NULL || strcmp(e->seen, step) != 0) {
		e->seen = step;
		if (e->after-- == 0)
			_exit(9);
	}
	return false;
}

/* In another process, which ends without a word at its step `after`; whether it came to its end
 * before. */
static bool runs_through(catalog_fixture *f, int after,
			 sr_status (*run)(sr_catalog *catalog, ending *e))
{
	pid_t child;
	int status;

	assert_ok(sr_close(f->catalog));
	f->catalog = NULL;
	fflush(NULL);
	if ((child = fork()) == 0) {
		ending e = {after, NULL};
		sr_catalog *catalog;

		if (sr_open(&catalog, &f->options) != SR_OK)
			_exit(1);
		_exit(run(catalog, &e) == SR_OK ? 0 : 2);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	catalog_open(f);
	if (WEXITSTATUS(status) == 0)
		return true;
	assert_int_equal(WEXITSTATUS(status), 9);
	return false;
}

static sr_status rotate_in_child(sr_catalog *catalog, ending *e)
{
	sr_keys_rotate_options options;
	sr_keys_rotated done;

	sr_keys_rotate_options_init(&options);
	options.forget_old = true;
	options.progress = end_after;
	options.progress_arg = e;
	return sr_keys_rotate(catalog, &options, &done);
}

static void a_rotation_that_ends_loses_no_key(void **state)
{
	catalog_fixture *f = *state;
	int after = 0;

	set_up(f);
	for (bool through = false; !through; after++) {
		through = runs_through(f, after, rotate_in_child);
		assert_keys(f, 0);
		assert_int_equal(integer(f, "SELECT count(*) FROM master_keys WHERE IsCurrent = 1"),
				 1);
	}
	assert_int_equal(after, 4); /* Three steps, and one time through all. */
	assert_int_equal(ring_count(), 1);
}

static sr_status shred_in_child(sr_catalog *catalog, ending *e)
{
	const char *folder = backups;
	const sr_id id = id_of(0);
	sr_shred_options options;
	sr_shredded done;

	sr_shred_options_init(&options);
	options.folders = &folder;
	options.folder_count = 1;
	options.progress = end_after;
	options.progress_arg = e;
	return sr_client_shred(catalog, &id, &options, &done);
}

/* The keys but the first in the backup. */
static void assert_backup(const catalog_fixture *f, const char *path)
{
	catalog_fixture restored = *f;
	char to[128];

	snprintf(to, sizeof(to), "%s", scratch_path("restored"));
	restored.options.path = to;
	assert_ok(sr_restore(&restored.options, path, NULL, NULL));
	assert_ok(sr_open(&restored.catalog, &restored.options));
	assert_keys(&restored, 1);
	assert_ok(sr_close(restored.catalog));
	assert_int_equal(unlink(to), 0);
}

static void make_backups_folder(void)
{
	snprintf(backups, sizeof(backups), "%s", scratch_path("backups"));
	assert_int_equal(mkdir(backups, 0700), 0);
}

static void back_up_to(const catalog_fixture *f, const char *path)
{
	sr_backup_options how;

	sr_backup_options_init(&how);
	how.path = path;
	assert_ok(sr_backup(f->catalog, &how, NULL));
}

static void shredding_that_ends_loses_no_other_key(void **state)
{
	catalog_fixture *f = *state;
	sr_backup_options options;
	const sr_id id = id_of(0);
	char path[128], packed[128];
	sr_client *client;
	int after = 0;

	set_up(f);
	make_backups_folder();
	snprintf(path, sizeof(path), "%s", scratch_path("backups/a.db"));
	snprintf(packed, sizeof(packed), "%s", scratch_path("backups/b.zst"));
	sr_backup_options_init(&options);
	options.path = path;
	assert_ok(sr_backup(f->catalog, &options, NULL));
	options.path = packed;
	options.compress = true;
	assert_ok(sr_backup(f->catalog, &options, NULL));
	for (bool through = false; !through; after++) {
		through = runs_through(f, after, shred_in_child);
		assert_keys(f, 1);
		assert_backup(f, path);
		assert_backup(f, packed);
		/* The client is there to the last, so that it can be done again. */
		if (!through) {
			assert_ok(sr_client_find(f->catalog, &id, sr_text_of(NULL), SR_CLIENT_NAME,
						 &client));
			sr_client_free(client);
		}
	}
	assert_in_range(after, 10, 100);
	assert_fails(sr_client_by_id(f->catalog, &id, &client), SR_NOT_FOUND, "no client");
	assert_int_equal(ring_count(), 1);
}

/* Whose client is not in the catalog any more, so that nothing there says that it is to be done
 * again: the backup does, which has the client's row to the last. */
static void shredding_in_backups_alone_can_be_done_again(void **state)
{
	catalog_fixture *f = *state;
	const sr_id id = id_of(0);
	sr_backup_options options;
	char path[128];
	int after = 0;

	set_up(f);
	make_backups_folder();
	snprintf(path, sizeof(path), "%s", scratch_path("backups/a.db"));
	sr_backup_options_init(&options);
	options.path = path;
	assert_ok(sr_backup(f->catalog, &options, NULL));
	assert_ok(sr_client_delete(f->catalog, &id, NULL));
	while (!runs_through(f, after, shred_in_child)) {
		after++;
		assert_keys(f, 1);
		assert_backup(f, path);
	}
	assert_in_range(after, 8, 100);
	assert_keys(f, 1);
	assert_backup(f, path);
	assert_int_equal(ring_count(), 1);
}

static void shredding_tells_what_it_did(void **state)
{
	catalog_fixture *f = *state;
	const sr_id id = id_of(0);
	sr_shredded done;

	set_up(f);
	assert_fails(sr_client_shred(f->catalog, &(sr_id){{0}}, NULL, &done), SR_NOT_FOUND,
		     "no client");
	assert_ok(sr_client_shred(f->catalog, &id, NULL, &done));
	assert_int_equal(done.rewrapped, KEYS - 1);
	assert_int_equal(done.forgotten, 1);
	assert_int_equal(done.left, 0);
	assert_keys(f, 1);
}

/* Puts another file there while the backup is being rewritten. */
static bool exchange(void *arg, const char *step, int64_t done, int64_t total)
{
	const char *path = arg;
	char away[160];

	(void)done;
	(void)total;
	if (strcmp(step, "rewriting a backup") != 0 || access(path, F_OK) != 0)
		return false;
	snprintf(away, sizeof(away), "%s.away", path);
	if (access(away, F_OK) == 0)
		return false;
	assert_int_equal(rename(path, away), 0);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs("theirs", file) >= 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, 0666), 0);
	return false;
}

static void a_backup_that_was_exchanged_is_not_replaced(void **state)
{
	catalog_fixture *f = *state;
	const sr_id id = id_of(0);
	const char *folder = backups;
	sr_shred_options options;
	sr_shredded done;
	struct stat st;
	char path[128];

	set_up(f);
	make_backups_folder();
	snprintf(path, sizeof(path), "%s", scratch_path("backups/a.db"));
	back_up_to(f, path);
	sr_shred_options_init(&options);
	options.folders = &folder;
	options.folder_count = 1;
	options.progress = exchange;
	options.progress_arg = path;
	assert_fails(sr_client_shred(f->catalog, &id, &options, &done), SR_REFUSED, "exchanged");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 6);
	assert_true(ring_count() > 1);
	/* The same again, with nobody in between. */
	assert_ok(sr_client_shred(f->catalog, &id, &options, &done));
	assert_int_equal(ring_count(), 1);
	assert_keys(f, 1);
}

/* Puts the backup in the folder once that was checked. */
static bool arrive(void *arg, const char *step, int64_t done, int64_t total)
{
	const char *path = arg;

	(void)done;
	(void)total;
	if (strcmp(step, "making a master key") == 0)
		assert_int_equal(rename(scratch_path("late.db"), path), 0);
	return false;
}

static void a_damaged_backup_that_came_late_keeps_the_master_keys(void **state)
{
	catalog_fixture *f = *state;
	const sr_id id = id_of(0);
	const char *folder = backups;
	sr_shred_options options;
	sr_shredded done;
	char path[128], late[128], sql[512];

	set_up(f);
	make_backups_folder();
	snprintf(path, sizeof(path), "%s", scratch_path("backups/a.db"));
	snprintf(late, sizeof(late), "%s", scratch_path("late.db"));
	back_up_to(f, late);
	snprintf(sql, sizeof(sql),
		 "ATTACH '%s' AS late; UPDATE late.clients SET AESKey = substr(AESKey, 1, 40) || "
		 "zeroblob(36) WHERE Name = 'client 2'",
		 late);
	foreign_sql(f, sql);
	sr_shred_options_init(&options);
	options.even_known = true;
	options.folders = &folder;
	options.folder_count = 1;
	options.progress = arrive;
	options.progress_arg = path;
	assert_fails(sr_client_shred(f->catalog, &id, &options, &done), SR_CORRUPT,
		     "a.db' is as it was: 1 AES key in it cannot be opened");
	assert_int_equal(ring_count(), 2);
	assert_keys(f, 1);
	/* From now on that is found before. */
	assert_fails(sr_client_shred(f->catalog, &id, &options, &done), SR_CORRUPT,
		     "a.db': 1 AES key in it cannot be opened");
	assert_int_equal(ring_count(), 2);
}

/* Rewritten, it would lose what its log has. */
static void a_backup_with_a_log_is_not_replaced(void **state)
{
	catalog_fixture *f = *state;
	const sr_id id = id_of(0);
	const char *folder = backups;
	sr_shred_options options;
	sr_shredded done;
	char path[128];
	FILE *log;

	set_up(f);
	make_backups_folder();
	snprintf(path, sizeof(path), "%s", scratch_path("backups/a.db"));
	back_up_to(f, path);
	log = fopen(scratch_path("backups/a.db-wal"), "w");
	assert_non_null(log);
	assert_true(fputs("a page", log) >= 0);
	assert_int_equal(fclose(log), 0);
	sr_shred_options_init(&options);
	options.folders = &folder;
	options.folder_count = 1;
	assert_fails(sr_client_shred(f->catalog, &id, &options, &done), SR_BUSY, "-wal is there");
	assert_keys(f, 0);
	assert_int_equal(unlink(scratch_path("backups/a.db-wal")), 0);
	assert_ok(sr_client_shred(f->catalog, &id, &options, &done));
	assert_int_equal(done.backups, 1);
}

/* ---- Two at once ---- */

/* What somebody else does at one step of this. */
typedef struct meanwhile {
	catalog_fixture *f;
	const char *step;
	void (*act)(struct meanwhile *m);
	sr_catalog *other;
	int acted;
} meanwhile;

static bool do_meanwhile(void *arg, const char *step, int64_t done, int64_t total)
{
	meanwhile *m = arg;

	(void)done;
	(void)total;
	if (m->acted == 0 && (m->step == NULL || strcmp(step, m->step) == 0)) {
		m->acted++;
		m->act(m);
	}
	return false;
}

/* A catalog of its own, as in another process, that does not wait for long. */
static void meanwhile_begin(meanwhile *m, catalog_fixture *f)
{
	sr_options options = f->options;

	options.timeout = 0.2;
	m->f = f;
	assert_ok(sr_open(&m->other, &options));
}

static void meanwhile_end(meanwhile *m)
{
	assert_int_equal(m->acted, 1);
	assert_ok(sr_close(m->other));
}

static sr_status rotate(sr_catalog *catalog, bool forget_old, meanwhile *m)
{
	sr_keys_rotate_options options;
	sr_keys_rotated done;

	sr_keys_rotate_options_init(&options);
	options.forget_old = forget_old;
	options.even_needed = true;
	if (m != NULL) {
		options.progress = do_meanwhile;
		options.progress_arg = m;
	}
	return sr_keys_rotate(catalog, &options, &done);
}

static sr_status shred(sr_catalog *catalog, unsigned which, meanwhile *m)
{
	const sr_id id = id_of(which);
	sr_shred_options options;
	sr_shredded done;

	sr_shred_options_init(&options);
	options.even_known = true;
	if (m != NULL) {
		options.progress = do_meanwhile;
		options.progress_arg = m;
	}
	return sr_client_shred(catalog, &id, &options, &done);
}

static void all_that_change_keys(meanwhile *m)
{
	sr_keys_done done;

	assert_fails(rotate(m->other, false, NULL), SR_BUSY, ring);
	assert_fails(rotate(m->other, true, NULL), SR_BUSY, ring);
	assert_fails(shred(m->other, 1, NULL), SR_BUSY, ring);
	assert_fails(sr_keys_init(m->other, NULL, &done), SR_BUSY, ring);
	assert_fails(sr_keys_init(m->f->catalog, NULL, &done), SR_BUSY, ring);
}

static void one_at_a_time_changes_master_keys(void **state)
{
	static const char *const steps[] = {"making a master key", "rewrapping",
					    "forgetting old master keys"};
	catalog_fixture *f = *state;

	f->options.timeout = 0.2;
	set_up(f);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		meanwhile m = {.step = steps[i], .act = all_that_change_keys};

		meanwhile_begin(&m, f);
		assert_ok(rotate(f->catalog, true, &m));
		assert_int_equal(ring_count(), 1);
		assert_keys(f, 0);
		/* It is let go of. */
		assert_ok(rotate(m.other, false, NULL));
		meanwhile_end(&m);
	}
	meanwhile m = {.step = "destroying master keys", .act = all_that_change_keys};
	meanwhile_begin(&m, f);
	assert_ok(shred(f->catalog, 0, &m));
	meanwhile_end(&m);
	assert_int_equal(ring_count(), 1);
	assert_keys(f, 1);
	assert_ok(rotate(f->catalog, true, NULL));
}

static void unwrap_meanwhile(meanwhile *m)
{
	sr_keys_done done;

	assert_ok(sr_keys_unwrap(m->other, &done));
	assert_int_equal(done.changed, KEYS);
}

/* Who was told that keys are plain now finds them so. */
static void what_was_unwrapped_meanwhile_stays_plain(void **state)
{
	catalog_fixture *f = *state;
	meanwhile m = {.step = "rewrapping", .act = unwrap_meanwhile};
	sr_keys_status *status;

	set_up(f);
	meanwhile_begin(&m, f);
	assert_fails(rotate(f->catalog, true, &m), SR_BUSY, "plain");
	meanwhile_end(&m);
	assert_ok(sr_keys_status_get(f->catalog, &status));
	assert_false(status->wrapping);
	assert_int_equal(status->plain, KEYS);
	sr_keys_status_free(status);
	assert_keys(f, 0);
}

/* Whoever else may have changed what: the last look is in the transaction. */
static void no_master_key_that_is_needed_is_forgotten(void **state)
{
	catalog_fixture *f = *state;
	sr_keys_rotated done;
	sr_keys_hold hold;
	sr_rewrapped rewrapped;
	sr_master master;
	char first[SR_MASTER_ID_SIZE];
	int64_t forgotten;

	set_up(f);
	assert_ok(sr_keys_rotate(f->catalog, NULL, &done));
	memcpy(first, done.id, sizeof(first));
	foreign_sql(f,
		    "CREATE TABLE before (ID, AESKey); INSERT INTO before SELECT ID, AESKey FROM "
		    "clients");
	assert_ok(sr_keys_rotate(f->catalog, NULL, &done));
	assert_int_equal(ring_count(), 3);
	assert_ok(sr_keys_hold_take(f->catalog, true, &hold));
	/* One that is not current. */
	assert_fails(sr_keys_forget(f->catalog, &hold, first, &forgotten), SR_BUSY, first);
	/* A key that is under an older one. */
	foreign_sql(f, "UPDATE clients SET AESKey = (SELECT b.AESKey FROM before b WHERE b.ID = "
		       "clients.ID) WHERE Name = 'client 2'");
	assert_fails(sr_keys_forget(f->catalog, &hold, done.id, &forgotten), SR_CORRUPT,
		     "client 2");
	assert_int_equal(ring_count(), 3);
	/* No key is put under one that the ring lacks. */
	assert_int_equal(sr_master_new(&master), SR_OK);
	assert_fails(sr_keys_rewrap_all(f->catalog, "test", &master, NULL, &rewrapped),
		     SR_WRONG_KEY, master.id);
	assert_int_equal(current_keys(f), KEYS - 1);
	foreign_sql(f, "DROP TABLE before");
	sr_keys_hold_end(&hold);
	assert_keys(f, 0);
	assert_ok(rotate(f->catalog, true, NULL));
	assert_int_equal(ring_count(), 1);
	assert_keys(f, 0);
}

static void shredding_destroys_no_master_key_that_another_needs(void **state)
{
	catalog_fixture *f = *state;

	set_up(f);
	foreign_sql(f,
		    "CREATE TABLE before (AESKey); INSERT INTO before SELECT AESKey FROM clients "
		    "WHERE Name = 'client 2';"
		    "UPDATE clients SET AESKey = substr(AESKey, 1, 40) || zeroblob(36) WHERE "
		    "Name = 'client 2'");
	assert_fails(shred(f->catalog, 0, NULL), SR_CORRUPT, "strongroom keys check");
	/* When it is found again, it is still good for something. */
	foreign_sql(f, "UPDATE clients SET AESKey = (SELECT AESKey FROM before) WHERE Name = "
		       "'client 2'; DROP TABLE before");
	assert_keys(f, 1);
	assert_ok(shred(f->catalog, 0, NULL));
	assert_int_equal(ring_count(), 1);
	assert_keys(f, 1);
}

/* ---- Backups meanwhile ---- */

static void forget_meanwhile(meanwhile *m)
{
	assert_fails(rotate(m->other, true, NULL), SR_BUSY, "backup");
	assert_fails(shred(m->other, 0, NULL), SR_BUSY, "backup");
	assert_int_equal(ring_count(), 1);
	/* With the old ones kept there is no harm in it. */
	assert_ok(rotate(m->other, false, NULL));
}

static void a_backup_that_runs_keeps_its_master_key(void **state)
{
	catalog_fixture *f = *state;
	meanwhile m = {.act = forget_meanwhile};
	sr_keys_rotate_options forget;
	sr_backup_options options;
	sr_keys_rotated done;
	char path[128];

	set_up(f);
	meanwhile_begin(&m, f);
	snprintf(path, sizeof(path), "%s", scratch_path("apart"));
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s", scratch_path("apart/b.zst"));
	sr_backup_options_init(&options);
	options.path = path;
	options.compress = true;
	options.progress = do_meanwhile;
	options.progress_arg = &m;
	assert_ok(sr_backup(f->catalog, &options, NULL));
	meanwhile_end(&m);
	assert_backup(f, path);
	/* Now it is known. */
	sr_keys_rotate_options_init(&forget);
	forget.forget_old = true;
	assert_fails(sr_keys_rotate(f->catalog, &forget, &done), SR_REFUSED, path);
	forget.even_needed = true;
	assert_ok(sr_keys_rotate(f->catalog, &forget, &done));
}

static void back_up_meanwhile(meanwhile *m)
{
	assert_fails(sr_backup(m->other, NULL, NULL), SR_BUSY, "rewrapped");
}

static char made_meanwhile[4096];

static void back_up_after_all(meanwhile *m)
{
	sr_backed_up backup;

	assert_ok(sr_backup(m->other, NULL, &backup));
	snprintf(made_meanwhile, sizeof(made_meanwhile), "%s", backup.path);
}

static void a_backup_is_of_before_or_after(void **state)
{
	catalog_fixture *f = *state;
	meanwhile before = {.step = "rewrapping", .act = back_up_meanwhile};
	meanwhile after = {.step = "forgetting old master keys", .act = back_up_after_all};

	set_up(f);
	meanwhile_begin(&before, f);
	assert_ok(rotate(f->catalog, true, &before));
	meanwhile_end(&before);
	meanwhile_begin(&after, f);
	assert_ok(rotate(f->catalog, true, &after));
	meanwhile_end(&after);
	assert_int_equal(ring_count(), 1);
	assert_backup(f, made_meanwhile);
	assert_keys(f, 0);
}

/* ---- Restoring meanwhile ---- */

static void rotate_while_restoring(meanwhile *m)
{
	assert_fails(rotate(m->other, true, NULL), SR_BUSY, "being restored");
	assert_fails(rotate(m->other, false, NULL), SR_BUSY, "being restored");
	assert_fails(shred(m->other, 0, NULL), SR_BUSY, "being restored");
	assert_int_equal(ring_count(), 2);
}

static sr_status restore(const catalog_fixture *f, const char *path, meanwhile *m,
			 sr_restored *restored)
{
	sr_backup_read_options how;
	sr_options options = f->options;

	options.timeout = 0.2;
	sr_backup_read_options_init(&how);
	how.progress = m != NULL ? do_meanwhile : NULL;
	how.progress_arg = m;
	return sr_restore(&options, path, &how, restored);
}

static void what_is_restored_keeps_its_master_key(void **state)
{
	static const char *const steps[] = {"unpacking", "writing"};
	catalog_fixture *f = *state;
	sr_restored restored;
	sr_backed_up backup;

	set_up(f);
	assert_ok(sr_backup(f->catalog, NULL, &backup));
	assert_ok(rotate(f->catalog, false, NULL));
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		meanwhile m = {.step = steps[i], .act = rotate_while_restoring};

		meanwhile_begin(&m, f);
		assert_ok(restore(f, backup.path, &m, &restored));
		meanwhile_end(&m);
		assert_int_equal(restored.keys_lost, 0);
		assert_keys(f, 0);
	}
	assert_backup(f, restored.kept);
	/* What waited for its end finds what was restored. */
	assert_ok(rotate(f->catalog, true, NULL));
	assert_int_equal(ring_count(), 1);
	assert_keys(f, 0);
}

static char to_restore[4096];

static void restore_while_rotating(meanwhile *m)
{
	assert_fails(restore(m->f, to_restore, NULL, NULL), SR_BUSY, ring);
}

/* Who does not know the ring is held off by the backups' lock until all is rewrapped. */
static void restore_without_ring(meanwhile *m)
{
	catalog_fixture without = *m->f;

	without.options.master_key_file = NULL;
	assert_fails(restore(&without, to_restore, NULL, NULL), SR_BUSY, "rewrapped");
}

static void a_restore_waits_for_the_end_of_a_rotation(void **state)
{
	catalog_fixture *f = *state;
	meanwhile first = {.step = "rewrapping", .act = restore_without_ring};
	sr_restored restored;
	sr_backed_up backup;

	set_up(f);
	assert_ok(sr_backup(f->catalog, NULL, &backup));
	strcpy(to_restore, backup.path);
	meanwhile_begin(&first, f);
	assert_ok(rotate(f->catalog, true, &first));
	meanwhile_end(&first);
	for (int i = 0; i < 2; i++) {
		meanwhile m = {.step = i == 0 ? "rewrapping" : "forgetting old master keys",
			       .act = restore_while_rotating};

		meanwhile_begin(&m, f);
		assert_ok(rotate(f->catalog, true, &m));
		meanwhile_end(&m);
		assert_keys(f, 0);
	}
	/* It is told that the ring has nothing for it any more. */
	assert_ok(restore(f, to_restore, NULL, &restored));
	assert_int_equal(restored.keys_lost, KEYS);
	assert_ok(restore(f, restored.kept, NULL, &restored));
	assert_int_equal(restored.keys_lost, 0);
	assert_keys(f, 0);
}

/* ---- A full ring ---- */

static sr_status fill(void *arg, sr_ring *all)
{
	sr_master master;

	(void)arg;
	while (all->count < SR_RING_KEYS_MAX)
		if (sr_master_new(&master) != SR_OK || sr_ring_add(all, &master) != SR_OK)
			return SR_INVALID;
	return SR_OK;
}

static void a_full_ring_says_what_helps(void **state)
{
	catalog_fixture *f = *state;
	sr_keys_hold hold;
	sr_keys_rotated done;

	set_up(f);
	assert_ok(sr_keys_hold_take(f->catalog, false, &hold));
	assert_ok(sr_ring_hold_change(&hold.ring, fill, NULL));
	sr_keys_hold_end(&hold);
	assert_int_equal(ring_count(), SR_RING_KEYS_MAX);
	assert_keys(f, 0);
	assert_fails(sr_keys_rotate(f->catalog, NULL, &done), SR_INVALID,
		     "keys rotate --forget-old");
	assert_int_equal(ring_count(), SR_RING_KEYS_MAX);
	assert_ok(rotate(f->catalog, true, NULL));
	assert_int_equal(ring_count(), 1);
	assert_keys(f, 0);
}

/* ---- What stays behind ---- */

static int parts(void)
{
	DIR *dir = opendir(scratch_folder());
	struct dirent *entry;
	int count = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL)
		count += strstr(entry->d_name, ".part") != NULL;
	closedir(dir);
	return count;
}

static void leave_part(void)
{
	FILE *file = fopen(scratch_path("ring.0123456789abcdef0123456789abcdef.part"), "w");

	assert_non_null(file);
	fputs("a key", file);
	fclose(file);
}

static bool health_tells(const catalog_fixture *f)
{
	sr_health *health;
	bool tells = false;

	assert_ok(sr_health_check(f->catalog, NULL, &health));
	for (size_t i = 0; i < health->finding_count; i++)
		if (strcmp(health->findings[i].code, "keys_ring_parts") == 0)
			tells = true;
	sr_health_free(health);
	return tells;
}

static void what_was_left_of_a_ring_goes(void **state)
{
	catalog_fixture *f = *state;
	sr_keys_done init;
	char before[128];
	FILE *file;

	set_up(f);
	file = fopen(scratch_path("ring.of-somebody.part"), "w");
	assert_non_null(file);
	fclose(file);
	assert_false(health_tells(f));
	leave_part();
	assert_true(health_tells(f));
	assert_int_equal(parts(), 2);
	assert_ok(rotate(f->catalog, false, NULL));
	assert_int_equal(parts(), 1);
	assert_false(health_tells(f));
	leave_part();
	assert_ok(rotate(f->catalog, true, NULL));
	assert_int_equal(parts(), 1);
	leave_part();
	assert_ok(sr_keys_init(f->catalog, NULL, &init));
	assert_int_equal(parts(), 1);
	leave_part();
	assert_ok(shred(f->catalog, 0, NULL));
	assert_int_equal(parts(), 1);
	/* A process that was killed while it made the ring: another name of the same file. */
	snprintf(before, sizeof(before), "%s", ring);
	assert_int_equal(link(before, scratch_path("ring.0123456789abcdef0123456789abcdef.part")),
			 0);
	assert_int_equal(parts(), 2);
	assert_ok(sr_keys_init(f->catalog, NULL, &init));
	assert_int_equal(parts(), 1);
	assert_int_equal(ring_count(), 1);
	assert_keys(f, 1);
}

/* The bytes of the master key that was destroyed, anywhere in the memory of this process. */
static void a_forgotten_master_key_is_nowhere_in_memory(void **state)
{
	catalog_fixture *f = *state;
	sr_keys_rotate_options options;
	sr_keys_rotated done;
	char line[512] = "";
	needle n;
	FILE *file;

	set_up(f);
	file = fopen(ring, "r");
	assert_non_null(file);
	setvbuf(file, NULL, _IONBF, 0);
	while (fgets(line, sizeof(line), file) && line[0] == '#')
		;
	fclose(file);
	assert_int_equal(strlen(line), 17 + 21 + 44 + 1);
	/* As text; and what is in base64 there is in the ring that is held. */
	needle_take(&n, line + 38, 44);
	explicit_bzero(line, sizeof(line));
	sr_keys_rotate_options_init(&options);
	options.forget_old = true;
	assert_ok(sr_keys_rotate(f->catalog, &options, &done));
	assert_keys(f, 0);
	assert_int_equal(needle_count(&n), 0);
}

static void ten_thousand_keys(void **state)
{
	catalog_fixture *f = *state;
	sr_keys_done init;
	sr_keys_rotated done;
	int64_t began;

	snprintf(ring, sizeof(ring), "%s", scratch_path("ring"));
	f->options.master_key_file = ring;
	catalog_open(f);
	assert_ok(sr_keys_init(f->catalog, NULL, &init));
	foreign_sql(f, "INSERT INTO clients (ID, Name, LastSeen, AESKey) WITH RECURSIVE n(i) AS "
		       "(SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) SELECT "
		       "randomblob(16), 'c' || i, '2026-01-31T00:00:00Z', randomblob(32) FROM n");
	assert_ok(sr_keys_rotate(f->catalog, NULL, &done));
	began = sr_clock_ns();
	assert_ok(sr_keys_rotate(f->catalog, NULL, &done));
	printf("10,000 keys rotated in %.3f s\n", (double)(sr_clock_ns() - began) / 1e9);
	assert_int_equal(done.changed, 10000);
	assert_int_equal(current_keys(f), 10000);
}

#define WITH(name) cmocka_unit_test_setup_teardown(name, catalog_setup, catalog_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(rotates_and_forgets),
		WITH(a_backup_that_needs_a_key_keeps_it),
		WITH(a_backup_with_keys_in_the_clear_needs_none),
		WITH(a_damaged_backup_keeps_its_key),
		WITH(what_cannot_be_rotated_is_told),
		WITH(a_rotation_that_ends_loses_no_key),
		WITH(shredding_that_ends_loses_no_other_key),
		WITH(shredding_in_backups_alone_can_be_done_again),
		WITH(shredding_tells_what_it_did),
		WITH(a_backup_that_was_exchanged_is_not_replaced),
		WITH(a_damaged_backup_that_came_late_keeps_the_master_keys),
		WITH(a_backup_with_a_log_is_not_replaced),
		WITH(one_at_a_time_changes_master_keys),
		WITH(what_was_unwrapped_meanwhile_stays_plain),
		WITH(no_master_key_that_is_needed_is_forgotten),
		WITH(shredding_destroys_no_master_key_that_another_needs),
		WITH(a_backup_that_runs_keeps_its_master_key),
		WITH(a_backup_is_of_before_or_after),
		WITH(what_is_restored_keeps_its_master_key),
		WITH(a_restore_waits_for_the_end_of_a_rotation),
		WITH(a_full_ring_says_what_helps),
		WITH(what_was_left_of_a_ring_goes),
		WITH(a_forgotten_master_key_is_nowhere_in_memory),
		WITH(ten_thousand_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
