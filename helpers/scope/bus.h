/* SPDX-License-Identifier: Apache-2.0 */
/* scope/bus.h - a connection to a systemd, and calls of its methods
 *
 * The user's manager, or the system's, by its private socket (peer to peer: no bus is
 * needed) or by a bus. Everything ends by one deadline. No bus and no service is started.
 */
#ifndef SCOPE_BUS_H
#define SCOPE_BUS_H

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

#include "base/err.h"

struct manager {
	sd_bus *bus;
	bool is_system;		/* whose it is: the machine's, or the user's of our real uid */
	bool is_direct;		/* by the private socket */
	unsigned seconds;	/* the time limit, for messages */
	uint64_t deadline;	/* of CLOCK_MONOTONIC, in microseconds */
	char whose[48];		/* "the systemd of user 1000" */
};

/**
 * manager_open() - Connect
 * @seconds:	for everything that is done with it
 * Errors:	ERR_HOST: nobody answers on any of the addresses
 */
NODISCARD int manager_open(struct manager *m, bool is_system, unsigned seconds, struct err *e);

/* Also one that is all zeros. */
void manager_close(struct manager *m);

/* Time that is left, in microseconds; 0: none. */
uint64_t manager_left(const struct manager *m);

/**
 * manager_call() - A new call of a method; arguments are appended by the caller
 * @path:	the object
 * @method:	"INTERFACE METHOD"; without a space one of org.freedesktop.systemd1.Manager
 * Return:	owned by the caller; NULL with @e
 */
NODISCARD sd_bus_message *manager_call(struct manager *m, const char *path, const char *method, struct err *e);

/**
 * manager_send() - Send @call, wait for the reply
 * @unit:	for the message
 * @reply:	owned by the caller
 * @unknown:	NULL, or set where systemd does not know one of the properties in @call
 * Errors:	ERR_NOTFOUND: no such unit; ERR_HOST: no systemd on this bus; ERR_PEER: no
 *		answer in time, or the connection ended; ERR_STATE: all others
 */
NODISCARD int manager_send(struct manager *m, sd_bus_message *call, const char *unit, sd_bus_message **reply,
			   bool *unknown, struct err *e);

/* Fills *e for what libsystemd says, a negative errno; evaluates to -1. */
int manager_err(const struct manager *m, int r, const char *doing, struct err *e);

static inline void message_unref(sd_bus_message **m)
{
	*m = sd_bus_message_unref(*m);
}
#define AUTO_MESSAGE __attribute__((cleanup(message_unref)))

#endif
