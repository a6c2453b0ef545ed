/* The passphrase of an encrypted backup: bytes of a key file, or typed on the terminal. */
#ifndef CLI_PASSPHRASE_H
#define CLI_PASSPHRASE_H

#include "cli.h"

struct passphrase {
	char *bytes; /* NULL: none. */
	size_t length;
};

/* The bytes of the file, less one newline at its end. DONE, or an exit status after saying what is
 * wrong with it; an empty one is. */
int passphrase_from_file(struct cli *cli, const char *path, struct passphrase *passphrase);

/* Asks on the terminal, without showing what is typed; with `twice` again, until both are the same.
 * what is it for: "Passphrase for the backup". */
int passphrase_ask(struct cli *cli, const char *what, bool twice, struct passphrase *passphrase);

/* Whether there is a terminal to ask on. */
bool passphrase_can_ask(void);

/* Wipes and frees it; leaves it empty. */
void passphrase_free(struct passphrase *passphrase);

#endif
