/* Faults to order: what tests tell the simulator to do wrong.
 *
 * Owner: the world. Threads: confined. Errors: none; beyond GATE_SIM_FAULTS_MAX nothing is added.
 */
#ifndef GATE_SIM_FAULT_H
#define GATE_SIM_FAULT_H

#include "sim/exchange.h"

enum gate_sim_fault_kind {
    GATE_SIM_FAULT_NONE,    /* latency only, or `status` */
    GATE_SIM_FAULT_HANG,    /* no answer; closed at the end of the wait */
    GATE_SIM_FAULT_CUT,     /* half an answer */
    GATE_SIM_FAULT_RESET,   /* TCP reset instead of an answer */
    GATE_SIM_FAULT_RUBBISH, /* 200 with JSON that ends in the middle */
    GATE_SIM_FAULT_HTML,    /* an HTML page where JSON is due */
    GATE_SIM_FAULT_EMPTY,   /* no body */
    GATE_SIM_FAULT_HUGE,    /* a body without end, nearly */
    GATE_SIM_FAULT_COUNT_,
};

struct gate_sim_fault {
    char match[256]; /* path pattern, '*' for any run; the end is open */
    char method[16]; /* "": any */
    int64_t times;   /* left; negative: for ever */
    int64_t latency_ms;
    int status; /* 0: as without the fault */
    char error_code[64];
    char message[200];
    int64_t retry_after_s; /* 0: none */
    int64_t bytes;         /* of a huge answer */
    bool after;            /* the call is carried out first */
    enum gate_sim_fault_kind kind;
};

struct gate_sim_faults {
    struct gate_sim_fault items[GATE_SIM_FAULTS_MAX];
    size_t count;
};

/* The word for a kind in requests, and back; GATE_SIM_FAULT_COUNT_ for unknown words. */
enum gate_sim_fault_kind gate_sim_fault_kind_parse(const char *word);

/* Find the first fault for this request and count it down. NULL: none. The result is in the
 * exchange's arena. */
const struct gate_sim_fault *gate_sim_faults_take(struct gate_sim_faults *faults,
                                                  const struct gate_sim_exchange *exchange);

/* Does the call run at all? */
bool gate_sim_fault_lets_run(const struct gate_sim_fault *fault);

/* Put the fault's answer in place of (or on top of) the real one. */
void gate_sim_fault_apply(const struct gate_sim_fault *fault, struct gate_sim_exchange *exchange);

#endif
