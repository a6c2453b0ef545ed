#include "keep.h"

int keep_parse(struct cli *cli, const struct keep_words *words, sr_keep *keep)
{
	const struct {
		const char *rule;
		const char *value;
	} given[] = {
		{"last", words->last},       {"daily", words->daily},   {"weekly", words->weekly},
		{"monthly", words->monthly}, {"yearly", words->yearly}, {"within", words->within},
	};

	sr_keep_init(keep);
	for (size_t i = 0; i < sizeof(given) / sizeof(given[0]); i++)
		if (given[i].value != NULL &&
		    sr_keep_set(keep, given[i].rule, given[i].value) != SR_OK)
			return cli_usage(cli, "--%s", sr_error_message());
	return DONE;
}
