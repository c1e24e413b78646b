#include "portal/idempotency.h"

#include <string.h>

#include "core/encoding.h"
#include "core/log.h"
#include "crypto/seal.h"
#include "portal/state.h"
#include "store/idempotency.h"

struct gate_keyed_call {
    gate_portal *portal;
    struct gate_idempotency row;
    enum gate_keyed_end end;
    gate_then_fn *then;
    void *state;
};

struct starting {
    gate_keyed_call *call;
    struct gate_idempotency found;
    bool is_found;
    bool is_full;
    struct gate_keyed_start *ret_start;
    gate_then_fn *then;
    void *state;
};

/* ---- what is kept ---- */

static enum gate_err check_key(struct gate_ctx *ctx, const char *key) {
    size_t length = strlen(key);
    bool good = length > 0 && length <= GATE_IDEMPOTENCY_KEY_MAX_BYTES;
    for (size_t i = 0; good && i < length; i++) {
        good = key[i] >= ' ' && key[i] <= '~';
    }
    return good ? GATE_OK
                : gate_fail(ctx, GATE_ERR_INPUT,
                            "Idempotency-Key must be 1 to %d printable ASCII characters.",
                            GATE_IDEMPOTENCY_KEY_MAX_BYTES);
}

/* Keyed, so that nobody who gets hold of the file can try out what a request said. */
static struct gate_digest hash_request(gate_arena *arena, const gate_portal *portal,
                                       const struct gate_keyed_request *request) {
    const char *text = gate_arena_printf(
        arena, "%s\n%s",
        gate_hex_format(arena, request->body_hash.bytes, sizeof request->body_hash.bytes),
        request->operation);
    return gate_hmac_make(portal->idempotency_request_key.bytes,
                          sizeof portal->idempotency_request_key.bytes, text, strlen(text));
}

static struct gate_idempotency make_row(struct gate_ctx *ctx, const gate_portal *portal,
                                        const struct gate_caller *caller,
                                        const struct gate_keyed_request *request) {
    int64_t now_ms = gate_ctx_now_ms(ctx);
    return (struct gate_idempotency){
        .user_id = caller->user.id,
        .owner = caller->token.id != 0 ? caller->token.id : -caller->user.id,
        /* Not keyed: a new GATEHOUSE_SECRET must not make old keys look new. */
        .key_hash = gate_digest_make(request->key, strlen(request->key)),
        .request_hash = hash_request(ctx->arena, portal, request),
        .instance = portal->instance,
        .started_at = now_ms,
        .runs_until = now_ms + GATE_IDEMPOTENCY_RUN_MAX_MS,
        .expires_at = now_ms + GATE_IDEMPOTENCY_LIFE_MS,
    };
}

/* All that a sealed answer belongs to: moved to another row, or given another status, it does not
 * open. */
static const char *name_row(gate_arena *arena, const struct gate_idempotency *row) {
    return gate_arena_printf(
        arena, "idempotency %lld %lld %lld %s %s %d %s", (long long)row->id,
        (long long)row->user_id, (long long)row->owner,
        gate_hex_format(arena, row->key_hash.bytes, sizeof row->key_hash.bytes),
        gate_hex_format(arena, row->request_hash.bytes, sizeof row->request_hash.bytes),
        row->status, row->content_type);
}

/* ---- beginning ---- */

static enum gate_err open_answer(struct gate_ctx *ctx, const gate_portal *portal,
                                 const struct gate_idempotency *row,
                                 struct gate_keyed_answer *ret_answer) {
    char *body;
    size_t length;
    if (row->content_type == NULL || row->sealed_answer == NULL ||
        gate_seal_open(ctx->arena, &portal->idempotency_answer_key, name_row(ctx->arena, row),
                       row->sealed_answer, &body, &length) != GATE_OK) {
        return GATE_ERR_INPUT;
    }
    *ret_answer = (struct gate_keyed_answer){
        .status = row->status,
        .content_type = row->content_type,
        .body = body,
        .body_length = length,
    };
    return GATE_OK;
}

static enum gate_err fail_unknown(struct gate_ctx *ctx) {
    return gate_fail(ctx, GATE_ERR_KEY_OUTCOME_UNKNOWN,
                     "A call with this Idempotency-Key was begun and its outcome is not known. See "
                     "in the app whether it took effect; to run it again, use another key.");
}

static enum gate_err fail_gone(struct gate_ctx *ctx) {
    return gate_fail(ctx, GATE_ERR_KEY_ANSWER_GONE,
                     "The call with this Idempotency-Key was carried out, but its answer is no "
                     "longer there. To run it again, use another key.");
}

/* What the call that came first means for this one. */
static enum gate_err judge(struct gate_ctx *ctx, struct starting *starting) {
    const gate_keyed_call *call = starting->call;
    const struct gate_idempotency *found = &starting->found;
    if (!gate_digest_equal(&found->request_hash, &call->row.request_hash)) {
        return gate_fail(ctx, GATE_ERR_KEY_REUSED,
                         "This Idempotency-Key came with another request before; use a new key for "
                         "a new request.");
    }
    switch (found->state) {
    case GATE_IDEMPOTENCY_ANSWERED: {
        struct gate_keyed_answer answer;
        if (open_answer(ctx, call->portal, found, &answer) != GATE_OK) {
            return fail_gone(ctx);
        }
        *starting->ret_start = (struct gate_keyed_start){.answer = answer};
        return GATE_OK;
    }
    case GATE_IDEMPOTENCY_NOT_KEPT:
        return fail_gone(ctx);
    case GATE_IDEMPOTENCY_STARTED:
        if (gate_digest_equal(&found->instance, &call->row.instance) &&
            gate_ctx_now_ms(ctx) < found->runs_until) {
            return gate_fail(ctx, GATE_ERR_KEY_RUNNING,
                             "The call with this Idempotency-Key is still running.");
        }
        return fail_unknown(ctx);
    case GATE_IDEMPOTENCY_UNKNOWN:
        return fail_unknown(ctx);
    }
    return fail_unknown(ctx);
}

/* Looks for the live row of this key. */
static enum gate_err find_row(struct gate_ctx *ctx, gate_store_tx *tx, struct starting *starting) {
    const struct gate_idempotency *row = &starting->call->row;
    enum gate_err err = gate_store_idempotency_find(ctx, tx, row->user_id, row->owner,
                                                    &row->key_hash, &starting->found);
    starting->is_found = err == GATE_OK && starting->found.expires_at > row->started_at;
    return err;
}

/* Looked for again: between reading and here another one with the same key may have come first. On
 * the writer's one thread nobody comes in between. Not an error when the key is taken or there are
 * too many, which would undo the sweeping. */
static enum gate_err start_row(struct gate_ctx *ctx, gate_store_tx *tx, void *state) {
    struct starting *starting = state;
    struct gate_idempotency *row = &starting->call->row;
    enum gate_err err = gate_store_idempotency_delete_expired(ctx, tx, row->started_at,
                                                              GATE_IDEMPOTENCY_SWEEP_MAX, NULL);
    if (err != GATE_OK) {
        return err;
    }
    err = find_row(ctx, tx, starting);
    if (err == GATE_OK && !starting->is_found) {
        err = gate_store_idempotency_delete(ctx, tx, starting->found.id);
        err = err == GATE_OK ? GATE_ERR_NOT_FOUND : err;
    }
    if (err != GATE_ERR_NOT_FOUND) {
        return err;
    }
    err = gate_store_idempotency_insert(ctx, tx, row, &row->id);
    starting->is_full = err == GATE_ERR_BUSY;
    return starting->is_full ? GATE_OK : err;
}

static enum gate_err fail_full(struct gate_ctx *ctx) {
    return gate_fail(ctx, GATE_ERR_BUSY,
                     "Too many Idempotency-Keys in %d hours; they make room as they expire.",
                     (int)(GATE_IDEMPOTENCY_LIFE_MS / 3600000));
}

static void after_start(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct starting *starting = state;
    if (err == GATE_OK && starting->is_found) {
        err = judge(ctx, starting);
    } else if (err == GATE_OK && starting->is_full) {
        err = fail_full(ctx);
    } else if (err == GATE_OK) {
        *starting->ret_start = (struct gate_keyed_start){.call = starting->call};
    }
    starting->then(ctx, err, starting->state);
}

static enum gate_err check_request(struct gate_ctx *ctx, const struct gate_caller *caller,
                                   const struct gate_keyed_request *request) {
    enum gate_err err = check_key(ctx, request->key);
    if (err == GATE_OK && !caller->has_user) {
        err = gate_fail(ctx, GATE_ERR_FORBIDDEN, "An Idempotency-Key needs a user to belong to.");
    }
    return err;
}

static struct starting *make_starting(struct gate_ctx *ctx, gate_portal *portal,
                                      const struct gate_caller *caller,
                                      const struct gate_keyed_request *request,
                                      struct gate_keyed_start *ret_start) {
    struct starting *starting = gate_arena_make(ctx->arena, struct starting);
    starting->call = gate_arena_make(ctx->arena, gate_keyed_call);
    starting->call->portal = portal;
    starting->call->row = make_row(ctx, portal, caller, request);
    starting->ret_start = ret_start;
    return starting;
}

void gate_portal_idempotency_begin(struct gate_ctx *ctx, gate_portal *portal,
                                   const struct gate_caller *caller,
                                   const struct gate_keyed_request *request,
                                   struct gate_keyed_start *ret_start, gate_then_fn *then,
                                   void *state) {
    enum gate_err err = check_request(ctx, caller, request);
    if (err != GATE_OK) {
        then(ctx, err, state);
        return;
    }
    struct starting *starting = make_starting(ctx, portal, caller, request, ret_start);
    starting->then = then;
    starting->state = state;
    /* A repeated request costs the writer nothing. */
    gate_store_tx *tx = gate_store_read_begin(portal->parts.store);
    err = find_row(ctx, tx, starting);
    gate_store_read_end(portal->parts.store, tx);
    if (starting->is_found || (err != GATE_OK && err != GATE_ERR_NOT_FOUND)) {
        after_start(ctx, err, starting);
        return;
    }
    gate_store_write(ctx, portal->parts.store, start_row, starting, after_start, starting);
}

/* ---- looking ---- */

static enum gate_key_state name_state(enum gate_err err) {
    switch (err) {
    case GATE_OK:
        return GATE_KEY_ANSWERED;
    case GATE_ERR_KEY_REUSED:
        return GATE_KEY_REUSED;
    case GATE_ERR_KEY_RUNNING:
        return GATE_KEY_RUNNING;
    case GATE_ERR_KEY_ANSWER_GONE:
        return GATE_KEY_ANSWER_GONE;
    default:
        return GATE_KEY_OUTCOME_UNKNOWN;
    }
}

enum gate_err gate_portal_idempotency_look(struct gate_ctx *ctx, gate_portal *portal,
                                           const struct gate_caller *caller,
                                           const struct gate_keyed_request *request,
                                           enum gate_key_state *ret_state,
                                           struct gate_error *ret_error) {
    enum gate_err err = check_request(ctx, caller, request);
    if (err != GATE_OK) {
        return err;
    }
    struct gate_keyed_start unused;
    struct starting *starting = make_starting(ctx, portal, caller, request, &unused);
    bool has_room = true;
    gate_store_tx *tx = gate_store_read_begin(portal->parts.store);
    err = find_row(ctx, tx, starting);
    if (err == GATE_ERR_NOT_FOUND) {
        err = gate_store_idempotency_has_room(ctx, tx, starting->call->row.owner, &has_room);
    }
    gate_store_read_end(portal->parts.store, tx);
    if (err != GATE_OK) {
        return err;
    }
    *ret_state = GATE_KEY_FREE;
    if (starting->is_found) {
        *ret_state = name_state(judge(ctx, starting));
    } else if (!has_room) {
        *ret_state = GATE_KEY_NO_ROOM;
        (void)fail_full(ctx);
    }
    *ret_error = ctx->error;
    gate_error_clear(&ctx->error);
    return GATE_OK;
}

/* ---- ending ---- */

static enum gate_err end_row(struct gate_ctx *ctx, gate_store_tx *tx, void *state) {
    gate_keyed_call *call = state;
    if (call->end == GATE_KEYED_RELEASE) {
        return gate_store_idempotency_release(ctx, tx, call->row.id, &call->row.instance);
    }
    return gate_store_idempotency_end(ctx, tx, &call->row);
}

/* The call is over, so whoever waits gets the answer in any case; the row stays "started". */
static void after_end(struct gate_ctx *ctx, enum gate_err err, void *state) {
    gate_keyed_call *call = state;
    if (err != GATE_OK) {
        gate_log_write(GATE_LOG_ERROR, "idempotency_not_recorded",
                       GATE_LOG_TEXT("request_id", ctx->request_id),
                       GATE_LOG_TEXT("kind", gate_err_name(err)),
                       GATE_LOG_NUMBER("user", call->row.user_id));
    }
    call->then(ctx, err, call->state);
}

static void fill_answer(struct gate_ctx *ctx, gate_keyed_call *call,
                        const struct gate_keyed_answer *answer) {
    struct gate_idempotency *row = &call->row;
    if (answer->body == NULL || answer->body_length > GATE_IDEMPOTENCY_ANSWER_MAX_BYTES) {
        row->state = GATE_IDEMPOTENCY_NOT_KEPT;
        return;
    }
    row->state = GATE_IDEMPOTENCY_ANSWERED;
    row->status = answer->status;
    row->content_type = answer->content_type;
    row->sealed_answer =
        gate_seal_make(ctx->arena, &call->portal->idempotency_answer_key, name_row(ctx->arena, row),
                       answer->body, answer->body_length);
}

void gate_portal_idempotency_end(struct gate_ctx *ctx, gate_portal *portal, gate_keyed_call *call,
                                 enum gate_keyed_end end, const struct gate_keyed_answer *answer,
                                 gate_then_fn *then, void *state) {
    call->end = end;
    call->then = then;
    call->state = state;
    if (end == GATE_KEYED_KEEP) {
        fill_answer(ctx, call, answer);
    } else {
        call->row.state = GATE_IDEMPOTENCY_UNKNOWN;
    }
    gate_store_write(ctx, portal->parts.store, end_row, call, after_end, call);
}

enum gate_keyed_end gate_portal_idempotency_choose(enum gate_err outcome, bool has_left) {
    switch (outcome) {
    case GATE_OK:
    case GATE_ERR_PROVIDER:
    case GATE_ERR_INPUT:
    case GATE_ERR_NOT_FOUND:
    case GATE_ERR_CONFLICT:
    case GATE_ERR_TOO_LARGE:
        return GATE_KEYED_KEEP;
    case GATE_ERR_OUTCOME_UNKNOWN:
        return GATE_KEYED_UNKNOWN;
    case GATE_ERR_UNAUTHENTICATED:
    case GATE_ERR_FORBIDDEN:
    case GATE_ERR_NEEDS_AUTHORIZATION:
    case GATE_ERR_BUSY:
    case GATE_ERR_RATE_LIMITED:
    case GATE_ERR_UNAVAILABLE:
    case GATE_ERR_TIMEOUT:
        return GATE_KEYED_RELEASE;
    default: /* anything may have happened to what has left */
        return has_left ? GATE_KEYED_UNKNOWN : GATE_KEYED_RELEASE;
    }
}
