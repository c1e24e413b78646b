/* One HTTP request and the answer being made for it.
 *
 * Owner: the server makes it when the request line is in and frees it when the answer is out; texts
 * live in ctx's arena. Threads: confined to the server's one thread, like all simulated state.
 * Errors: handlers answer them themselves. Logs: the server, once per request.
 */
#ifndef GATE_SIM_EXCHANGE_H
#define GATE_SIM_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buffer.h"
#include "core/context.h"
#include "sim/sim_limits.h"

struct gate_sim_world;

struct gate_sim_pair {
    const char *name;
    const char *value;
};

struct gate_sim_pairs {
    struct gate_sim_pair *items;
    size_t count;
};

/* How an answer ends on the wire. */
enum gate_sim_ending {
    GATE_SIM_ENDING_WHOLE,
    GATE_SIM_ENDING_CUT,   /* half the body, then the connection closes */
    GATE_SIM_ENDING_CLOSE, /* the connection closes without an answer */
    GATE_SIM_ENDING_RESET, /* the same with a TCP reset */
};

/* A body that is not kept in memory. */
enum gate_sim_stream_kind {
    GATE_SIM_STREAM_NONE,
    GATE_SIM_STREAM_BYTES,  /* `total` bytes of a fixed pattern */
    GATE_SIM_STREAM_EVENTS, /* `total` server-sent events, one every `interval_ms` */
};

struct gate_sim_stream {
    enum gate_sim_stream_kind kind;
    int64_t total;
    int64_t interval_ms;
    bool length_known; /* send Content-Length; otherwise chunked */
};

struct gate_sim_answer {
    int status; /* 0: none yet */
    struct gate_sim_pair headers[GATE_SIM_ANSWER_HEADERS_MAX];
    size_t header_count;
    struct gate_buffer body;
    struct gate_sim_stream stream;
    enum gate_sim_ending ending;
};

struct gate_sim_exchange {
    struct gate_ctx *ctx;
    struct gate_sim_world *world;
    const char *method;
    const char *uri;        /* as it came */
    const char *raw_path;   /* without query, still percent-encoded */
    const char *path;       /* decoded; NULL when that is impossible */
    const char *query_text; /* still encoded; NULL: none */
    struct gate_sim_pairs query;
    struct gate_sim_pairs headers;
    struct gate_buffer body;
    bool from_loopback;
    bool keeps_secrets;  /* bodies of this exchange stay out of the journal */
    bool waits_for_ever; /* the delay ends early when faults are cleared */
    int64_t delay_ms;    /* to wait before the answer leaves */
    struct gate_sim_answer answer;
};

/* One header's value, any case, or NULL. */
const char *gate_sim_exchange_header(const struct gate_sim_exchange *exchange, const char *name);

/* The first value of a name, or NULL. */
const char *gate_sim_pairs_find(const struct gate_sim_pairs *pairs, const char *name);

/* Take apart a query string or a form body (application/x-www-form-urlencoded). GATE_ERR_INPUT for
 * broken escapes and more than GATE_SIM_FIELDS_MAX fields. */
enum gate_err gate_sim_pairs_parse(gate_arena *arena, const char *text,
                                   struct gate_sim_pairs *ret_pairs) GATE_MUST_CHECK;

#endif
