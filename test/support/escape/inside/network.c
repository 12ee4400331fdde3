#define _GNU_SOURCE
#include "answer.h"
#include "attempts.h"
#include "dns.h"
#include "socket.h"
#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Far longer than a packet takes, and short enough for many that are dropped. */
enum { PATIENCE_MS = 2000, MOST_PORTS = 8 };

void attempt_tcp(char **args) {
  struct endpoint to = endpoint_of(args[0], atoi(args[1]));
  if (connect_within(&to, PATIENCE_MS) < 0) refused("connect");
  answer(true, "connected");
}

void attempt_udp(char **args) {
  struct endpoint to = endpoint_of(args[0], atoi(args[1]));
  int fd = datagram_socket(&to, 0);
  if (fd < 0) refused("connect");
  if (!echoes(fd, PATIENCE_MS)) refused("no echo");
  answer(true, "echoed");
}

void attempt_icmp(char **args) {
  struct endpoint to = endpoint_of(args[0], 0);
  bool v6 = to.address.ss_family == AF_INET6;
  int fd = datagram_socket(&to, v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
  if (fd < 0) refused("ping socket");
  unsigned char request[16] = {v6 ? ICMP6_ECHO_REQUEST : ICMP_ECHO};
  if (send(fd, request, sizeof request, 0) < 0) refused("send");
  unsigned char reply[64];
  if (!readable_within(fd, PATIENCE_MS) || recv(fd, reply, sizeof reply, 0) < 0) refused("no reply");
  bool answered = reply[0] == (v6 ? ICMP6_ECHO_REPLY : ICMP_ECHOREPLY);
  answer(answered, answered ? "answered" : "another answer");
}

static void addresses_member(const struct dns_answer *found) {
  char list[MOST_ADDRESSES * (INET6_ADDRSTRLEN + 3) + 3] = "[";
  for (int i = 0; i < found->address_count; i++) {
    if (i > 0) strcat(list, ",");
    strcat(strcat(strcat(list, "\""), found->addresses[i]), "\"");
  }
  member("addresses", "%s]", list);
}

void attempt_dns(char **args) {
  struct dns_server server = dns_server(args[1]);
  struct dns_answer found;
  if (!dns_ask(&server, strcmp(args[0], "tcp") == 0, args[2], dns_type(args[3]), PATIENCE_MS, &found)) refused("no answer");
  addresses_member(&found);
  answer(found.rcode == 0 && found.records > 0, "code %d, %d records%s", found.rcode, found.records,
         found.truncated ? ", truncated" : "");
}

/* By UDP, and as a resolver library does by TCP where that is not enough. Ends the program without an address. */
static struct dns_answer addresses_of(const char *name, const char *type) {
  struct dns_answer found;
  struct dns_server server = dns_server("system");
  if (!dns_ask(&server, false, name, dns_type(type), PATIENCE_MS, &found)) refused("no answer to the name");
  if (found.truncated && !dns_ask(&server, true, name, dns_type(type), PATIENCE_MS, &found)) refused("no answer by TCP");
  if (found.address_count == 0) answer(false, "no address: code %d, %d records", found.rcode, found.records);
  return found;
}

void attempt_name(char **args) {
  struct dns_answer found = addresses_of(args[0], args[1]);
  addresses_member(&found);
  for (int i = 0; i < found.address_count; i++) {
    struct endpoint to = endpoint_of(found.addresses[i], atoi(args[2]));
    int fd = connect_within(&to, PATIENCE_MS);
    if (fd < 0) refused(found.addresses[i]);
    if (!echoes(fd, PATIENCE_MS)) refused("no echo");
    close(fd);
  }
  answer(true, "%d addresses echo", found.address_count);
}

/*
 * The answer was given between the moments before the question and after it. What must not fail too early is counted from the
 * first, and what must not work too long from the second, so that no delay of this program counts.
 */
void attempt_hold(char **args) {
  enum { EVERY_MS = 200 };
  long long end = atoi(args[2]) * 1000LL;
  long long asked = now_ms();
  struct dns_answer found = addresses_of(args[0], "A");
  long long answered = now_ms();
  struct endpoint to = endpoint_of(found.addresses[0], atoi(args[1]));
  int held = connect_within(&to, PATIENCE_MS);
  if (held < 0) refused("the first connection");
  long long last_success = 0, first_failure = -1;
  while (now_ms() - asked < end) {
    long long began = now_ms();
    int fd = connect_within(&to, PATIENCE_MS);
    if (fd >= 0) {
      last_success = began - answered;
      close(fd);
    } else if (first_failure < 0) {
      first_failure = began - asked;
    }
    long long rest = began + EVERY_MS - now_ms();
    if (rest > 0) usleep((useconds_t)rest * 1000);
  }
  member("lastSuccessMs", "%lld", last_success);
  member("firstFailureMs", "%lld", first_failure);
  member("heldLives", echoes(held, PATIENCE_MS) ? "true" : "false");
  answer(true, "held");
}

void attempt_listen(char **args) {
  alarm(0);
  struct pollfd ports[MOST_PORTS];
  nfds_t count = 0;
  for (; args[count] && count < MOST_PORTS; count++) {
    struct endpoint any = endpoint_of("::", atoi(args[count]));
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(fd, (struct sockaddr *)&any.address, any.length) < 0 || listen(fd, 64) < 0) refused("listen");
    ports[count] = (struct pollfd){.fd = fd, .events = POLLIN};
  }
  while (poll(ports, count, -1) >= 0) {
    for (nfds_t i = 0; i < count; i++) {
      if (!(ports[i].revents & POLLIN)) continue;
      int fd = accept4(ports[i].fd, NULL, NULL, SOCK_CLOEXEC);
      char line[64];
      if (fd >= 0 && readable_within(fd, PATIENCE_MS)) {
        ssize_t got = recv(fd, line, sizeof line, 0);
        if (got > 0) send(fd, line, (size_t)got, MSG_NOSIGNAL);
      }
      close(fd);
    }
  }
  refused("poll");
}
