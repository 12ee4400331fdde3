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

/* The first name server of /etc/resolv.conf. Ends the program when there is none. */
const char *system_resolver(void);
/* "A", "AAAA", "TXT", "NULL"; ends the program for another. */
int dns_type(const char *name);
/* False with errno when no answer came. */
bool dns_ask(const char *server, bool tcp, const char *name, int type, int ms, struct dns_answer *into);
#endif
