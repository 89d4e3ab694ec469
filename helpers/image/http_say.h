/* SPDX-License-Identifier: Apache-2.0 */
/* image/http_say.h - what goes wrong between us and a registry, in words */
#ifndef IMAGE_HTTP_SAY_H
#define IMAGE_HTTP_SAY_H

#include <curl/curl.h>

#include "http.h"

/* The error of a call that got no answer. @text: curl's own words; @proxy: NULL, or who was asked first. -1 */
int http_say_lost(CURL *easy, CURLcode code, const char *text, const struct http_call *c, const char *proxy, struct err *e);

/* The error of a proxy that does not go on to the host: @status is its answer to CONNECT. -1 */
int http_say_proxy(const struct http_call *c, const char *proxy, long status, struct err *e);

/* Whether trying again may help. A host that was not found or reached stays so. */
bool http_may_pass(CURL *easy, CURLcode code);

#endif
