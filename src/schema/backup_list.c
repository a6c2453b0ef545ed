/*
 * Files that this program has made, by name, one a line, so that nothing else is ever removed. What
 * a list says is not trusted: a line counts only where it looks like a backup of the database.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "../base/path.h"
#include "../base/private.h"
#include "copy.h"
#include "schema.h"

static sr_status list_read(const char *path, sr_names *names)
{
	char line[4096];
	sr_status rc = SR_OK;
	FILE *file = fopen(path, "re");

	if (file == NULL)
		return errno == ENOENT ? SR_OK : sr_fail_errno(errno, "%s cannot be read", path);
	while (rc == SR_OK && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		if (line[0])
			rc = sr_names_add(names, line);
	}
	/* Half a list would be written back, and the other half never be removed. */
	if (rc == SR_OK && ferror(file))
		rc = sr_fail_errno(errno, "%s cannot be read", path);
	fclose(file);
	return rc;
}

static sr_status list_write(const char *path, const sr_names *names)
{
	sr_buffer fresh = SR_BUFFER_EMPTY;
	sr_status rc = SR_OK;
	bool failed = false;
	FILE *file;
	int fd;

	sr_buffer_printf(&fresh, "%s.new", path);
	if ((rc = sr_buffer_status(&fresh)) != SR_OK)
		goto err0;
	/* What a killed process left there; of a link, the link. */
	sr_private_remove(fresh.data);
	if ((rc = sr_private_open(fresh.data, "the list", &fd)) != SR_OK)
		goto err0;
	if ((file = fdopen(fd, "w")) == NULL) {
		rc = sr_fail_errno(errno, "%s cannot be written", fresh.data);
		close(fd);
		sr_private_remove(fresh.data);
		goto err0;
	}
	for (size_t i = 0; i < names->count && !failed; i++)
		failed = fprintf(file, "%s\n", names->names[i]) < 0;
	if (failed || fflush(file) != 0 || fsync(fd) != 0)
		rc = sr_fail_errno(errno, "%s cannot be written", fresh.data);
	if (fclose(file) != 0 && rc == SR_OK)
		rc = sr_fail_errno(errno, "%s cannot be written", fresh.data);
	if (rc == SR_OK && rename(fresh.data, path) != 0)
		rc = sr_fail_errno(errno, "%s cannot be written", path);
	if (rc != SR_OK)
		sr_private_remove(fresh.data);
err0:
	sr_buffer_free(&fresh);
	return rc;
}

/* The lines that count. */
static sr_status list_ours(const char *list, const char *base, sr_names *ours)
{
	sr_names names = {NULL, 0};
	sr_status rc = list_read(list, &names);

	for (size_t i = 0; i < names.count && rc == SR_OK; i++)
		if (sr_backup_named(base, names.names[i], NULL))
			rc = sr_names_add(ours, names.names[i]);
	sr_names_free(&names);
	return rc;
}

static sr_status update_alone(const char *list, const char *base, sr_backup_keep_fn keep, void *arg,
			      const char *add)
{
	sr_names ours = {NULL, 0};
	sr_names left = {NULL, 0};
	sr_status rc = list_ours(list, base, &ours);

	for (size_t i = 0; i < ours.count && rc == SR_OK; i++)
		if (keep == NULL || keep(arg, ours.names[i], i, ours.count))
			rc = sr_names_add(&left, ours.names[i]);
	if (rc == SR_OK && add)
		rc = sr_names_add(&left, add);
	if (rc == SR_OK)
		rc = list_write(list, &left);
	sr_names_free(&left);
	sr_names_free(&ours);
	return rc;
}

/* Two processes must not lose each other's lines; a folder that cannot be locked is used as it
 * is. */
sr_status sr_backup_list_update(const char *list, const char *base, sr_backup_keep_fn keep,
				void *arg, const char *add)
{
	sr_buffer folder = SR_BUFFER_EMPTY;
	sr_status rc;
	int fd = -1;

	sr_buffer_add_text(&folder, sr_path_folder(sr_text_of(list)));
	if ((rc = sr_buffer_status(&folder)) == SR_OK) {
		fd = open(folder.data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd >= 0)
			flock(fd, LOCK_EX);
		rc = update_alone(list, base, keep, arg, add);
	}
	if (fd >= 0)
		close(fd);
	sr_buffer_free(&folder);
	return rc;
}

sr_status sr_backup_list_each(const char *list, const char *base, sr_backup_keep_fn fn, void *arg)
{
	sr_names ours = {NULL, 0};
	sr_status rc = list_ours(list, base, &ours);

	for (size_t i = 0; i < ours.count && rc == SR_OK; i++)
		if (!fn(arg, ours.names[i], i, ours.count))
			break;
	sr_names_free(&ours);
	return rc;
}
