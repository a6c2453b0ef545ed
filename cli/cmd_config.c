#include "cli.h"
#include "json.h"

const char help_config[] =
	"usage: strongroom config\n"
	"\n"
	"Prints every setting, its value and where that comes from: an option, the\n"
	"environment, a configuration file, or the default. The configuration file is\n"
	"strongroom.conf (KEY = value): the first of --config FILE, this folder,\n"
	"$XDG_CONFIG_HOME/strongroom/ and /etc/strongroom/.\n"
	"\n"
	"example:\n"
	"  CONNECTION_TIMEOUT=5 strongroom config\n";

struct config_list {
	struct cli *cli;
	struct listing *rows;
};

static void one(void *arg, const sr_setting *setting)
{
	struct config_list *list = arg;
	const struct cell cells[] = {
		cell_string(setting->name),
		cell_string(setting->value),
		cell_string(setting->source),
	};

	if (!list->cli->json) {
		listing_row(list->rows, cells);
		return;
	}
	json_t *object = json_object();

	json_object_set_new(object, "name", json_of(sr_text_of(setting->name)));
	json_object_add_text(object, "value", sr_text_of(setting->value));
	json_object_add_text(object, "source", sr_text_of(setting->source));
	listing_object(list->rows, object);
}

int cmd_config(struct cli *cli)
{
	static const struct column columns[] = {
		{"name", "SETTING", 0},
		{"value", "VALUE", COLUMN_CUT_START},
		{"source", "FROM", COLUMN_CUT_START},
	};
	struct config_list list = {cli, NULL};
	sr_options options;
	sr_status rc;
	int code = cli_arguments(cli, NULL, NULL);

	if (code != DONE)
		return code;
	cli_options(cli, &options);
	list.rows = listing_begin(&cli->out, columns, 3, NULL);
	if ((rc = sr_settings_each(&options, one, &list)) != SR_OK)
		code = cli_failed(cli, rc);
	listing_end(list.rows, NULL, NULL);
	return code;
}
