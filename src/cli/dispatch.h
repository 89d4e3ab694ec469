/* SPDX-License-Identifier: Apache-2.0 */
/* cli/dispatch.h - from argv to the verb's function */
#ifndef CLI_DISPATCH_H
#define CLI_DISPATCH_H

#include <stdbool.h>

#include "base/err.h"

/**
 * cli_dispatch() - Parse the command line and run its verb
 * @argc:	main's, the program's name included; 0 is borne
 * @argv:	main's, borrowed
 * @status:	exit status where 0 is returned
 * @json_errors: always set: --json was given, render an error as JSON
 *
 * Sets the level of base/log.h from --verbose and --debug, also where -1 is returned.
 * "lichen" alone prints the help on standard output and is no error.
 * Errors:	USAGE for the command line, else the verb's
 * Return: 0, or -1 with @e, whose exit status is err_status(@e)
 */
NODISCARD int cli_dispatch(int argc, char **argv, int *status, bool *json_errors, struct err *e);

/* Shows @e on standard error, with a likely cause and remedy where it has no hint. main.c does so, once; before
 * it a verb that goes on past an error. */
void cli_show_error(struct err *e, bool as_json);

#endif
