/* The least of a DNS client (RFC 1035): one question, and the addresses of its answer. */
#ifndef DNS_H
#define DNS_H
#include <netinet/in.h>
#include <stdbool.h>

enum { MOST_ADDRESSES = 32 };

struct dns_answer {
  int rcode;
  bool truncated;
  /* Records of any type in the answer section. */
  int records;
  int address_count;
  char addresses[MOST_ADDRESSES][INET6_ADDRSTRLEN];
};

struct dns_server {
  char host[INET6_ADDRSTRLEN];
  int port;
};

/*
 * "system": the first of /etc/resolv.conf; "engine": the Docker Engine's own, past the rules that lead port 53 to it; else an
 * address. Ends the program when there is none.
 */
struct dns_server dns_server(const char *name);
/* "A", "AAAA", "TXT", "NULL"; ends the program for another. */
int dns_type(const char *name);
/* False with errno when no answer came. */
bool dns_ask(const struct dns_server *server, bool tcp, const char *name, int type, int ms, struct dns_answer *into);
#endif
