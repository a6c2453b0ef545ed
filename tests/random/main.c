/* usage: search-random [--queries N] [--seed N] [--rows N] [--first-epoch N] [--alone] [--sound]
 *
 * --alone leaves out the queries beside another process, whose pace no seed can repeat. --damage
 * adds that somebody writes into what the search index is made of. */
#include "machine.h"

#include <getopt.h>
#include <stdlib.h>

static const struct option names[] = {
	{"queries", required_argument, NULL, 'q'},
	{"seed", required_argument, NULL, 's'},
	{"rows", required_argument, NULL, 'r'},
	{"alone", no_argument, NULL, 'a'},
	{"first-epoch", required_argument, NULL, 'e'},
	{"sound", no_argument, NULL, 'n'},
	{NULL, 0, NULL, 0},
};

static unsigned long number(const char *text, unsigned long least)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (*text != '\0' && *end == '\0' && value >= least)
		return value;
	fprintf(stderr, "search-random: %s is no number of at least %lu\n", text, least);
	exit(2);
}

int main(int argc, char **argv)
{
	machine_options options;
	machine_figures figures;
	int name;

	machine_writer_main(argc, argv);
	machine_options_init(&options);
	options.queries = 100000;
	options.rows = 2000;
	options.loud = true;
	while ((name = getopt_long(argc, argv, "", names, NULL)) != -1) {
		if (name == 'q')
			options.queries = number(optarg, 1);
		else if (name == 's')
			options.seed = number(optarg, 0);
		else if (name == 'r')
			options.rows = (unsigned)number(optarg, 50);
		else if (name == 'e')
			options.first_epoch = (unsigned)number(optarg, 0);
		else if (name == 'a')
			options.concurrent = false;
		else if (name == 'n')
			options.damage = false;
		else
			return 2;
	}
	if (optind < argc) {
		fprintf(stderr, "search-random: %s is not an option\n", argv[optind]);
		return 2;
	}
	machine_run(&options, &figures);
	machine_print(&options, &figures);
	return figures.differences > 0;
}
