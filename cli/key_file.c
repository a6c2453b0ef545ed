#include "key_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "memory.h"

enum { LONGEST = 64 * 1024 }; /* Far above any key in PEM. */

int key_file_read(struct cli *cli, const char *path, char **bytes, size_t *length)
{
	char *text = must_alloc(LONGEST + 1);
	FILE *file = fopen(path, "rb");
	struct stat st;
	size_t size = 0;
	int code = DONE;
	sr_status rc;

	if (file == NULL || fstat(fileno(file), &st) != 0) {
		code = cli_fail(cli, SR_IO, "cannot read the public key %s: %s", path,
				strerror(errno));
	} else if (S_ISDIR(st.st_mode)) {
		code = cli_fail(cli, SR_INVALID, "the public key %s is a directory", path);
	} else {
		size = fread(text, 1, LONGEST + 1, file);
		if (ferror(file))
			code = cli_fail(cli, SR_IO, "cannot read the public key %s: %s", path,
					strerror(errno));
		else if (size > LONGEST)
			code = cli_fail(cli, SR_INVALID, "%s is too large for a public key", path);
		else if ((rc = sr_public_key_read((sr_text){text, size}, bytes, length)) != SR_OK)
			code = cli_fail(cli, rc, "%s: %s", path, sr_error_message());
	}
	if (file != NULL)
		fclose(file);
	free(text);
	return code;
}
