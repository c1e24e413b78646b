/* A circuit breaker: work that keeps failing is not begun for a while.
 *
 * Owner: part of gate_scalekit, one per kind of work. Threads: locked (own mutex, never held across
 * a call out of this module). Errors: none. Logs: nothing. Time is a parameter, monotonic.
 *
 * Closed: all work begins. After `failures_to_open` failures without an answer between them it
 * opens: work is refused, but for one probe whenever the wait is over (half-open). A probe that
 * fails doubles the wait, up to GATE_BREAKER_WAIT_MAX_MS; any answer closes. Probes do not wait for
 * each other, so that one that hangs keeps nobody else out.
 *
 * Work may be somebody's. Then an open breaker refuses only those whose work has failed, until
 * GATE_BREAKER_WITNESSES_MAX of them have seen it; work of others is a probe. So whoever keeps
 * asking for what never answers shuts out nobody but themselves.
 */
#ifndef GATE_SCALEKIT_BREAKER_H
#define GATE_SCALEKIT_BREAKER_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GATE_BREAKER_WAIT_MIN_MS 1000
#define GATE_BREAKER_WAIT_MAX_MS 10000
#define GATE_BREAKER_WITNESSES_MAX 8

enum gate_breaker_turn {
    GATE_BREAKER_GOES,   /* begin the work */
    GATE_BREAKER_PROBES, /* begin it; it shows whether the other side is back */
    GATE_BREAKER_REFUSES,
};

/* What a piece of work told about the other side. */
enum gate_breaker_evidence {
    GATE_BREAKER_ANSWERED, /* it is there, whatever it said */
    GATE_BREAKER_FAILED,   /* it is not, or not able */
    GATE_BREAKER_NOTHING,  /* neither; the request itself may be to blame */
};

/* What such evidence changed. */
enum gate_breaker_change { GATE_BREAKER_SAME, GATE_BREAKER_OPENED, GATE_BREAKER_CLOSED };

/* One piece of work on its way through. */
struct gate_breaker_pass {
    uint64_t who; /* whose it is, by any number that tells them apart; 0: nobody's */
    bool is_probe;
};

struct gate_breaker {
    int failures_to_open;
    pthread_mutex_t lock; /* for the rest */
    int failures;         /* since the last answer */
    bool is_open;
    bool is_probing; /* open, and a probe has begun since the last failure of one */
    int64_t wait_ms;
    int64_t next_probe_ms;
    uint64_t witnesses[GATE_BREAKER_WITNESSES_MAX]; /* whose work failed since the last answer */
    size_t witness_count;
    bool is_everybodys; /* so did work of nobody's, or of more than there is room for */
};

/* As struct gate_breaker, for those who watch. */
enum gate_breaker_state {
    GATE_BREAKER_STATE_CLOSED,
    GATE_BREAKER_STATE_HALF_OPEN,
    GATE_BREAKER_STATE_OPEN,
};

/* Start closed. */
void gate_breaker_init(struct gate_breaker *breaker, int failures_to_open);
void gate_breaker_done(struct gate_breaker *breaker);

/* May a piece of work begin now? Sets pass->is_probe; `ret_wait_ms`, set when refused: until the
 * next probe. */
enum gate_breaker_turn gate_breaker_begin(struct gate_breaker *breaker, int64_t now_ms,
                                          struct gate_breaker_pass *pass, int64_t *ret_wait_ms);

/* Take note of how a piece of work went that was let begin. */
enum gate_breaker_change gate_breaker_note(struct gate_breaker *breaker,
                                           enum gate_breaker_evidence evidence,
                                           const struct gate_breaker_pass *pass, int64_t now_ms);

enum gate_breaker_state gate_breaker_state_get(struct gate_breaker *breaker);

#endif
