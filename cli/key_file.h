/* Public keys as people keep them: PEM or DER in a file. */
#ifndef CLI_KEY_FILE_H
#define CLI_KEY_FILE_H

#include "cli.h"

/* Reads a public key of any form that OpenSSL accepts and gives it as X.509 DER
 * (SubjectPublicKeyInfo). DONE, or an exit status after saying what is wrong with the file.
 * *bytes is owned: free. */
int key_file_read(struct cli *cli, const char *path, char **bytes, size_t *length);

#endif
