/* SPDX-License-Identifier: Apache-2.0 */
/* cli/run_ns.c - options of `lichen run` about namespaces and ids */

#include <string.h>

#include "base/log.h"
#include "cli/args.h"
#include "cli/run_spec.h"
#include "spec/spec.h"

static int set_network(const char *word, struct err *e)
{
	static const char *const later[] = { "slirp", "slirp4netns", "pasta", "bridge", "host", "default" };
	const char *const words[] = { "none", "private" };

	if (!word) {
		log_info("network: none (there is no other in this version)");
		return 0;
	}
	for (size_t i = 0; i < N_ELEMS(words); i++)
		if (str_eq(word, words[i]))
			return 0;
	for (size_t i = 0; i < N_ELEMS(later); i++)
		if (str_eq(word, later[i])) {
			err_set(e, ERR_USAGE, "--network=%s is not part of this version", word);
			return err_hint(e, "the network is none: loopback only");
		}
	err_set(e, ERR_USAGE, "--network: '%s' is not a network; expected none", word);
	return err_hint(e, "did you mean none ?");
}

int take_namespaces(struct spec *s, const struct args *a, struct err *e)
{
	s->ids = (enum ids_mode)a->ids;
	s->hostname = str_dup(a->hostname);
	return set_network(a->network, e);
}
