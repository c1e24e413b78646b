/* Calls that come with a key: run once, whatever happens to the caller, the answer or this process
 * in between. For tool calls now; nothing here knows what is being run.
 *
 * A key belongs to one token acting for one user (or one browser's user); the same text from
 * anybody else is another key. It holds for GATE_IDEMPOTENCY_LIFE_MS. That a call starts is on disk
 * before gate_portal_idempotency_begin lets it run, and how it ended before
 * gate_portal_idempotency_end continues; what a process left "started" when it died is of unknown
 * outcome to the next one. Keys are kept as hashes, requests as keyed hashes, answers sealed and
 * bound to their row.
 *
 * Threads: locked inside the store. Errors: GATE_ERR_INPUT (no proper key), GATE_ERR_KEY_REUSED,
 * GATE_ERR_KEY_RUNNING, GATE_ERR_KEY_OUTCOME_UNKNOWN, GATE_ERR_KEY_ANSWER_GONE, GATE_ERR_BUSY (more
 * keys than GATE_IDEMPOTENCY_KEYS_…_MAX), GATE_ERR_STORE; the sentences are for callers. Logs: an
 * end that could not be recorded.
 */
#ifndef GATE_PORTAL_IDEMPOTENCY_H
#define GATE_PORTAL_IDEMPOTENCY_H

#include "portal/caller.h"
#include "portal/portal.h"

/* A call under way under a key. */
typedef struct gate_keyed_call gate_keyed_call;

/* What came with the key. */
struct gate_keyed_request {
    const char *key;       /* as sent */
    const char *operation; /* what is asked for beside the body: "POST /api/v1/execute_tool" */
    struct gate_digest body_hash; /* of the exact bytes */
};

/* What is answered; to the portal just a number, a word and bytes. */
struct gate_keyed_answer {
    int status;
    const char *content_type;
    const char *body;
    size_t body_length;
};

struct gate_keyed_start {
    gate_keyed_call *call; /* to be run, then ended; NULL: `answer` is what was answered before */
    struct gate_keyed_answer answer;
};

/* What a call would meet under a key. */
enum gate_key_state {
    GATE_KEY_FREE,     /* it would run */
    GATE_KEY_ANSWERED, /* the answer would be repeated */
    GATE_KEY_REUSED,
    GATE_KEY_RUNNING,
    GATE_KEY_OUTCOME_UNKNOWN,
    GATE_KEY_ANSWER_GONE,
    GATE_KEY_NO_ROOM, /* the caller, or everybody together, has too many keys */
    GATE_KEY_STATE_COUNT_,
};

/* How a call has ended. */
enum gate_keyed_end {
    GATE_KEYED_UNKNOWN, /* it may have had an effect, and nobody knows */
    GATE_KEYED_KEEP,    /* this answer is final */
    GATE_KEYED_RELEASE, /* nothing was done; the next one with this key runs */
};

/* Begin a call under a key, or find out why not. The caller must have a user. `request`'s texts
 * must stay until `then`. */
void gate_portal_idempotency_begin(struct gate_ctx *ctx, gate_portal *portal,
                                   const struct gate_caller *caller,
                                   const struct gate_keyed_request *request,
                                   struct gate_keyed_start *ret_start, gate_then_fn *then,
                                   void *state);

/* Say what gate_portal_idempotency_begin would come to now, without taking the key. GATE_ERR_INPUT,
 * GATE_ERR_FORBIDDEN and GATE_ERR_STORE are failures; what the call would fail with is the state,
 * and `ret_error` has its kind and sentence (GATE_OK: none). */
enum gate_err gate_portal_idempotency_look(struct gate_ctx *ctx, gate_portal *portal,
                                           const struct gate_caller *caller,
                                           const struct gate_keyed_request *request,
                                           enum gate_key_state *ret_state,
                                           struct gate_error *ret_error) GATE_MUST_CHECK;

/* Record how a begun call ended. `answer` counts with GATE_KEYED_KEEP; with a NULL body, or one
 * beyond GATE_IDEMPOTENCY_ANSWER_MAX_BYTES, only that it was carried out is kept. `then` gets an
 * error when it could not be recorded; the call is then of unknown outcome to whoever asks. */
void gate_portal_idempotency_end(struct gate_ctx *ctx, gate_portal *portal, gate_keyed_call *call,
                                 enum gate_keyed_end end, const struct gate_keyed_answer *answer,
                                 gate_then_fn *then, void *state);

/* What the outcome of a call means for its key. `has_left`: the request that may have an effect was
 * sent. */
enum gate_keyed_end gate_portal_idempotency_choose(enum gate_err outcome, bool has_left);

#endif
