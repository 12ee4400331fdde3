#define _GNU_SOURCE
#include "dns.h"
#include "answer.h"
#include "socket.h"
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PORT = 53, HEADER = 12, TYPE_A = 1, TYPE_NULL = 10, TYPE_TXT = 16, TYPE_AAAA = 28, LONGEST = 65535 };

static bool system_server(struct dns_server *into) {
  FILE *file = fopen("/etc/resolv.conf", "r");
  if (file == NULL) refused("/etc/resolv.conf");
  char line[256];
  bool found = false;
  while (!found && fgets(line, sizeof line, file)) found = sscanf(line, "nameserver %45s", into->host) == 1;
  fclose(file);
  return found;
}

/* The Engine listens inside the network namespace, on a port of its choice, and so it is to be seen there. */
static bool engine_server(struct dns_server *into) {
  static const char local[] = "0B00007F";
  FILE *file = fopen("/proc/net/udp", "r");
  if (file == NULL) refused("/proc/net/udp");
  char line[256], address[9];
  unsigned port;
  bool found = false;
  while (!found && fgets(line, sizeof line, file))
    found = sscanf(line, " %*d: %8[0-9A-F]:%4X", address, &port) == 2 && strcmp(address, local) == 0;
  fclose(file);
  *into = (struct dns_server){.host = "127.0.0.11", .port = (int)port};
  return found;
}

struct dns_server dns_server(const char *name) {
  struct dns_server server = {.port = PORT};
  if (strcmp(name, "system") == 0) {
    if (!system_server(&server)) answer(false, "no name server in /etc/resolv.conf");
  } else if (strcmp(name, "engine") == 0) {
    if (!engine_server(&server)) answer(false, "the Engine has no resolver here");
  } else {
    snprintf(server.host, sizeof server.host, "%s", name);
  }
  return server;
}

int dns_type(const char *name) {
  if (strcmp(name, "A") == 0) return TYPE_A;
  if (strcmp(name, "AAAA") == 0) return TYPE_AAAA;
  if (strcmp(name, "TXT") == 0) return TYPE_TXT;
  if (strcmp(name, "NULL") == 0) return TYPE_NULL;
  answer(false, "not a type of record: %s", name);
}

static int write_question(unsigned char *packet, const char *name, int type) {
  unsigned id = (unsigned)(getpid() * 7919 + now_ms());
  unsigned char header[HEADER] = {(unsigned char)(id >> 8), (unsigned char)id, 1, 0, 0, 1};
  memcpy(packet, header, HEADER);
  int at = HEADER;
  for (const char *label = name; *label;) {
    size_t length = strcspn(label, ".");
    packet[at++] = (unsigned char)length;
    memcpy(packet + at, label, length);
    at += (int)length;
    label += length + (label[length] == '.');
  }
  const unsigned char end[] = {0, (unsigned char)(type >> 8), (unsigned char)type, 0, 1};
  memcpy(packet + at, end, sizeof end);
  return at + (int)sizeof end;
}

static int after_name(const unsigned char *packet, int at, int length) {
  while (at < length && packet[at] != 0) {
    if (packet[at] >= 0xc0) return at + 2;
    at += packet[at] + 1;
  }
  return at + 1;
}

static void read_answer(const unsigned char *packet, int length, struct dns_answer *into) {
  *into = (struct dns_answer){.rcode = packet[3] & 15, .truncated = packet[2] & 2, .records = packet[6] << 8 | packet[7]};
  int at = after_name(packet, HEADER, length) + 4;
  for (int i = 0; i < into->records; i++) {
    at = after_name(packet, at, length);
    if (at + 10 > length) return;
    int type = packet[at] << 8 | packet[at + 1], size = packet[at + 8] << 8 | packet[at + 9];
    at += 10;
    if (at + size > length) return;
    if ((type == TYPE_A || type == TYPE_AAAA) && into->address_count < MOST_ADDRESSES)
      inet_ntop(type == TYPE_A ? AF_INET : AF_INET6, packet + at, into->addresses[into->address_count++], INET6_ADDRSTRLEN);
    at += size;
  }
}

static int receive_stream(int fd, unsigned char *packet, int ms) {
  int have = 0, want = 2;
  while (have < want) {
    if (!readable_within(fd, ms)) return -1;
    ssize_t got = recv(fd, packet + have, (size_t)(want - have), 0);
    if (got <= 0) return -1;
    have += (int)got;
    if (have == 2 && want == 2) want += packet[0] << 8 | packet[1];
  }
  memmove(packet, packet + 2, (size_t)(have - 2));
  return have - 2;
}

bool dns_ask(const struct dns_server *server, bool tcp, const char *name, int type, int ms, struct dns_answer *into) {
  static unsigned char packet[LONGEST + 2];
  struct endpoint to = endpoint_of(server->host, server->port);
  int fd = tcp ? connect_within(&to, ms) : datagram_socket(&to, 0);
  if (fd < 0) return false;
  int length = write_question(packet + 2, name, type);
  packet[0] = (unsigned char)(length >> 8);
  packet[1] = (unsigned char)length;
  bool sent = send(fd, tcp ? packet : packet + 2, (size_t)(tcp ? length + 2 : length), MSG_NOSIGNAL) >= 0;
  length = -1;
  if (sent && tcp) length = receive_stream(fd, packet, ms);
  else if (sent && readable_within(fd, ms)) length = (int)recv(fd, packet, LONGEST, 0);
  int why = errno;
  close(fd);
  errno = why;
  if (length < HEADER) return false;
  read_answer(packet, length, into);
  return true;
}
