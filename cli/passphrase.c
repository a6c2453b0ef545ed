#include "passphrase.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "interrupt.h"
#include "memory.h"

enum {
	LONGEST_FILE = 1024 * 1024,
	LONGEST_TYPED = 1024,
};

void passphrase_free(struct passphrase *passphrase)
{
	if (passphrase->bytes != NULL)
		explicit_bzero(passphrase->bytes, passphrase->length);
	free(passphrase->bytes);
	*passphrase = (struct passphrase){NULL, 0};
}

/* ---- From a file ---- */

int passphrase_from_file(struct cli *cli, const char *path, struct passphrase *passphrase)
{
	char *bytes = must_alloc(LONGEST_FILE + 1);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	size_t length = 0;
	ssize_t n = -1;
	int code = DONE;

	while (fd >= 0 && length <= LONGEST_FILE &&
	       (n = read(fd, bytes + length, LONGEST_FILE + 1 - length)) > 0)
		length += (size_t)n;
	if (fd < 0 || n < 0)
		code = cli_fail(cli, SR_IO, "cannot read the key file %s: %s", path,
				strerror(errno));
	else if (length > LONGEST_FILE)
		code = cli_fail(cli, SR_INVALID, "the key file %s is longer than 1 MiB", path);
	else if (length > 0 && bytes[length - 1] == '\n')
		length--;
	if (code == DONE && length == 0)
		code = cli_fail(cli, SR_INVALID,
				"the key file %s is empty: it would protect nothing", path);
	if (fd >= 0)
		close(fd);
	*passphrase = (struct passphrase){bytes, length};
	if (code != DONE)
		passphrase_free(passphrase);
	return code;
}

/* ---- From the terminal ---- */

static int open_terminal(void)
{
	return open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
}

bool passphrase_can_ask(void)
{
	int fd = open_terminal();

	if (fd < 0)
		return false;
	close(fd);
	return true;
}

static bool tell(int fd, const char *text)
{
	size_t length = strlen(text);

	return write(fd, text, length) == (ssize_t)length;
}

/* Waits for something typed; false after Ctrl-C, whenever that came. */
static bool wait_typed(int fd)
{
	struct pollfd typed = {.fd = fd, .events = POLLIN};

	while (!interrupt_seen())
		if (poll(&typed, 1, 100) > 0)
			return true;
	return false;
}

/* Reads a line; false for Ctrl-C, Ctrl-D and whatever else ends the typing.
 */
static bool read_line(int fd, char line[LONGEST_TYPED], size_t *length)
{
	char c;

	*length = 0;
	while (wait_typed(fd) && read(fd, &c, 1) == 1) {
		if (c == '\n')
			return true;
		if (*length + 1 >= LONGEST_TYPED)
			return false;
		line[(*length)++] = c;
	}
	return false;
}

/* Without echo; whatever ends it, the terminal is as it was before anything else happens. */
static bool ask(int fd, const char *what, char line[LONGEST_TYPED], size_t *length)
{
	struct termios before, silent;
	char *question = must_print("%s: ", what);
	bool given;

	if (tcgetattr(fd, &before) != 0) {
		free(question);
		return false;
	}
	silent = before;
	silent.c_lflag &= ~(tcflag_t)ECHO;
	given = tcsetattr(fd, TCSADRAIN, &silent) == 0 && tell(fd, question) &&
		read_line(fd, line, length);
	(void)tcsetattr(fd, TCSADRAIN, &before);
	(void)tell(fd, "\n");
	free(question);
	return given;
}

int passphrase_ask(struct cli *cli, const char *what, bool twice, struct passphrase *passphrase)
{
	char first[LONGEST_TYPED], second[LONGEST_TYPED];
	size_t length = 0, again = 0;
	int fd = open_terminal();
	int code = DONE;

	if (fd < 0)
		return cli_usage(cli, "there is no terminal to ask for the passphrase on: give it "
				      "with --key-file");
	interrupt_watch();
	for (;;) {
		if (!ask(fd, what, first, &length) ||
		    (twice && !ask(fd, "The same again", second, &again))) {
			code = cli_fail(cli, SR_INTERRUPTED, "no passphrase was given");
			break;
		}
		if (length == 0)
			(void)tell(fd, "An empty one protects nothing.\n");
		else if (twice && (length != again || memcmp(first, second, length) != 0))
			(void)tell(fd, "They differ. Once more.\n");
		else
			break;
	}
	if (code == DONE)
		*passphrase = (struct passphrase){must_copy(first, length), length};
	explicit_bzero(first, sizeof(first));
	explicit_bzero(second, sizeof(second));
	close(fd);
	return code;
}
