#include "config_file.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../archive/descriptor.h"
#include "../base/buffer.h"
#include "../base/error.h"
#include "../base/text.h"

/* Far more than all settings take; a wrong file named by --config should not fill the memory. */
#define SIZE_LIMIT ((size_t)1 << 20)

#define NAME "strongroom.conf"

/* Its settings run commands and trust triggers: they are those of who runs this, or of root. */
static sr_status check_trusted(const char *path, const struct stat *st)
{
	const char *shown = sr_quoted(sr_text_of(path));

	if (!S_ISREG(st->st_mode))
		return sr_fail(SR_REFUSED,
			       "the configuration file %s is %sno regular file: name another with "
			       "--config",
			       shown, S_ISDIR(st->st_mode) ? "a folder, " : "");
	if (st->st_uid != geteuid() && st->st_uid != 0)
		return sr_fail(SR_PERMISSION,
			       "the configuration file %s belongs to user %u, neither to root nor "
			       "to user %u who runs this: chown it where it is to be trusted, or "
			       "name another with --config",
			       shown, (unsigned)st->st_uid, (unsigned)geteuid());
	if ((st->st_mode & S_IWOTH) != 0)
		return sr_fail(SR_PERMISSION,
			       "the configuration file %s can be written by everybody (mode %04o): "
			       "read it and chmod o-w it, or name another with --config",
			       shown, (unsigned)(st->st_mode & 07777));
	return SR_OK;
}

/* SR_NOT_FOUND without words where there is no such file. It is looked at once it is open, so that
 * it is not exchanged in between, and is not waited for, as a pipe would be. */
static sr_status open_trusted(const char *path, int *fd)
{
	struct stat st;
	sr_status rc;

	*fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (*fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return SR_NOT_FOUND;
	if (*fd < 0)
		return sr_fail_errno(errno, "cannot open the configuration file %s",
				     sr_quoted(sr_text_of(path)));
	if (fstat(*fd, &st) != 0)
		rc = sr_fail_errno(errno, "cannot look at the configuration file %s",
				   sr_quoted(sr_text_of(path)));
	else
		rc = check_trusted(path, &st);
	if (rc != SR_OK)
		close(*fd);
	return rc;
}

/* SR_NOT_FOUND without words where there is no such file. */
static sr_status read_whole(const char *path, sr_buffer *text)
{
	char chunk[4096];
	sr_status rc;
	size_t n;
	int fd;

	if ((rc = open_trusted(path, &fd)) != SR_OK)
		return rc;
	do {
		if ((rc = sr_descriptor_fill(fd, path, chunk, sizeof(chunk), &n)) != SR_OK)
			rc = sr_fail_within(rc, "the configuration file");
		sr_buffer_add(text, chunk, n);
	} while (rc == SR_OK && n == sizeof(chunk) && text->length <= SIZE_LIMIT);
	close(fd);
	if (rc == SR_OK && text->length > SIZE_LIMIT)
		rc = sr_fail(SR_INVALID, "the configuration file %s is larger than 1 MiB",
			     sr_quoted(sr_text_of(path)));
	else if (rc == SR_OK && memchr(sr_buffer_text(text).data, '\0', text->length) != NULL)
		rc = sr_fail(SR_INVALID, "the configuration file %s is no text",
			     sr_quoted(sr_text_of(path)));
	return rc == SR_OK ? sr_buffer_status(text) : rc;
}

static char *skip_blanks(char *at)
{
	while (*at == ' ' || *at == '\t' || *at == '\r')
		at++;
	return at;
}

static char *trim_end(char *start, char *end)
{
	while (end > start && strchr(" \t\r", end[-1]) != NULL)
		end--;
	return end;
}

/* Takes the value at `at` apart in place; NULL when something is wrong, with the reason. */
static char *parse_value(char *at, const char **wrong)
{
	char *end;

	if (*at == '"' || *at == '\'') {
		if ((end = strchr(at + 1, *at)) == NULL) {
			*wrong = "the quote is not closed";
			return NULL;
		}
		*end = '\0';
		end = skip_blanks(end + 1);
		if (*end != '\0' && *end != '#') {
			*wrong = "something follows the closing quote";
			return NULL;
		}
		return at + 1;
	}
	/* A # inside a bare word belongs to it, as in a folder's name. */
	for (end = at; *end != '\0'; end++) {
		if (*end == '#' && (end == at || end[-1] == ' ' || end[-1] == '\t'))
			break;
	}
	*trim_end(at, end) = '\0';
	if (*at == '\0') {
		*wrong = "there is no value after the =";
		return NULL;
	}
	return at;
}

/* Takes one line apart in place. An empty line or a comment leaves *key NULL. */
static sr_status parse_line(char *text, sr_config_line *line)
{
	char *key = skip_blanks(text);
	char *equals = strchr(key, '=');
	const char *wrong = "it is not KEY = value";
	char *end;

	line->key = NULL;
	if (*key == '\0' || *key == '#')
		return SR_OK;
	if (equals == NULL)
		goto err0;
	end = trim_end(key, equals);
	for (char *at = key; at < end; at++) {
		if (!isalnum((unsigned char)*at) && *at != '_')
			goto err0;
	}
	if (end == key)
		goto err0;
	*end = '\0';
	if ((line->value = parse_value(skip_blanks(equals + 1), &wrong)) == NULL)
		goto err0;
	line->key = key;
	return SR_OK;

err0:
	return sr_fail(SR_INVALID, "%s line %d does not parse: %s: %s",
		       sr_quoted(sr_text_of(line->file)), line->number, wrong,
		       sr_quoted(sr_text_of(key)));
}

/* SR_NOT_FOUND without words where there is no such file. */
static sr_status read_lines(const char *path, sr_config_fn fn, void *arg)
{
	sr_config_line line = {.file = path};
	sr_buffer text = SR_BUFFER_EMPTY;
	sr_status rc;
	char *at;
	char *end;

	if ((rc = read_whole(path, &text)) != SR_OK)
		goto err0;
	for (at = text.data; at != NULL; at = end) {
		if ((end = strchr(at, '\n')) != NULL)
			*end++ = '\0';
		line.number++;
		if ((rc = parse_line(at, &line)) != SR_OK)
			break;
		if (line.key != NULL && (rc = fn(arg, &line)) != SR_OK)
			break;
	}

err0:
	sr_buffer_free(&text);
	return rc;
}

/* The user's own folder for configuration, as the XDG base directory rules say; "" without. */
static void user_file(sr_buffer *path)
{
	const char *xdg = getenv("XDG_CONFIG_HOME");
	const char *home = getenv("HOME");

	if (xdg != NULL && xdg[0] == '/')
		sr_buffer_printf(path, "%s/strongroom/" NAME, xdg);
	else if (home != NULL && home[0] == '/')
		sr_buffer_printf(path, "%s/.config/strongroom/" NAME, home);
}

sr_status sr_config_read(const char *given, sr_config_fn fn, void *arg)
{
	sr_buffer user = SR_BUFFER_EMPTY;
	const char *places[3];
	sr_status rc;

	/* The usual name of no file. */
	if (given != NULL && strcmp(given, "/dev/null") == 0)
		return SR_OK;
	if (given != NULL) {
		rc = read_lines(given, fn, arg);
		if (rc == SR_NOT_FOUND)
			return sr_fail(SR_NOT_FOUND, "no configuration file %s",
				       sr_quoted(sr_text_of(given)));
		return rc;
	}
	user_file(&user);
	if ((rc = sr_buffer_status(&user)) != SR_OK)
		goto err0;
	places[0] = NAME;
	places[1] = sr_buffer_text(&user).data;
	places[2] = "/etc/strongroom/" NAME;
	rc = SR_NOT_FOUND;
	for (size_t i = 0; i < 3 && rc == SR_NOT_FOUND; i++) {
		if (places[i][0] != '\0')
			rc = read_lines(places[i], fn, arg);
	}
	if (rc == SR_NOT_FOUND)
		rc = SR_OK;

err0:
	sr_buffer_free(&user);
	return rc;
}
