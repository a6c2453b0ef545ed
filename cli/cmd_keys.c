#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bytes.h"
#include "cmd_keys.h"
#include "json.h"
#include "plural.h"
#include "steps.h"

const char help_keys[] =
	"usage: strongroom keys init [--key-file FILE]\n"
	"       strongroom keys status [--key-file FILE]\n"
	"       strongroom keys rotate [--forget-old] [--key-file FILE]\n"
	"       strongroom keys check [--key-file FILE]\n"
	"       strongroom keys export CLIENT [--out FILE] [--key-file FILE]\n"
	"       strongroom keys export --all [--out FILE] [--key-file FILE]\n"
	"       strongroom keys unwrap [--key-file FILE]\n"
	"\n"
	"Clients' AES keys, kept encrypted under a master key that is in a key ring\n"
	"outside of the database: the file that STRONGROOM_MASTER_KEY_FILE names, of\n"
	"mode 0600, or what STRONGROOM_MASTER_KEY_COMMAND prints. Without it no wrapped\n"
	"key can be read: keep a copy of it in a safe place.\n"
	"\n"
	"  --key-file FILE  the key ring, in place of that setting\n"
	"  --forget-old     remove older master keys from the ring, asking first\n"
	"  --all            every client's key\n"
	"  --out FILE       a new file, mode 0600, in place of standard output\n"
	"\n"
	"init makes the ring where there is none, wraps every key, and leaves no plain\n"
	"copy in the database and its log; once more, it does the same with what is\n"
	"plain since. Backups made before hold the keys as they were.\n"
	"\n"
	"status shows how many keys are wrapped and plain, under which master key, and\n"
	"whether the ring can be read.\n"
	"\n"
	"rotate appends a new master key to the ring and wraps every key under it. Older\n"
	"ones stay there, since older backups need them. With --forget-old they are\n"
	"removed: no AES key in those backups can be read afterwards, and no key of\n"
	"another catalog that uses the same ring. Give each catalog a ring of its own.\n"
	"\n"
	"check unwraps each key, and names those that cannot be read. Where there is\n"
	"none yet, it looks whether the ring can be read.\n"
	"\n"
	"export shows keys themselves, in hexadecimal, to whoever can read where they\n"
	"go; it asks first.\n"
	"\n"
	"unwrap makes all keys plain, and wraps no more, for older programs; it asks\n"
	"first.\n"
	"\n"
	"example:\n"
	"  strongroom keys init --key-file /etc/strongroom/master.keys\n";

int keys_open(struct cli *cli, cli_access access, const char *key_file, bool keys,
	      sr_catalog **catalog)
{
	sr_options options;

	if (key_file != NULL && key_file[0] == '\0')
		return cli_usage(cli, "--key-file is empty");
	cli_options(cli, &options);
	options.master_key_file = key_file;
	options.hide_keys = !keys;
	return cli_open_with(cli, access, &options, catalog);
}

/* What the parts start with that take nothing but the ring, and show no key. */
static int begin(struct cli *cli, cli_access access, sr_catalog **catalog)
{
	const char *file = NULL;
	const arg_option options[] = {
		{"key-file", 0, ARG_VALUE, &file},
		{NULL, 0, ARG_FLAG, NULL},
	};
	int code = cli_arguments(cli, options, NULL);

	return code == DONE ? keys_open(cli, access, file, false, catalog) : code;
}

/* ---- init and unwrap ---- */

static void report(struct cli *cli, const sr_keys_done *done)
{
	const struct field fields[] = {
		{"id", "master key", cell_string(done->id[0] != '\0' ? done->id : NULL)},
		{"ring_made", "key ring made", cell_flag(done->ring_made)},
		{"begun", "begun now", cell_flag(done->begun)},
		{"changed", "keys wrapped", cell_integer(done->changed)},
		{"cleaned", "no plain copy left", cell_flag(done->cleaned)},
	};

	if (cli->json)
		output_document(&cli->out,
				json_pack("{s:s, s:b, s:b, s:I, s:b, s:o}", "id", done->id,
					  "ring_made", (int)done->ring_made, "begun",
					  (int)done->begun, "changed", (json_int_t)done->changed,
					  "cleaned", (int)done->cleaned, "why",
					  json_of_path(done->why)));
	else
		output_fields(&cli->out, fields, sizeof(fields) / sizeof(fields[0]));
}

static int init(struct cli *cli, sr_catalog *catalog)
{
	sr_keys_options options;
	sr_keys_done done;
	struct steps steps;
	sr_status rc;

	sr_keys_options_init(&options);
	options.progress = steps_show;
	options.progress_arg = &steps;
	steps_begin(&steps, cli);
	rc = sr_keys_init(catalog, &options, &done);
	steps_end(&steps);
	if (rc != SR_OK)
		return cli_failed(cli, rc);
	report(cli, &done);
	if (done.ring_made)
		cli_note(cli, "the key ring is new: keep a copy of it in a safe place, apart from "
			      "the database; without it no wrapped key can be read");
	if (!done.cleaned)
		return cli_fail(cli, SR_BUSY,
				"the keys are wrapped, but plain copies may be left in free pages "
				"or in the log: %s; run it again",
				done.why);
	if (done.changed > 0)
		cli_note(cli, "backups made before hold the keys as they were");
	return DONE;
}

static int keys_init(struct cli *cli)
{
	sr_catalog *catalog;
	int code = begin(cli, CLI_WRITE, &catalog);

	if (code != DONE)
		return code;
	return cli_close(cli, catalog, init(cli, catalog));
}

static int unwrap(struct cli *cli, sr_catalog *catalog)
{
	sr_keys_done done;
	sr_status rc;

	if ((rc = sr_keys_unwrap(catalog, &done)) != SR_OK)
		return cli_failed(cli, rc);
	if (cli->json)
		output_document(&cli->out, json_pack("{s:I}", "changed", (json_int_t)done.changed));
	else if (cli->out.format != OUTPUT_TABLE)
		output_line(&cli->out, "%" PRId64, done.changed);
	cli_say(cli, "%" PRId64 " %s plain now, and new ones are not wrapped.", done.changed,
		plural(done.changed, "key is", "keys are"));
	return DONE;
}

static int keys_unwrap(struct cli *cli)
{
	sr_catalog *catalog;
	int code = begin(cli, CLI_WRITE, &catalog);

	if (code != DONE)
		return code;
	if ((code = cli_confirm(cli, "Keep every client's AES key plain in the database")) == DONE)
		code = unwrap(cli, catalog);
	return cli_close(cli, catalog, code);
}

/* ---- status ---- */

static json_t *json_of_masters(const sr_keys_status *status)
{
	json_t *list = json_array();

	for (size_t i = 0; i < status->master_count; i++) {
		const sr_master_key *master = &status->masters[i];

		json_array_append_new(list, json_pack("{s:s, s:o, s:b, s:b, s:I}", "id", master->id,
						      "since", json_of(master->since), "current",
						      (int)master->current, "in_ring",
						      (int)master->in_ring, "clients",
						      (json_int_t)master->clients));
	}
	return list;
}

static const char *state(const sr_keys_status *status)
{
	if (!status->wrapping)
		return status->wrapped > 0 ? "mixed" : "plain";
	return status->keep_plain || status->plain > 0 ? "mixed" : "wrapped";
}

static void print_status(struct cli *cli, const sr_keys_status *status)
{
	const sr_master_key *current = NULL;
	const char *ring = status->ring.data == NULL ? "none is set"
			   : status->ring_read       ? "read"
						     : "cannot be read";

	for (size_t i = 0; i < status->master_count; i++)
		if (status->masters[i].current)
			current = &status->masters[i];
	if (cli->json) {
		output_document(
			&cli->out,
			json_pack("{s:s, s:b, s:b, s:I, s:I, s:I, s:o, s:b, s:o, s:o, s:o}",
				  "state", state(status), "wrapping", (int)status->wrapping,
				  "keep_plain", (int)status->keep_plain, "wrapped",
				  (json_int_t)status->wrapped, "plain", (json_int_t)status->plain,
				  "without", (json_int_t)status->without, "ring",
				  json_of(status->ring), "ring_read", (int)status->ring_read,
				  "ring_says", json_of(status->ring_says), "cleaned",
				  json_of(status->cleaned), "masters", json_of_masters(status)));
		return;
	}
	const struct field fields[] = {
		{"state", "keys are", cell_string(state(status))},
		{"wrapped", "wrapped", cell_integer(status->wrapped)},
		{"plain", "plain", cell_integer(status->plain)},
		{"without", "clients without", cell_integer(status->without)},
		{"current", "master key", cell_string(current != NULL ? current->id : NULL)},
		{"since", "since", cell_time(current != NULL ? current->since : (sr_text){0})},
		{"ring", "key ring", cell_text(status->ring)},
		{"ring_state", "the ring", cell_string(ring)},
		{"cleaned", "no plain copy since", cell_time(status->cleaned)},
	};

	output_fields(&cli->out, fields, sizeof(fields) / sizeof(fields[0]));
}

/* What somebody should do about it. */
static void advise(struct cli *cli, const sr_keys_status *status)
{
	if (status->ring.data != NULL && !status->ring_read)
		cli_note(cli, "%s", status->ring_says.data);
	for (size_t i = 0; i < status->master_count; i++)
		if (status->ring_read && !status->masters[i].in_ring &&
		    status->masters[i].clients > 0)
			cli_note(cli,
				 "the ring lacks master key %s, under which %" PRId64 " %s wrapped",
				 status->masters[i].id, status->masters[i].clients,
				 plural(status->masters[i].clients, "key is", "keys are"));
	if (status->wrapping && !status->keep_plain && status->plain > 0)
		cli_note(cli,
			 "%" PRId64 " %s plain: the next write wraps what is, and keys init "
			 "removes copies too",
			 status->plain, plural(status->plain, "key is", "keys are"));
}

static int keys_status(struct cli *cli)
{
	sr_keys_status *status;
	sr_catalog *catalog;
	sr_status rc;
	int code = begin(cli, CLI_READ, &catalog);

	if (code != DONE)
		return code;
	if ((rc = sr_keys_status_get(catalog, &status)) != SR_OK)
		return cli_close(cli, catalog, cli_failed(cli, rc));
	print_status(cli, status);
	advise(cli, status);
	sr_keys_status_free(status);
	return cli_close(cli, catalog, DONE);
}

/* ---- check ---- */

struct check {
	struct cli *cli;
	struct listing *rows;
};

static void fault(void *arg, const sr_key_fault *fault)
{
	struct check *check = arg;
	char id[SR_ID_TEXT_SIZE];

	sr_id_format(&fault->client, id);
	if (check->cli->json) {
		listing_object(check->rows,
			       json_pack("{s:s, s:o, s:s, s:s}", "id", id, "client",
					 json_of(fault->name), "status",
					 sr_status_name(fault->status), "message", fault->message));
		return;
	}
	const struct cell cells[] = {
		cell_string(id),
		cell_text(fault->name),
		cell_toned(cell_string(sr_status_name(fault->status)), TONE_BAD),
		cell_string(fault->reason),
		cell_string(fault->message),
	};

	listing_row(check->rows, cells);
}

/* With no key to open, the ring is looked at all the same: the next one is to be wrapped. */
static int check_ring(struct cli *cli, sr_catalog *catalog)
{
	sr_keys_status *status;
	sr_status rc = sr_keys_status_get(catalog, &status);
	bool bad;

	if (rc != SR_OK)
		return cli_failed(cli, rc);
	bad = status->wrapping && !status->ring_read;
	if (bad)
		cli_note(cli, "the next key cannot be wrapped: %s",
			 status->ring.data ? status->ring_says.data : "no key ring is set");
	sr_keys_status_free(status);
	return bad ? UNHEALTHY : DONE;
}

static int check(struct cli *cli, sr_catalog *catalog)
{
	static const struct column columns[] = {
		{"id", "", COLUMN_EXACT},
		{"client", "CLIENT", COLUMN_CUT_END},
		{"status", "STATUS", 0},
		{"reason", "REASON", COLUMN_PEOPLE}, /* All of it: upright where it is long. */
		{"message", "", COLUMN_EXACT},
	};
	struct check work = {cli, NULL};
	int64_t checked = 0, faults = 0;
	char all[64];
	sr_status rc;
	int code;

	work.rows = listing_begin(&cli->out, columns, 5, "faults");
	rc = sr_keys_check(catalog, fault, &work, &checked, &faults);
	snprintf(all, sizeof(all), "%" PRId64 " wrapped %s.", checked,
		 plural(checked, "key, readable", "keys, all readable"));
	if (rc != SR_OK)
		code = cli_failed(cli, rc);
	else if (checked == 0)
		code = check_ring(cli, catalog);
	else
		code = faults == 0 ? DONE : UNHEALTHY;
	listing_end(work.rows, code == DONE ? all : NULL,
		    json_pack("{s:I, s:I}", "checked", (json_int_t)checked, "unreadable",
			      (json_int_t)faults));
	return code;
}

static int keys_check(struct cli *cli)
{
	sr_catalog *catalog;
	int code = begin(cli, CLI_READ, &catalog);

	if (code != DONE)
		return code;
	return cli_close(cli, catalog, check(cli, catalog));
}

/* ---- export ---- */

/* What lies beside a database is called so. */
static bool is_side_name(const char *path)
{
	static const char *const sides[] = {"-wal", "-shm", "-journal"};
	size_t length = strlen(path);

	for (size_t i = 0; i < sizeof(sides) / sizeof(sides[0]); i++)
		if (length >= strlen(sides[i]) &&
		    strcmp(path + length - strlen(sides[i]), sides[i]) == 0)
			return true;
	return false;
}

/* Standard output goes into a file that nobody has made before, and nobody else may read. */
static int redirect(struct cli *cli, const char *path)
{
	int fd;

	if (is_side_name(path))
		return cli_fail(cli, SR_INVALID,
				"cannot make %s: SQLite would take it for a database's own, and "
				"remove it; choose another name",
				path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return cli_fail(cli, errno == EEXIST ? SR_EXISTS : SR_IO, "cannot make %s: %s",
				path, strerror(errno));
	if (fchmod(fd, 0600) != 0 || dup2(fd, STDOUT_FILENO) < 0) {
		close(fd);
		unlink(path);
		return cli_fail(cli, SR_IO, "cannot write to %s: %s", path, strerror(errno));
	}
	close(fd);
	/* It is no terminal any more. */
	cli->out.width = 0;
	cli->out.coloured = false;
	return DONE;
}

/* In hexadecimal. */
static void export_row(struct cli *cli, struct listing *rows, const sr_client *client)
{
	char *key = client->aes_key.data != NULL ? bytes_to_hex(client->aes_key) : NULL;
	char id[SR_ID_TEXT_SIZE];

	sr_id_format(&client->id, id);
	const struct cell cells[] = {
		cell_string(id),
		cell_text(client->name),
		cell_string(key),
	};

	if (cli->json)
		listing_object(rows, json_pack("{s:s, s:o, s:o}", "id", id, "client",
					       json_of(client->name), "aes_key",
					       json_of(sr_text_of(key))));
	else
		listing_row(rows, cells);
	if (key != NULL)
		explicit_bzero(key, strlen(key));
	free(key);
}

static sr_status export_all(struct cli *cli, sr_catalog *catalog, struct listing *rows)
{
	const sr_client *client;
	sr_clients *cursor;
	sr_status rc;

	if ((rc = sr_client_list(catalog, false, &cursor)) != SR_OK)
		return rc;
	while ((rc = sr_clients_next(cursor, &client)) == SR_OK && client != NULL)
		export_row(cli, rows, client);
	sr_clients_close(cursor);
	return rc;
}

/* A file that does not have all of it is worse than none. */
static int export_rows(struct cli *cli, sr_catalog *catalog, const sr_client *one, const char *out)
{
	static const struct column columns[] = {
		{"id", "ID", 0},
		{"client", "CLIENT", 0},
		{"aes_key", "AES KEY", 0},
	};
	struct listing *rows;
	sr_status rc = SR_OK;
	int code;

	if (out != NULL && (code = redirect(cli, out)) != DONE)
		return code;
	code = DONE;
	rows = listing_begin(&cli->out, columns, 3, NULL);
	if (one != NULL)
		export_row(cli, rows, one);
	else if ((rc = export_all(cli, catalog, rows)) != SR_OK)
		code = cli_failed(cli, rc);
	listing_end(rows, "No clients.", NULL);
	if (out != NULL && code == DONE &&
	    (output_failed(&cli->out) || fflush(stdout) != 0 || fsync(STDOUT_FILENO) != 0))
		code = cli_fail(cli, SR_IO, "cannot write to %s: %s", out, strerror(errno));
	if (out != NULL && code != DONE)
		unlink(out);
	return code;
}

static int export(struct cli *cli, sr_catalog *catalog, const char *name, const char *out)
{
	sr_client *client = NULL;
	int code = DONE;

	if (name != NULL && (code = cli_client(cli, catalog, name, &client)) != DONE)
		return code;
	if (name != NULL)
		code = cli_confirm(cli, "Write the AES key of client %s to %s", client->name.data,
				   out != NULL ? out : "standard output");
	else
		code = cli_confirm(cli, "Write every client's AES key to %s",
				   out != NULL ? out : "standard output");
	if (code == DONE)
		code = export_rows(cli, catalog, client, out);
	sr_client_free(client);
	return code;
}

static int keys_export(struct cli *cli)
{
	const char *name = NULL, *out = NULL, *file = NULL;
	bool all = false;
	const arg_option options[] = {
		{"all", 0, ARG_FLAG, &all},
		{"out", 0, ARG_VALUE, &out},
		{"key-file", 0, ARG_VALUE, &file},
		{NULL, 0, ARG_FLAG, NULL},
	};
	const arg_operand operands[] = {
		{"CLIENT", ARG_OPTIONAL, &name},
		{NULL, ARG_OPTIONAL, NULL},
	};
	sr_catalog *catalog;
	int code = cli_arguments(cli, options, operands);

	if (code != DONE)
		return code;
	if (all == (name != NULL))
		return cli_usage(cli, "give one CLIENT, or --all");
	if ((code = keys_open(cli, CLI_READ, file, true, &catalog)) != DONE)
		return code;
	return cli_close(cli, catalog, export(cli, catalog, name, out));
}

int cmd_keys(struct cli *cli)
{
	static const command parts[] = {
		{"init", NULL, NULL, keys_init},
		{"status", NULL, NULL, keys_status},
		{"rotate", NULL, NULL, keys_rotate},
		{"check", NULL, NULL, keys_check},
		{"export", NULL, NULL, keys_export},
		{"unwrap", NULL, NULL, keys_unwrap},
		{NULL, NULL, NULL, NULL},
	};

	return cli_subcommand(cli, parts);
}
