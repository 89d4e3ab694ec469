/* SPDX-License-Identifier: Apache-2.0 */
/* run/inmap.h - the way into an id map, for those above who have the store remove something */
#ifndef RUN_INMAP_H
#define RUN_INMAP_H

#include "store/store.h"

/* See store_in_map_fn. */
store_in_map_fn in_map;

#endif
