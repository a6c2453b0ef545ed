#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "interrupt.h"
#include "json.h"
#include "message.h"
#include "plural.h"
#include "progress.h"

const char help_record[] =
	"usage: strongroom record --client NAME [OPTION…] PATH…\n"
	"\n"
	"Catalogs the files below the paths: reads each once for its checksum (POSIX\n"
	"cksum) and SHA-256, tells its type, and saves what is new or changed. What has\n"
	"the same size, time and inode as before is not read again. Known files that\n"
	"are gone are marked missing; a PATH that is itself gone is a failure and marks\n"
	"nothing, since it may only not be mounted. Links are not followed. A file that\n"
	"cannot be read, or does not fit in the client's quota, is named and counted, and\n"
	"the rest goes on; the exit status is 1 then. Ctrl-C keeps what was saved so far;\n"
	"a second one ends at once.\n"
	"\n"
	"  --client NAME      whose files they are\n"
	"  --exclude PATTERN  leave out what matches, see below; may be given again\n"
	"  --one-file-system  stay on the file systems of the paths\n"
	"  --reread           read also what looks unchanged\n"
	"  --threads N        that read and hash; one a core, at least 8, without\n"
	"\n"
	"A pattern has *, ? and [...], which stay within one name, and **:\n"
	"  *.tmp        every file and folder of such a name\n"
	"  /var/cache   this path; /home/*/tmp has one folder in between\n"
	"  build/out    an \"out\" in any folder \"build\"\n"
	"  /srv/**/log  with any number of folders in between, or none\n"
	"  /tmp/**      all that is in /tmp, which itself is walked\n"
	"  cache/       folders only, not files of that name\n"
	"Below a folder that is left out nothing is looked at. The PATHs are never left\n"
	"out themselves.\n"
	"\n"
	"example:\n"
	"  strongroom record --client laptop --exclude '*.o' /etc /home\n";

struct recording {
	struct cli *cli;
	struct progress progress;
};

static bool on_progress(void *arg, const sr_record_summary *so_far, const sr_record_ahead *ahead)
{
	struct recording *recording = arg;

	const struct extent extent = {
		.files = so_far->scanned,
		.total = ahead->total_files,
		.bytes = so_far->bytes,
		.read = so_far->read,
		.seconds_left = ahead->seconds_left,
	};

	progress_show(&recording->progress, "recording", &extent);
	return interrupt_seen();
}

static void on_failure(void *arg, sr_text path, const char *why)
{
	(void)arg;
	message_failed(path, why);
}

static void report(struct cli *cli, const sr_record_summary *s)
{
	const struct field fields[] = {
		{"scanned", "files seen", cell_integer(s->scanned)},
		{"added", "  added", cell_integer(s->added)},
		{"changed", "  changed", cell_integer(s->changed)},
		{"unchanged", "  unchanged", cell_integer(s->unchanged)},
		{"missing", "missing", cell_integer(s->missing)},
		{"failed", "failed", cell_faults(s->failed)},
		{"over_quota", s->over_quota > 0 ? "  over quota" : NULL,
		 cell_faults(s->over_quota)},
		{"special", "links and special", cell_integer(s->special)},
		{"excluded", "excluded", cell_integer(s->excluded)},
		{"bytes", "their size", cell_size(s->bytes)},
		{"read", "read", cell_size(s->read)},
		{"seconds", "seconds", cell_real(round(s->seconds * 1000) / 1000)},
	};

	if (!cli->json) {
		output_fields(&cli->out, fields, sizeof(fields) / sizeof(fields[0]));
		return;
	}
	output_document(
		&cli->out,
		json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:b}",
			  "scanned", (json_int_t)s->scanned, "added", (json_int_t)s->added,
			  "changed", (json_int_t)s->changed, "unchanged", (json_int_t)s->unchanged,
			  "missing", (json_int_t)s->missing, "failed", (json_int_t)s->failed,
			  "over_quota", (json_int_t)s->over_quota, "special",
			  (json_int_t)s->special, "excluded", (json_int_t)s->excluded, "bytes",
			  (json_int_t)s->bytes, "read", (json_int_t)s->read, "seconds",
			  json_of_real(s->seconds), "interrupted", (int)s->interrupted));
}

/* Each was named before. */
static int fail_some(struct cli *cli, const sr_record_summary *s)
{
	const char *files = plural(s->failed, "file", "files");

	if (s->over_quota == 0)
		return cli_fail(cli, SR_IO, "%" PRId64 " %s could not be recorded", s->failed,
				files);
	if (s->over_quota == s->failed)
		return cli_fail(cli, SR_QUOTA,
				"%" PRId64 " %s did not fit in the client's quota; raise it "
				"with: strongroom quota set CLIENT SIZE",
				s->failed, files);
	return cli_fail(cli, SR_IO,
			"%" PRId64 " %s could not be recorded, %" PRId64
			" of them because %s did not fit in the client's quota",
			s->failed, files, s->over_quota, plural(s->over_quota, "it", "they"));
}

static int record(struct cli *cli, sr_catalog *catalog, const sr_id *client, const arg_list *paths,
		  sr_record_options *options)
{
	struct recording recording = {.cli = cli};
	sr_record_summary summary = {0};
	sr_status rc;

	options->progress = on_progress;
	options->failure = on_failure;
	options->arg = &recording;
	interrupt_watch();
	progress_begin(&recording.progress, cli);
	rc = sr_record(catalog, client, paths->items, paths->count, options, &summary);
	progress_end(&recording.progress);
	if (rc != SR_OK && rc != SR_INTERRUPTED) {
		int code = cli_failed(cli, rc);

		/* Whole batches may have been kept before it failed. */
		if (summary.added + summary.changed > 0)
			report(cli, &summary);
		return code;
	}
	report(cli, &summary);
	if (rc == SR_INTERRUPTED)
		return cli_fail(cli, rc,
				"interrupted; the %" PRId64 " %s added and %" PRId64
				" changed so far are kept",
				summary.added, plural(summary.added, "file", "files"),
				summary.changed);
	return summary.failed > 0 ? fail_some(cli, &summary) : DONE;
}

int cmd_record(struct cli *cli)
{
	const char *name = NULL;
	const char *threads = NULL;
	arg_list excludes = {NULL, 0};
	arg_list paths = {NULL, 0};
	sr_record_options how;
	int64_t wanted = 0;
	sr_catalog *catalog;
	sr_client *client;
	int code;

	sr_record_options_init(&how);
	const arg_option options[] = {
		{"client", 0, ARG_VALUE, &name},
		{"exclude", 0, ARG_LIST, &excludes},
		{"one-file-system", 0, ARG_FLAG, &how.one_file_system},
		{"reread", 0, ARG_FLAG, &how.reread},
		{"threads", 0, ARG_VALUE, &threads},
		{NULL, 0, ARG_FLAG, NULL},
	};
	const arg_operand operands[] = {
		{"PATH", ARG_MANY, &paths},
		{NULL, ARG_OPTIONAL, NULL},
	};

	if ((code = cli_arguments(cli, options, operands)) != DONE)
		goto err0;
	if (name == NULL) {
		code = cli_usage(cli, "option --client is missing: whose files they are");
		goto err0;
	}
	if (threads != NULL && sr_number_parse("--threads", threads, 1, 256, &wanted) != SR_OK) {
		code = cli_usage(cli, "%s", sr_error_message());
		goto err0;
	}
	how.threads = (int)wanted;
	how.excludes = excludes.items;
	how.exclude_count = excludes.count;
	if ((code = cli_open_client(cli, CLI_WRITE, name, &catalog, &client)) != DONE)
		goto err0;
	code = record(cli, catalog, &client->id, &paths, &how);
	sr_client_free(client);
	code = cli_close(cli, catalog, code);
err0:
	args_list_free(&excludes);
	args_list_free(&paths);
	return code;
}
