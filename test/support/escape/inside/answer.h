/* What an attempt says: one line of JSON, {"ok": …, "why": …}, and further members that some attempts add. */
#ifndef ANSWER_H
#define ANSWER_H
#include <stdbool.h>

/* Prints the answer and ends the program with 0: that an attempt fails is an answer, too. */
_Noreturn void answer(bool ok, const char *why, ...) __attribute__((format(printf, 2, 3)));
/* As above with false, `what`, and what errno says. */
_Noreturn void refused(const char *what);
/* Adds a member, whose value is JSON already. Before the answer. */
void member(const char *name, const char *json, ...) __attribute__((format(printf, 2, 3)));

/* Milliseconds of a clock that only goes forward. */
long long now_ms(void);
#endif
