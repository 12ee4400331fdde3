#define _GNU_SOURCE
#include "answer.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static char members[16384];

static void print_text(const char *text) {
  putchar('"');
  for (; *text; text++) {
    if (*text == '"' || *text == '\\') putchar('\\');
    putchar((unsigned char)*text < ' ' ? ' ' : *text);
  }
  putchar('"');
}

void member(const char *name, const char *json, ...) {
  size_t used = strlen(members);
  used += (size_t)snprintf(members + used, sizeof members - used, ",\"%s\":", name);
  va_list rest;
  va_start(rest, json);
  vsnprintf(members + used, sizeof members - used, json, rest);
  va_end(rest);
}

void answer(bool ok, const char *why, ...) {
  char text[512];
  va_list rest;
  va_start(rest, why);
  vsnprintf(text, sizeof text, why, rest);
  va_end(rest);
  printf("{\"ok\":%s,\"why\":", ok ? "true" : "false");
  print_text(text);
  printf("%s}\n", members);
  fflush(stdout);
  exit(0);
}

void refused(const char *what) {
  int number = errno;
  member("errno", "\"%s\"", strerrorname_np(number) ? strerrorname_np(number) : "");
  answer(false, "%s: %s", what, strerror(number));
}

long long now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}
