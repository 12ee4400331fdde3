#define _GNU_SOURCE
#include "socket.h"
#include "answer.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

struct endpoint endpoint_of(const char *host, int port) {
  struct endpoint found = {0};
  struct sockaddr_in *v4 = (struct sockaddr_in *)&found.address;
  struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&found.address;
  if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons((uint16_t)port);
    found.length = sizeof *v4;
  } else if (inet_pton(AF_INET6, host, &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons((uint16_t)port);
    /* In every container that has a network the one interface beside loopback. */
    if (IN6_IS_ADDR_LINKLOCAL(&v6->sin6_addr)) v6->sin6_scope_id = if_nametoindex("eth0");
    found.length = sizeof *v6;
  } else {
    answer(false, "not an address: %s", host);
  }
  return found;
}

int connect_within(const struct endpoint *to, int ms) {
  int fd = socket(to->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  if (connect(fd, (const struct sockaddr *)&to->address, to->length) < 0) {
    if (errno != EINPROGRESS) goto failed;
    struct pollfd wait = {.fd = fd, .events = POLLOUT};
    int error = 0;
    socklen_t size = sizeof error;
    if (poll(&wait, 1, ms) == 0) error = ETIMEDOUT;
    else getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) {
      errno = error;
      goto failed;
    }
  }
  fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
  return fd;
failed:;
  int why = errno;
  close(fd);
  errno = why;
  return -1;
}

int datagram_socket(const struct endpoint *to, int protocol) {
  int fd = socket(to->address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, protocol);
  if (fd < 0) return -1;
  if (connect(fd, (const struct sockaddr *)&to->address, to->length) == 0) return fd;
  int why = errno;
  close(fd);
  errno = why;
  return -1;
}

bool readable_within(int fd, int ms) {
  struct pollfd wait = {.fd = fd, .events = POLLIN};
  int ready = poll(&wait, 1, ms);
  if (ready == 0) errno = ETIMEDOUT;
  return ready > 0;
}

bool echoes(int fd, int ms) {
  static const char line[] = "hello\n";
  char back[sizeof line] = {0};
  if (send(fd, line, sizeof line - 1, MSG_NOSIGNAL) < 0 || !readable_within(fd, ms)) return false;
  return recv(fd, back, sizeof line - 1, 0) > 0 && back[0] == 'h';
}
