#include "path.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "text.h"

/* Appends the parts of `path` to the normalised absolute path in out from `start` on, where the
 * root is nothing at all. */
static void add_parts(sr_buffer *out, size_t start, sr_text path)
{
	const char *at = path.data, *end = path.data + path.length;

	while (at < end) {
		const char *slash = memchr(at, '/', (size_t)(end - at));
		size_t n = (size_t)((slash != NULL ? slash : end) - at);

		if (n == 2 && at[0] == '.' && at[1] == '.') {
			while (out->length > start && out->data[--out->length] != '/')
				;
		} else if (n > 0 && !(n == 1 && at[0] == '.')) {
			sr_buffer_add(out, "/", 1);
			sr_buffer_add(out, at, n);
		}
		at += n + 1;
	}
}

static sr_status add_working_folder(sr_buffer *out, size_t start)
{
	char *folder = getcwd(NULL, 0);

	if (folder == NULL)
		return sr_fail_errno(errno, "the working folder cannot be found");
	if (folder[0] != '/') {
		free(folder);
		return sr_fail(SR_NOT_FOUND, "the working folder cannot be reached from the root");
	}
	add_parts(out, start, sr_text_of(folder));
	free(folder);
	return SR_OK;
}

sr_status sr_path_absolute(const char *base, sr_text path, sr_buffer *out)
{
	size_t start = out->length;
	sr_status rc;

	if (path.length == 0)
		return sr_fail(SR_INVALID, "a path is empty");
	if (memchr(path.data, '\0', path.length) != NULL)
		return sr_fail(SR_INVALID, "path %s holds a zero byte", sr_quoted(path));
	if (path.data[0] != '/') {
		if (base == NULL || base[0] != '/')
			if ((rc = add_working_folder(out, start)) != SR_OK)
				return rc;
		if (base != NULL)
			add_parts(out, start, sr_text_of(base));
	}
	add_parts(out, start, path);
	if (out->length == start)
		sr_buffer_add(out, "/", 1);
	if (!out->failed)
		out->data[out->length] = '\0';
	return sr_buffer_status(out);
}

/* The last slash, or NULL. */
static const char *last_slash(sr_text path)
{
	return path.data != NULL ? memrchr(path.data, '/', path.length) : NULL;
}

sr_text sr_path_name(sr_text path)
{
	const char *slash = last_slash(path);
	sr_text name = path;

	if (slash != NULL) {
		name.data = slash + 1;
		name.length = path.length - (size_t)(slash + 1 - path.data);
	}
	return name;
}

sr_text sr_path_folder(sr_text path)
{
	const char *slash = last_slash(path);
	sr_text folder = {"", 0};

	if (slash != NULL) {
		folder.data = path.data;
		folder.length = slash == path.data ? 1 : (size_t)(slash - path.data);
	}
	return folder;
}

const char *sr_path_below(const char *path, const char *folder)
{
	size_t length = strlen(folder);

	/* The root alone ends in a slash. */
	while (length > 0 && folder[length - 1] == '/')
		length--;
	if (strncmp(path, folder, length) != 0 || path[length] != '/')
		return NULL;
	return path + length + 1;
}
