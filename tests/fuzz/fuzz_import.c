/* What people import: CSV, JSON lines, a JSON array, the document of a search. */
#include "cli/cli.h"
#include "cli/import.h"
#include "fuzz.h"

static const char *const known[] = {"filename", "original_path", "size",  "date",
				    "crc",      "verified",      "ratio", NULL};
static const char *const ignored[] = {"id", "client", NULL};

static void row(struct import *import)
{
	int64_t number;
	double real;
	bool flag;

	for (size_t i = 0; known[i] != NULL; i++) {
		sr_text text = import_value(import, known[i]);

		if (text.data != NULL)
			FUZZ_CHECK(text.data[text.length] == '\0');
	}
	(void)import_integer(import, "size", &number);
	(void)import_real(import, "ratio", &real);
	(void)import_flag(import, "verified", &flag);
	FUZZ_CHECK(strstr(import_place(import), "input") != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *path = fuzz_file("input", data, size);
	struct import *import;
	struct cli cli = {0};
	bool more = true;
	int rows = 0;

	if (import_open(&cli, path, known, ignored, &import) != DONE)
		return 0;
	while (more && import_next(import, &more) == DONE && more && ++rows < 10000)
		row(import);
	import_close(import);
	return 0;
}
