/* What the files of the client share: its state, the shared token, one call, one listing.
 *
 * Owner: gate_scalekit_new. Threads: locked; the lock guards the token's fields. A call or listing
 * belongs to the arena of the context that it runs for.
 */
#ifndef GATE_SCALEKIT_CLIENT_H
#define GATE_SCALEKIT_CLIENT_H

#include <pthread.h>
#include <stdatomic.h>

#include "core/metrics.h"
#include "scalekit/scalekit.h"
#include "json/json.h"
#include "json/writer.h"

struct gate_scalekit_token;
struct gate_scalekit_token_wait;

/* One kind of work in numbers. */
struct gate_scalekit_counts {
    struct gate_counter outcomes[GATE_ERR_COUNT_]; /* of attempts */
    struct gate_histogram durations;
    struct gate_counter refused; /* by the open breaker */
    struct gate_counter pauses;  /* how often it opened */
};

struct gate_scalekit {
    char *url; /* without slash at the end */
    const char *client_id;
    const gate_secret *client_secret;
    gate_net *net;
    gate_net *stream_net;
    const struct gate_clock *clock;
    gate_runqueue *runqueue;
    atomic_int references; /* the owner's, a token fetch's, and of those who limit a wait for it */
    struct gate_breaker breakers[GATE_SCALEKIT_WORK_COUNT_];
    struct gate_scalekit_counts counts[GATE_SCALEKIT_WORK_COUNT_];
    struct gate_counter token_refreshes[GATE_ERR_COUNT_]; /* by outcome */

    pthread_mutex_t lock; /* for the rest */
    struct gate_scalekit_token *token;
    bool is_fetching;
    int64_t fetch_ends_ms; /* at the latest */
    struct gate_scalekit_token_wait *waiting;
    uint64_t waits_count;
    int64_t failed_until_ms; /* before that nobody asks again */
    struct gate_error failed;
};

/* Drop one reference; the last one frees. */
void gate_scalekit_release(gate_scalekit *scalekit);

/* client.c: begin a piece of work unless its breaker is open: to `pass->who`. GATE_OK, or
 * GATE_ERR_UNAVAILABLE with the seconds after which to try again. Whoever was let begin says how it
 * went. */
enum gate_err gate_scalekit_work_begin(struct gate_ctx *ctx, gate_scalekit *scalekit,
                                       enum gate_scalekit_work work, struct gate_breaker_pass *pass,
                                       int64_t *ret_retry_after_s) GATE_MUST_CHECK;
void gate_scalekit_work_note(gate_scalekit *scalekit, enum gate_scalekit_work work,
                             enum gate_breaker_evidence evidence,
                             const struct gate_breaker_pass *pass);
/* A number for the user in whose name a tool or an app is called, to tell breakers who is who. */
uint64_t gate_scalekit_who(const char *identifier);
/* Is this status a gateway's own word that there is nobody behind it? Other failures of a server
 * may come from what one caller sent. */
bool gate_scalekit_is_absence(int status);
/* Count one attempt that began at `began_ms` (monotonic). */
void gate_scalekit_work_count(gate_scalekit *scalekit, enum gate_scalekit_work work,
                              enum gate_err outcome, int64_t began_ms);

/* token.c: the environment's bearer token. One fetch at a time serves everybody who waits; it is
 * renewed ahead of its end while the old one is still handed out. */
void gate_scalekit_token_fetch(struct gate_ctx *ctx, gate_scalekit *scalekit,
                               struct gate_scalekit_token **ret_token, gate_then_fn *then,
                               void *state);
/* The whole "Bearer …" value, as long as the token is held. */
const char *gate_scalekit_token_header(const struct gate_scalekit_token *token);
/* NULL is fine. */
void gate_scalekit_token_release(struct gate_scalekit_token *token);
/* Scalekit refused this token: forget it, unless a newer one is there already. */
void gate_scalekit_token_refuse(gate_scalekit *scalekit, const struct gate_scalekit_token *token);

/* One request to Scalekit with all that may become of it: token, renewal, repetition. */
struct gate_scalekit_call {
    enum gate_scalekit_work work;
    const char *method;
    const char *target; /* path and query */
    const char *body;
    size_t body_length;
    bool is_repeatable; /* a read, or as harmless as one */
    bool is_tool_call;  /* what its failure says is for the caller only */
    int64_t timeout_ms;
    size_t max_response_bytes;
    gate_then_fn *then;
    void *state;

    /* The outcome. */
    struct gate_net_response response;
    const gate_json *json; /* the answer, an object, when well */
    struct gate_scalekit_failure failure;

    /* While it runs. */
    gate_scalekit *scalekit;
    struct gate_net_request request;
    struct gate_net_header headers[6];
    struct gate_scalekit_token *token;
    int64_t ends_ms;
    int64_t patience_ms; /* how long this attempt's answer may take */
    struct gate_breaker_pass pass;
    int64_t began_ms; /* this attempt, monotonic */
    int attempts;
    bool has_renewed;
    enum gate_err err;
};

/* Make a GET (repeatable) or POST (not) with the limits of control calls. */
struct gate_scalekit_call *gate_scalekit_call_make(struct gate_ctx *ctx, gate_scalekit *scalekit,
                                                   const char *method, const char *target);
/* Add one query parameter; a NULL value adds nothing. */
void gate_scalekit_call_query_add(struct gate_ctx *ctx, struct gate_scalekit_call *call,
                                  const char *name, const char *value);

struct gate_scalekit_field {
    const char *name;
    const char *text; /* NULL: leave out */
};

/* The body is one JSON object; its members are written between these two. */
void gate_scalekit_call_body_open(struct gate_ctx *ctx, struct gate_scalekit_call *call,
                                  struct gate_json_writer *writer);
void gate_scalekit_call_body_close(struct gate_scalekit_call *call,
                                   struct gate_json_writer *writer);

/* Set the body to one JSON object of texts. */
void gate_scalekit_call_body_set(struct gate_ctx *ctx, struct gate_scalekit_call *call,
                                 const struct gate_scalekit_field *fields, size_t count);
void gate_scalekit_call_start(struct gate_ctx *ctx, struct gate_scalekit_call *call);

/* answer.c: read what came back into call->json or call->failure, and say what it means. */
enum gate_err gate_scalekit_answer_read(struct gate_ctx *ctx, struct gate_scalekit_call *call);

/* listing.c: all pages of a list, as one array. */
struct gate_scalekit_listing {
    const char *target; /* with filters, without paging */
    int page_size;
    const char *items_name;
    size_t item_bytes;
    /* Read one element; false leaves it out. */
    bool (*read_item)(gate_arena *arena, const gate_json *json, void *item, const void *filter);
    const void *filter;
    gate_then_fn *then;
    void *state;

    /* The outcome. */
    void *items;
    size_t count;

    /* While it runs. */
    gate_scalekit *scalekit;
    size_t capacity;
    int pages;
    const char *page_token;
    struct gate_scalekit_call *call;
};

void gate_scalekit_listing_start(struct gate_ctx *ctx, struct gate_scalekit_listing *listing);

/* How Scalekit's records are read: absent texts become "", absent times 0. */
const char *gate_scalekit_text(const gate_json *object, const char *name);
int64_t gate_scalekit_time(const gate_json *object, const char *name);

#endif
