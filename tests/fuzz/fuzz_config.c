/* strongroom.conf, read as lines and as the settings that come of it. */
#include "base/buffer.h"
#include "catalog/config_file.h"
#include "fuzz.h"

static sr_status line(void *arg, const sr_config_line *read)
{
	int *last = arg;

	FUZZ_CHECK(read->number > *last);
	FUZZ_CHECK(read->key[0] != '\0' && strpbrk(read->key, " \t\r\n=#\"'") == NULL);
	FUZZ_CHECK(strchr(read->value, '\n') == NULL);
	*last = read->number;
	return SR_OK;
}

static void setting(void *arg, const sr_setting *one)
{
	(*(int *)arg)++;
	FUZZ_CHECK(one->name != NULL && one->value != NULL && one->source != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *path = fuzz_file("strongroom.conf", data, size);
	sr_options options;
	int last = 0, seen = 0;

	(void)fuzz_inner(sr_config_read(path, line, &last));
	sr_options_init(&options);
	options.config_file = path;
	if (fuzz_done(sr_settings_each(&options, setting, &seen)))
		FUZZ_CHECK(seen > 5);
	return 0;
}
