/* Sockets as the attempts need them: numeric addresses of either family, and an end to all waiting. */
#ifndef SOCKET_H
#define SOCKET_H
#include <stdbool.h>
#include <sys/socket.h>

struct endpoint {
  struct sockaddr_storage address;
  socklen_t length;
};

/* Of "198.51.100.1" or "2001:db8::1". Ends the program when it is neither. */
struct endpoint endpoint_of(const char *host, int port);
/* A TCP connection, or -1 with errno, ETIMEDOUT among them. */
int connect_within(const struct endpoint *to, int ms);
/* A connected UDP or datagram socket, or -1 with errno. */
int datagram_socket(const struct endpoint *to, int protocol);
/* Whether there is something to read within `ms`. */
bool readable_within(int fd, int ms);
/* Sends a line over a stream and sees it come back. */
bool echoes(int fd, int ms);
#endif
