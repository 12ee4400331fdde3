/* Attempts to get out of a container. One attempt a call, one line of JSON as its answer; see attempts.h. */
#include "answer.h"
#include "attempts.h"
#include <string.h>
#include <unistd.h>

static const struct {
  const char *name;
  int args;
  void (*run)(char **args);
} attempts[] = {
    {"tcp", 2, attempt_tcp},       {"udp", 2, attempt_udp},         {"icmp", 1, attempt_icmp},
    {"dns", 4, attempt_dns},       {"name", 3, attempt_name},       {"hold", 3, attempt_hold},
    {"listen", 1, attempt_listen}, {"raw", 0, attempt_raw},         {"frame", 3, attempt_frame},
    {"sniff", 1, attempt_sniff},   {"mount", 0, attempt_mount},     {"unshare", 1, attempt_unshare},
    {"ptrace", 1, attempt_ptrace}, {"keyctl", 0, attempt_keyctl},   {"setuid", 1, attempt_setuid},
    {"chown", 1, attempt_chown},   {"suid", 0, attempt_suid},       {"write", 1, attempt_write},
    {"bind", 1, attempt_bind},     {"forks", 1, attempt_forks},     {"memory", 1, attempt_memory},
    {"cpu", 1, attempt_cpu},       {"sample", 3, attempt_sample},   {"read", 1, attempt_read},
    {"yield", 0, attempt_yield},   {"filter", 0, attempt_filter},
};

/* No attempt lasts longer, whatever happens to it; what serves or samples switches it off. */
enum { LONGEST_SECONDS = 60 };

int main(int argc, char **argv) {
  alarm(LONGEST_SECONDS);
  for (size_t i = 0; argc > 1 && i < sizeof attempts / sizeof attempts[0]; i++) {
    if (strcmp(argv[1], attempts[i].name) != 0) continue;
    if (argc - 2 < attempts[i].args) answer(false, "%s needs %d arguments", argv[1], attempts[i].args);
    attempts[i].run(argv + 2);
  }
  answer(false, "no such attempt: %s", argc > 1 ? argv[1] : "");
}
