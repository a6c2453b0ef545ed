/* What stands in the way of a recording: odd files, odd roots, and what fails in the middle. */
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>

#include "base/buffer.h"
#include "catalog_fixture.h"
#include "fault_vfs.h"
#include "record/readers.h"

typedef struct told {
	catalog_fixture *f;
	int failed;
	char why[256];   /* Of the last, */
	char path[4096]; /* and which that was. */
	bool delete;     /* Delete the client at the first. */
} told;

static sr_record_summary got;

/* In the folder "tree" beside the catalog. */
static int set_up(void **state)
{
	catalog_setup_client(state);
	return mkdir(scratch_path("tree"), 0700) != 0 || chdir(scratch_path("tree")) != 0;
}

static int tear_down(void **state)
{
	fault_disarm();
	return chdir("/") != 0 || catalog_teardown(state) != 0;
}

static void on_failure(void *arg, sr_text path, const char *why)
{
	told *t = arg;

	snprintf(t->why, sizeof(t->why), "%s", why);
	snprintf(t->path, sizeof(t->path), "%s", path.data);
	t->failed++;
	if (t->delete)
		assert_ok(sr_client_delete(t->f->catalog, &t->f->client, NULL));
	t->delete = false;
}

static sr_status record(told *t, const char *const *paths, size_t count)
{
	sr_record_options options;

	sr_record_options_init(&options);
	options.failure = on_failure;
	options.arg = t;
	t->failed = 0;
	return sr_record(t->f->catalog, &t->f->client, paths, count, &options, &got);
}

static void record_tree(told *t)
{
	const char *paths[] = {scratch_path("tree")};

	assert_ok(record(t, paths, 1));
	assert_int_equal(got.failed, t->failed);
}

static void write_file(const char *path, const char *words)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, words, strlen(words)), strlen(words));
	close(fd);
}

/* ---- What is no regular file ---- */

static void make_socket(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	close(fd);
}

/* The names in the working folder that were opened, each followed by a space. */
static void read_opened(int watch, char *names, size_t size)
{
	_Alignas(struct inotify_event) char events[8192];
	ssize_t n = read(watch, events, sizeof(events));

	names[0] = '\0';
	for (char *at = events; at < events + (n > 0 ? n : 0);) {
		const struct inotify_event *event = (const struct inotify_event *)at;

		if (event->len > 0)
			snprintf(names + strlen(names), size - strlen(names), "%s ", event->name);
		at += sizeof(*event) + event->len;
	}
}

static void special_files_are_counted_and_never_opened(void **state)
{
	told t = {.f = *state};
	int64_t special = 3;
	char names[512];
	int watch;

	write_file("file", "x");
	make_socket("socket");
	assert_int_equal(mkfifo("fifo", 0600), 0);
	assert_int_equal(symlink("file", "link"), 0);
	/* What only root may make. */
	if (mknod("zero", S_IFCHR | 0600, makedev(1, 5)) == 0)
		special++;
	if (mknod("disk", S_IFBLK | 0600, makedev(7, 250)) == 0)
		special++;
	watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	assert_true(watch >= 0);
	assert_true(inotify_add_watch(watch, ".", IN_OPEN) >= 0);
	record_tree(&t);
	read_opened(watch, names, sizeof(names));
	close(watch);
	assert_string_equal(names, "file ");
	assert_int_equal(got.special, special);
	assert_int_equal(got.scanned, 1);
	assert_int_equal(got.added, 1);
	assert_int_equal(t.failed, 0);
}

/* ---- What is another file when it is opened than when it was looked at ---- */

static void scan_opened(sr_job *job, const char *met, const char *opened)
{
	_Atomic bool stop = false;
	_Atomic int64_t read = 0;
	sr_scanner *scanner;
	sr_types *types;

	assert_done(sr_types_new(&types, SR_TYPES_FOLDER));
	assert_done(sr_scanner_new(&scanner, types));
	assert_int_equal(lstat(met, &job->stat), 0);
	job->fd = open(opened, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	assert_true(job->fd >= 0);
	sr_scan(scanner, job, &stop, &read);
	assert_int_equal(job->fd, -1);
	assert_int_equal(read, job->read);
	sr_scanner_free(scanner);
	sr_types_free(types);
}

static void what_was_replaced_is_not_read(void **state)
{
	sr_job *job;

	(void)state;
	write_file("file", "x");
	write_file("other", "yy");
	assert_int_equal(mkfifo("fifo", 0600), 0);
	assert_non_null(job = sr_job_new(sr_text_of("/file")));
	scan_opened(job, "file", "fifo");
	assert_true(job->failed);
	assert_string_equal(job->why, "is no regular file any more");
	sr_job_free(job);
	assert_non_null(job = sr_job_new(sr_text_of("/file")));
	scan_opened(job, "file", "other");
	assert_true(job->failed);
	assert_string_equal(job->why, "was replaced before it was read");
	assert_int_equal(job->read, 0);
	sr_job_free(job);
	assert_non_null(job = sr_job_new(sr_text_of("/file")));
	scan_opened(job, "file", "file");
	assert_false(job->failed);
	assert_int_equal(job->read, 1);
	sr_job_free(job);
}

static atomic_bool swapping;

/* A file, a FIFO and a link take each other's names all the time. */
static void *swap(void *arg)
{
	const char *others[] = {"fifo", "link"};

	(void)arg;
	for (unsigned i = 0; atomic_load(&swapping); i++)
		if (renameat2(AT_FDCWD, "file", AT_FDCWD, others[i % 2], RENAME_EXCHANGE) != 0)
			return "a rename failed";
	return NULL;
}

static void what_changes_its_kind_never_hangs(void **state)
{
	told t = {.f = *state};
	pthread_t thread;
	void *wrong;
	sr_file *file;

	write_file("still", "here");
	write_file("file", "x");
	assert_int_equal(mkfifo("fifo", 0600), 0);
	assert_int_equal(symlink("still", "link"), 0);
	atomic_store(&swapping, true);
	assert_int_equal(pthread_create(&thread, NULL, swap, NULL), 0);
	for (int i = 0; i < 200; i++)
		record_tree(&t);
	atomic_store(&swapping, false);
	assert_int_equal(pthread_join(thread, &wrong), 0);
	assert_null(wrong);
	record_tree(&t);
	assert_int_equal(got.scanned, 2);
	assert_int_equal(got.special, 2);
	assert_int_equal(got.failed, 0);
	/* Under none of the three names was anything recorded but the one file. */
	assert_int_equal(integer(t.f, "SELECT count(*) FROM files WHERE FileSize NOT IN (1, 4)"),
			 0);
	file = find(t.f, scratch_path("tree/still"));
	assert_int_equal(file->size, 4);
	assert_null(file->missing_since.data);
	sr_file_free(file);
}

/* ---- What fails in the middle ---- */

enum { MANY = 3000 };

static void make_many(const char *folder, int count)
{
	char path[64];

	assert_int_equal(mkdir(folder, 0700), 0);
	for (int i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "%s/%06d", folder, i);
		write_file(path, "");
	}
}

static void a_client_that_is_deleted_meanwhile_is_named(void **state)
{
	told t = {.f = *state, .delete = true};
	/* The first is no folder: that it fails is told before anything of the second is met. */
	const char *paths[] = {"a-link", "many"};
	char id[SR_ID_TEXT_SIZE];
	int64_t files;

	make_many("many", 10);
	assert_int_equal(symlink("many", "a-link"), 0);
	sr_id_format(&t.f->client, id);
	assert_int_equal(record(&t, paths, 2), SR_NOT_FOUND);
	assert_says(id);
	assert_int_equal(t.failed, 1);
	assert_int_equal(got.added, 0);
	files = integer(t.f, "SELECT count(*) FROM files");
	assert_int_equal(files, 0);
}

static void a_full_disk_keeps_whole_batches(void **state)
{
	told t = {.f = *state};
	const char *paths[] = {"many"};
	int64_t kept;

	make_many("many", MANY);
	fault_arm(FAULT_WRITE, FAULT_WAL, 600, SQLITE_FULL, true);
	assert_int_equal(record(&t, paths, 1), SR_NO_SPACE);
	assert_says("no space is left");
	assert_true(fault_hits() > 0);
	fault_disarm();
	kept = integer(t.f, "SELECT count(*) FROM files");
	assert_int_equal(kept, got.added);
	assert_true(kept > 0 && kept < MANY);
	assert_int_equal(got.failed, 0);
	/* Once there is room it goes on where it stopped. */
	assert_ok(record(&t, paths, 1));
	assert_int_equal(got.added, MANY - kept);
	assert_int_equal(got.unchanged, kept);
}

/* Each job that is out holds a descriptor; running out of them is no fault of the files. */
static void few_descriptors_are_enough(void **state)
{
	told t = {.f = *state};
	struct rlimit before, few;
	int lowest = dup(0);
	const char *paths[] = {"many"};

	make_many("many", 500);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = before;
	few.rlim_cur = (rlim_t)lowest + 16;
	close(lowest);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	assert_ok(record(&t, paths, 1));
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(got.added, 500);
	assert_int_equal(got.failed, 0);
}

/* ---- Roots ---- */

static void a_root_may_be_spelt_in_any_way(void **state)
{
	told t = {.f = *state};
	char path[256];
	const char *spelt[] = {".", "../tree", "..//tree//", "sub/..", "./", path, "sub/../."};

	assert_int_equal(mkdir("sub", 0700), 0);
	write_file("sub/file", "x");
	snprintf(path, sizeof(path), "/%s/", scratch_path("tree"));
	for (size_t i = 0; i < sizeof(spelt) / sizeof(spelt[0]); i++) {
		assert_ok(record(&t, &spelt[i], 1));
		assert_int_equal(got.scanned, 1);
		assert_int_equal(got.added, i == 0);
		assert_int_equal(got.missing, 0);
	}
	assert_int_equal(chdir("sub"), 0);
	spelt[0] = "..";
	assert_ok(record(&t, spelt, 1));
	assert_int_equal(got.unchanged, 1);
	/* All of them at once are one. */
	assert_int_equal(chdir(".."), 0);
	spelt[0] = ".";
	assert_ok(record(&t, spelt, sizeof(spelt) / sizeof(spelt[0])));
	assert_int_equal(got.scanned, 1);
	sr_file_free(find(t.f, scratch_path("tree/sub/file")));
	assert_int_equal(integer(t.f, "SELECT count(*) FROM files"), 1);
}

static void a_root_may_be_a_file_but_no_link(void **state)
{
	told t = {.f = *state};
	const char *file[] = {"sub/../file", "file"};
	const char *link[] = {"link"}, *below[] = {"link/sub/"};

	assert_int_equal(mkdir("sub", 0700), 0);
	assert_int_equal(symlink(".", "link"), 0);
	write_file("file", "x");
	write_file("sub/a", "yy");
	assert_ok(record(&t, file, 2));
	assert_int_equal(got.added, 1);
	assert_ok(record(&t, link, 1));
	assert_int_equal(t.failed, 1);
	assert_string_equal(t.path, scratch_path("tree/link"));
	assert_string_equal(t.why, "is a symbolic link");
	assert_int_equal(got.scanned, 0);
	/* A link on the way stays in the path as it is. */
	assert_ok(record(&t, below, 1));
	assert_int_equal(got.added, 1);
	sr_file_free(find(t.f, scratch_path("tree/link/sub/a")));
}

/* ---- Depth and width ---- */

/* Goes down so many folders of so many letters, each made on the way. */
static void go_down(int levels, size_t letters)
{
	char name[NAME_MAX + 1];

	memset(name, 'd', letters);
	name[letters] = '\0';
	for (int i = 0; i < levels; i++) {
		assert_int_equal(mkdir(name, 0700), 0);
		assert_int_equal(chdir(name), 0);
	}
}

static void files_deeper_than_a_path_reaches(void **state)
{
	told t = {.f = *state};
	const char *longest;

	longest = "SELECT max(length(CAST(OriginalPath AS BLOB))) FROM files";
	write_file("near", "x");
	go_down(50, 200);
	write_file("far", "yy");
	record_tree(&t);
	assert_int_equal(got.added, 2);
	assert_true(integer(t.f, longest) > 10000);
	record_tree(&t);
	assert_int_equal(got.unchanged, 2);
	assert_int_equal(got.read, 0);
	assert_int_equal(got.missing, 0);
	/* What is left out is not taken for missing, and what is gone is. */
	assert_int_equal(rename("far", "hence"), 0);
	record_tree(&t);
	assert_int_equal(got.added, 1);
	assert_int_equal(got.missing, 1);
	assert_int_equal(integer(t.f, "SELECT count(*) FROM files WHERE MissingSince IS NOT NULL"),
			 1);
	assert_int_equal(chdir(scratch_path("tree")), 0);
}

static void a_path_too_long_for_a_catalog_fails_alone(void **state)
{
	told t = {.f = *state};

	write_file("near", "x");
	go_down(260, 255);
	write_file("far", "yy");
	assert_int_equal(chdir(scratch_path("tree")), 0);
	record_tree(&t);
	assert_int_equal(t.failed, 1);
	assert_string_equal(t.why, "its path is longer than a catalog holds");
	assert_int_equal(got.added, 1);
	record_tree(&t);
	assert_int_equal(got.unchanged, 1);
}

static void many_files_in_one_folder(void **state)
{
	enum { WIDE = 20000 };
	told t = {.f = *state};

	make_many("wide", WIDE);
	record_tree(&t);
	assert_int_equal(got.added, WIDE);
	record_tree(&t);
	assert_int_equal(got.unchanged, WIDE);
	assert_int_equal(got.read + got.added + got.missing, 0);
}

static int install_faults(void **state)
{
	(void)state;
	fault_vfs_install();
	return 0;
}

static int remove_faults(void **state)
{
	(void)state;
	fault_vfs_remove();
	return 0;
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(special_files_are_counted_and_never_opened),
		TEST(what_was_replaced_is_not_read),
		TEST(what_changes_its_kind_never_hangs),
		TEST(a_client_that_is_deleted_meanwhile_is_named),
		TEST(a_full_disk_keeps_whole_batches),
		TEST(few_descriptors_are_enough),
		TEST(a_root_may_be_spelt_in_any_way),
		TEST(a_root_may_be_a_file_but_no_link),
		TEST(files_deeper_than_a_path_reaches),
		TEST(a_path_too_long_for_a_catalog_fails_alone),
		TEST(many_files_in_one_folder),
	};

	return cmocka_run_group_tests(tests, install_faults, remove_faults);
}
