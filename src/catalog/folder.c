/* A client's files like a folder tree. */
#include <stdlib.h>
#include <string.h>

#include "../base/instant.h"
#include "ordered.h"

struct sr_folder {
	sr_reading reading; /* Zeroed once the last row was seen. */
	sr_ordered *ordered;
	sr_id client;
	bool recursive;
	sr_stmt *row;     /* The row to look at next; NULL after the last. */
	bool seen;        /* That row was handed out already: step before looking. */
	sr_entry entry;   /* What the last step handed out, with: */
	sr_file file;     /* its file, */
	sr_buffer name;   /* a folder's name, */
	sr_buffer newest; /* and its newest date. */
};

/* The folder without slashes at its ends. */
static sr_text trim(sr_text folder)
{
	while (folder.length > 0 && folder.data[0] == '/') {
		folder.data++;
		folder.length--;
	}
	while (folder.length > 0 && folder.data[folder.length - 1] == '/')
		folder.length--;
	return folder;
}

static sr_status add_prefix(sr_ordered *ordered, sr_text prefix)
{
	sr_buffer end = SR_BUFFER_EMPTY;
	sr_ordered_range range = {.from = prefix, .skip = prefix.length};
	sr_status rc;

	if ((rc = sr_prefix_end(prefix, &end)) == SR_OK) {
		range.until = sr_buffer_text(&end);
		rc = sr_ordered_add(ordered, &range, true);
	}
	sr_buffer_free(&end);
	return rc;
}

/* Paths are absolute mostly, but need not be: both stand below the same folder. */
static sr_status add_ranges(sr_ordered *ordered, sr_text folder)
{
	sr_ordered_range before = {.from = sr_text_of(""), .until = sr_text_of("/")};
	sr_ordered_range behind = {.from = sr_text_of("0")};
	sr_buffer prefix = SR_BUFFER_EMPTY;
	sr_status rc;

	if (folder.length == 0) {
		if ((rc = sr_ordered_add(ordered, &before, true)) != SR_OK)
			return rc;
		if ((rc = add_prefix(ordered, sr_text_of("/"))) != SR_OK)
			return rc;
		return sr_ordered_add(ordered, &behind, true);
	}
	sr_buffer_add_string(&prefix, "/");
	sr_buffer_add_text(&prefix, folder);
	sr_buffer_add_string(&prefix, "/");
	if ((rc = sr_buffer_status(&prefix)) != SR_OK)
		goto err0;
	if ((rc = add_prefix(ordered, sr_buffer_text(&prefix))) != SR_OK)
		goto err0;
	rc = add_prefix(ordered, (sr_text){prefix.data + 1, prefix.length - 1});

err0:
	sr_buffer_free(&prefix);
	return rc;
}

static sr_status open_folder(sr_folder *cursor, sr_text folder)
{
	sr_text trimmed = trim(folder);
	sr_status rc;

	if ((rc = sr_file_check_client(&cursor->reading, &cursor->client)) != SR_OK)
		return rc;
	if ((rc = sr_ordered_new(&cursor->ordered, &cursor->reading, &cursor->client)) != SR_OK)
		return rc;
	if ((rc = add_ranges(cursor->ordered, trimmed)) != SR_OK)
		return rc;
	if ((rc = sr_ordered_next(cursor->ordered, &cursor->row)) != SR_OK)
		return rc;
	if (cursor->row == NULL && trimmed.length > 0)
		return sr_fail(SR_NOT_FOUND, "the client has nothing below the folder %s%s",
			       sr_quoted(folder),
			       trimmed.data[0] == '/' ? "" : "; recorded paths begin with /");
	return SR_OK;
}

sr_status sr_folder_open(sr_catalog *catalog, const sr_id *client, sr_text folder, bool recursive,
			 sr_folder **cursor)
{
	sr_folder *opened;
	sr_status rc;

	*cursor = NULL;
	if (folder.length > 0 && memchr(folder.data, '\0', folder.length) != NULL)
		return sr_return(
			sr_fail(SR_INVALID, "the folder %s contains a NUL", sr_quoted(folder)));
	if ((opened = calloc(1, sizeof(*opened))) == NULL)
		return sr_return(sr_fail_memory());
	opened->client = *client;
	opened->recursive = recursive;
	rc = sr_reading_begin(catalog, SR_HERE, &opened->reading);
	if (rc == SR_OK)
		rc = open_folder(opened, folder);
	if (rc == SR_OK)
		*cursor = opened;
	else
		sr_folder_close(opened);
	return sr_return(rc);
}

/* Gives the connection back as soon as there is nothing more to read. */
static void end(sr_folder *cursor)
{
	sr_ordered_free(cursor->ordered);
	cursor->ordered = NULL;
	cursor->row = NULL;
	sr_reading_end(&cursor->reading);
	memset(&cursor->reading, 0, sizeof(cursor->reading));
}

/* The row's path below the folder; doubled slashes count as one. */
static sr_text below(const sr_folder *cursor)
{
	sr_text key = sr_ordered_key(cursor->ordered);

	while (key.length > 0 && key.data[0] == '/') {
		key.data++;
		key.length--;
	}
	return key;
}

static sr_status show_file(sr_folder *cursor, sr_text name)
{
	sr_entry *entry = &cursor->entry;

	sr_file_read(cursor->row, &cursor->file);
	memset(entry, 0, sizeof(*entry));
	entry->name = name.length > 0 ? name : cursor->file.name;
	entry->files = 1;
	entry->bytes = cursor->file.size == SR_NULL_INTEGER ? 0 : cursor->file.size;
	entry->newest = cursor->file.date;
	entry->file = &cursor->file;
	cursor->seen = true;
	return sr_stmt_check(cursor->row);
}

/* Keeps the row's date where it is newer than *newest. */
static void add_date(sr_folder *cursor, int64_t *newest)
{
	sr_text date = sr_file_read_date(cursor->row);
	int64_t instant;

	if (date.data == NULL || !sr_instant_read(date.data, &instant, NULL) || instant <= *newest)
		return;
	*newest = instant;
	sr_buffer_clear(&cursor->newest);
	sr_buffer_add_text(&cursor->newest, date);
}

/* Adds up all that is below the folder at whose first row the cursor stands. */
static sr_status show_folder(sr_folder *cursor, sr_text name)
{
	sr_entry *entry = &cursor->entry;
	int64_t newest = INT64_MIN;
	sr_status rc;
	sr_text key;

	memset(entry, 0, sizeof(*entry));
	sr_buffer_clear(&cursor->newest);
	sr_buffer_clear(&cursor->name);
	sr_buffer_add_text(&cursor->name, name);
	sr_buffer_add_string(&cursor->name, "/");
	if ((rc = sr_buffer_status(&cursor->name)) != SR_OK)
		return rc;
	do {
		int64_t size = sr_file_read_size(cursor->row);

		entry->files++;
		entry->bytes += size == SR_NULL_INTEGER ? 0 : size;
		add_date(cursor, &newest);
		if ((rc = sr_ordered_next(cursor->ordered, &cursor->row)) != SR_OK)
			return rc;
		if (cursor->row == NULL)
			break;
		key = below(cursor);
	} while (key.length >= cursor->name.length &&
		 memcmp(key.data, cursor->name.data, cursor->name.length) == 0);
	if ((rc = sr_buffer_status(&cursor->newest)) != SR_OK)
		return rc;
	cursor->name.data[--cursor->name.length] = '\0'; /* Without the slash. */
	entry->name = sr_buffer_text(&cursor->name);
	entry->is_folder = true;
	if (newest != INT64_MIN)
		entry->newest = sr_buffer_text(&cursor->newest);
	cursor->seen = false;
	return SR_OK;
}

sr_status sr_folder_next(sr_folder *cursor, const sr_entry **entry)
{
	sr_status rc = SR_OK;
	const char *slash;
	sr_text name;

	*entry = NULL;
	if (cursor->row != NULL && cursor->seen)
		rc = sr_ordered_next(cursor->ordered, &cursor->row);
	if (rc != SR_OK || cursor->row == NULL) {
		end(cursor);
		return sr_return(rc);
	}
	name = below(cursor);
	slash = cursor->recursive || name.length == 0 ? NULL : memchr(name.data, '/', name.length);
	if (slash == NULL) {
		rc = show_file(cursor, name);
	} else {
		name.length = (size_t)(slash - name.data);
		rc = show_folder(cursor, name);
	}
	if (rc != SR_OK) {
		end(cursor);
		return sr_return(rc);
	}
	*entry = &cursor->entry;
	return sr_return(SR_OK);
}

void sr_folder_close(sr_folder *cursor)
{
	if (cursor == NULL)
		return;
	end(cursor);
	sr_buffer_free(&cursor->name);
	sr_buffer_free(&cursor->newest);
	free(cursor);
}
