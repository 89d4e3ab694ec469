/* SPDX-License-Identifier: Apache-2.0 */
/* tests/tools/relay.c - stands before a server on loopback: as TLS, or as a proxy for CONNECT
 *
 *	relay tls PORT CERTIFICATE KEY		what comes by TLS goes on to PORT without
 *	relay proxy PORT LOG [NAME:PASSWORD]	CONNECT to whatever host goes to PORT; LOG gets "CONNECT HOST auth=yes|no"
 *
 * Prints its own port when it listens, and goes on until it is killed. One process a connection.
 */

/* a name of OpenSSL's, too, for a type that is of no use here */
#define ERR_STATE OPENSSL_ERR_STATE
#include <openssl/evp.h>
#include <openssl/ssl.h>
#undef ERR_STATE

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/str.h"

enum { HEAD_MAX = 16 << 10, PIECE = 16 << 10 };

static struct sockaddr_in at_port(unsigned port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static int go_on_to(unsigned port)
{
	struct sockaddr_in at = at_port(port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		_exit(1);
	return fd;
}

/* One piece from @from to @to; @tls is one of both, or NULL. False: that end is over */
static bool pass(int from, int to, SSL *tls, bool from_tls)
{
	char piece[PIECE];
	ssize_t n = from_tls ? SSL_read(tls, piece, sizeof(piece)) : read(from, piece, sizeof(piece));

	if (n <= 0)
		return false;
	if (tls && !from_tls)
		return SSL_write(tls, piece, (int)n) == n;
	return fd_write_all(to, piece, (size_t)n) == 0;
}

static void relay(int here, int there, SSL *tls)
{
	struct pollfd p[2] = { { .fd = here, .events = POLLIN }, { .fd = there, .events = POLLIN } };

	for (;;) {
		if (!(tls && SSL_pending(tls)) && poll(p, 2, -1) < 0)
			_exit(1);
		if (((tls && SSL_pending(tls)) || p[0].revents) && !pass(here, there, tls, tls != NULL))
			break;
		if (p[1].revents && !pass(there, here, tls, false))
			break;
	}
	if (tls)
		SSL_shutdown(tls);
}

static void serve_tls(int sock, SSL_CTX *context, unsigned port)
{
	SSL *tls = SSL_new(context);

	if (!tls || SSL_set_fd(tls, sock) != 1 || SSL_accept(tls) != 1)
		_exit(1);
	relay(sock, go_on_to(port), tls);
	SSL_free(tls);
}

static void note(const char *log, const char *host, bool is_known)
{
	AUTO_FREE char *line = str_fmt("CONNECT %s auth=%s\n", host, is_known ? "yes" : "no");
	AUTO_CLOSE int fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	if (fd < 0 || fd_write_all(fd, line, strlen(line)) < 0)
		_exit(1);
}

static void serve_proxy(int sock, unsigned port, const char *log, const char *password)
{
	static const char YES[] = "HTTP/1.1 200 Connection established\r\n\r\n";
	static const char NO[] = "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\n\r\n";
	char head[HEAD_MAX + 1] = "", host[256], want[512] = "";
	size_t n = 0;
	bool is_known;

	while (n < HEAD_MAX && !strstr(head, "\r\n\r\n")) {
		ssize_t got = read(sock, head + n, 1);

		if (got <= 0)
			_exit(1);
		head[++n] = '\0';
	}
	if (sscanf(head, "CONNECT %255s", host) != 1)
		_exit(1);
	if (password) {
		unsigned char text[256];

		EVP_EncodeBlock(text, (const unsigned char *)password, (int)strlen(password));
		snprintf(want, sizeof(want), "\r\nProxy-Authorization: Basic %s\r\n", (const char *)text);
	}
	is_known = password && strstr(head, want);
	note(log, host, is_known);
	if (password && !is_known) {
		if (fd_write_all(sock, NO, sizeof(NO) - 1) < 0)
			_exit(1);
		return;
	}
	if (fd_write_all(sock, YES, sizeof(YES) - 1) == 0)
		relay(sock, go_on_to(port), NULL);
}

int main(int argc, char **argv)
{
	struct sockaddr_in at = at_port(0);
	socklen_t len = sizeof(at);
	const bool is_tls = argc == 5 && strcmp(argv[1], "tls") == 0;
	SSL_CTX *context = is_tls ? SSL_CTX_new(TLS_server_method()) : NULL;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), sock;

	if (!is_tls && (argc < 4 || strcmp(argv[1], "proxy") != 0))
		return 2;
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_IGN);
	if (is_tls && (!context || SSL_CTX_use_certificate_chain_file(context, argv[3]) != 1 ||
		       SSL_CTX_use_PrivateKey_file(context, argv[4], SSL_FILETYPE_PEM) != 1))
		return 1;
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, len) < 0 || listen(fd, 64) < 0 || getsockname(fd, (struct sockaddr *)&at, &len) < 0)
		return 1;
	printf("%u\n", ntohs(at.sin_port));
	fflush(stdout);
	while ((sock = accept(fd, NULL, NULL)) >= 0 || errno == EINTR) {
		if (sock < 0)
			continue;
		if (fork() == 0) {
			prctl(PR_SET_PDEATHSIG, (unsigned long)SIGKILL, 0UL, 0UL, 0UL);
			if (is_tls)
				serve_tls(sock, context, (unsigned)atoi(argv[2]));
			else
				serve_proxy(sock, (unsigned)atoi(argv[2]), argv[3], argc > 4 ? argv[4] : NULL);
			_exit(0);
		}
		close(sock);
	}
	return 1;
}
