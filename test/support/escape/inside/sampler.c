#define _GNU_SOURCE
#include "answer.h"
#include "attempts.h"
#include "socket.h"
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

enum { EVERY_MS = 100 };

/* Whether a packet may leave is seen where it would arrive; nobody here waits for an answer. */
static void knock(const struct endpoint *to) {
  int udp = datagram_socket(to, 0);
  if (udp >= 0) {
    send(udp, "sample", 6, MSG_DONTWAIT | MSG_NOSIGNAL);
    close(udp);
  }
  int tcp = connect_within(to, 0);
  if (tcp >= 0) close(tcp);
}

void attempt_sample(char **args) {
  int port = atoi(*args++), count = 0;
  struct endpoint hosts[4];
  for (; *args && strcmp(*args, "--") != 0; args++)
    if (count < 4) hosts[count++] = endpoint_of(*args, port);
  if (*args == NULL || args[1] == NULL) answer(false, "no program after --");
  /* The very first thing that the workload does. */
  for (int i = 0; i < count; i++) knock(&hosts[i]);
  pid_t child = fork();
  if (child < 0) refused("fork");
  alarm(0);
  if (child > 0) {
    execv(args[1], args + 1);
    refused(args[1]);
  }
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (long long next = now_ms();;) {
    for (int i = 0; i < count; i++) knock(&hosts[i]);
    next += EVERY_MS;
    long long rest = next - now_ms();
    if (rest > 0) nanosleep(&(struct timespec){.tv_nsec = rest * 1000000}, NULL);
    else next = now_ms();
  }
}
