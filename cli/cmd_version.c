#include "cli.h"
#include "json.h"

const char help_version[] = "usage: strongroom version\n"
			    "\n"
			    "The versions of the program, of the library that it runs on, and of\n"
			    "the SQLite that this uses.\n"
			    "\n"
			    "example:\n"
			    "  strongroom version --json\n";

int cmd_version(struct cli *cli)
{
	const arg_operand none[] = {{NULL, ARG_OPTIONAL, NULL}};
	const struct field fields[] = {
		{"program", "strongroom", cell_string(SR_VERSION)},
		{"library", "libstrongroom", cell_string(sr_version())},
		{"engine", "engine", cell_string(sr_engine_version())},
	};
	int code = cli_arguments(cli, NULL, none);

	if (code != DONE)
		return code;
	if (cli->json)
		output_document(&cli->out,
				json_pack("{s:s, s:s, s:s}", "program", SR_VERSION, "library",
					  sr_version(), "engine", sr_engine_version()));
	else
		output_fields(&cli->out, fields, 3);
	return DONE;
}
