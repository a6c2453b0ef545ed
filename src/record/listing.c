#include "listing.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/error.h"

const char *sr_listing_name(const sr_listing *listing, size_t at)
{
	return listing->names.data + listing->entries[at].name;
}

/* Whether an entry is a folder; file systems need not say so in the listing. */
static bool is_folder(int folder, const struct dirent *entry)
{
	struct stat st;

	if (entry->d_type != DT_UNKNOWN)
		return entry->d_type == DT_DIR;
	return fstatat(folder, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

static sr_status add(sr_listing *listing, const char *name, bool folder)
{
	if (listing->count == listing->capacity) {
		size_t capacity = listing->capacity ? listing->capacity * 2 : 16;
		sr_listed *entries = reallocarray(listing->entries, capacity, sizeof(*entries));

		if (entries == NULL)
			return sr_fail_memory();
		listing->entries = entries;
		listing->capacity = capacity;
	}
	listing->entries[listing->count++] = (sr_listed){listing->names.length, folder};
	sr_buffer_add(&listing->names, name, strlen(name) + 1);
	return sr_buffer_status(&listing->names);
}

/* What stands at the end of a name that is the beginning of a longer one. */
static int end_of(const sr_listed *entry)
{
	return entry->folder ? '/' : 0;
}

static int in_order(const void *left, const void *right, void *names)
{
	const sr_listed *a = left, *b = right;
	const unsigned char *x = (unsigned char *)names + a->name;
	const unsigned char *y = (unsigned char *)names + b->name;

	while (*x == *y && *x != '\0') {
		x++;
		y++;
	}
	return (*x ? *x : end_of(a)) - (*y ? *y : end_of(b));
}

sr_status sr_listing_read(sr_listing *listing, int folder)
{
	int copy = fcntl(folder, F_DUPFD_CLOEXEC, 0);
	struct dirent *entry;
	sr_status rc = SR_OK;
	DIR *stream;

	memset(listing, 0, sizeof(*listing));
	if (copy < 0)
		return sr_fail_errno(errno, "cannot read the folder");
	if ((stream = fdopendir(copy)) == NULL) {
		rc = sr_fail_errno(errno, "cannot read the folder");
		close(copy);
		return rc;
	}
	while (rc == SR_OK) {
		errno = 0;
		if ((entry = readdir(stream)) == NULL)
			break;
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			rc = add(listing, entry->d_name, is_folder(folder, entry));
	}
	if (rc == SR_OK && errno != 0)
		rc = sr_fail_errno(errno, "cannot read the folder");
	closedir(stream);
	if (rc != SR_OK)
		sr_listing_free(listing);
	else if (listing->count > 1)
		qsort_r(listing->entries, listing->count, sizeof(sr_listed), in_order,
			listing->names.data);
	return rc;
}

void sr_listing_free(sr_listing *listing)
{
	sr_buffer_free(&listing->names);
	free(listing->entries);
	memset(listing, 0, sizeof(*listing));
}
