#define _GNU_SOURCE
#include "answer.h"
#include "attempts.h"
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* The children are one process group, which is ended at once; a child whose parent is gone ends by itself, too. */
void attempt_forks(char **args) {
  enum { MOST = 2000 };
  static pid_t children[MOST];
  int want = atoi(args[0]), have = 0;
  if (want > MOST) want = MOST;
  for (; have < want; have++) {
    pid_t child = fork();
    if (child < 0) break;
    if (child == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      alarm(20);
      for (;;) pause();
    }
    children[have] = child;
  }
  for (int i = 0; i < have; i++) kill(children[i], SIGKILL);
  for (int i = 0; i < have; i++) waitpid(children[i], NULL, 0);
  member("processes", "%d", have);
  answer(have == want, "%d of %d processes", have, want);
}

/* In a child that the kernel chooses first, so that the server beside it lives. */
void attempt_memory(char **args) {
  size_t bytes = (size_t)atoi(args[0]) << 20;
  pid_t child = fork();
  if (child < 0) refused("fork");
  if (child == 0) {
    int score = open("/proc/self/oom_score_adj", O_WRONLY);
    if (score >= 0 && write(score, "1000", 4) < 0) _exit(2);
    char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) _exit(1);
    memset(memory, 1, bytes);
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFSIGNALED(status)) answer(false, "ended by %s", strsignal(WTERMSIG(status)));
  answer(WEXITSTATUS(status) == 0, "exit code %d", WEXITSTATUS(status));
}

static long throttled(void) {
  static const char *const files[] = {"/sys/fs/cgroup/cpu.stat", "/sys/fs/cgroup/cpu/cpu.stat"};
  for (int i = 0; i < 2; i++) {
    FILE *file = fopen(files[i], "r");
    if (file == NULL) continue;
    char name[64];
    long value, found = -1;
    while (fscanf(file, "%63s %ld", name, &value) == 2)
      if (strcmp(name, "nr_throttled") == 0) found = value;
    fclose(file);
    if (found >= 0) return found;
  }
  answer(false, "no cpu.stat");
}

/* The most that a busy machine may take for it. */
enum { PATIENCE_MS = 15000 };

/*
 * Time of the clock says nothing on a machine that does other things, too; how often the quota stopped it does. So it goes on until it
 * has had that much of a processor: where others leave it less than its quota, it takes longer to meet it.
 */
void attempt_cpu(char **args) {
  long before = throttled();
  long long end = now_ms() + PATIENCE_MS;
  for (clock_t used = atoi(args[0]) * (CLOCKS_PER_SEC / 1000); clock() < used && now_ms() < end;)
    if (throttled() > before) answer(false, "throttled");
  answer(true, "never throttled");
}
