#include "portal/session.h"

#include <string.h>

#include "core/encoding.h"
#include "core/text.h"
#include "crypto/seal.h"
#include "portal/code.h"
#include "portal/provider.h"
#include "portal/state.h"

#define TOUCH_INTERVAL_MS (60 * 1000)
#define LOGOUT_QUERY_MAX_BYTES ((size_t)32 * 1024)
/* 32 bytes in base64url. */
#define COOKIE_VALUE_LENGTH 43

struct touch {
    int64_t session_id;
    int64_t user_id;
    int64_t now_ms;
    int64_t idle_expires_at;
};

static enum gate_err touch_session(struct gate_ctx *ctx, gate_store_tx *tx, void *state) {
    const struct touch *touch = state;
    enum gate_err err =
        gate_store_session_touch(ctx, tx, touch->session_id, touch->now_ms, touch->idle_expires_at);
    return err == GATE_OK ? gate_store_user_touch(ctx, tx, touch->user_id, touch->now_ms) : err;
}

/* Not every request is worth a write. */
static void note_seen(gate_portal *portal, const struct gate_session *session, int64_t now_ms) {
    if (now_ms - session->last_seen_at < TOUCH_INTERVAL_MS) {
        return;
    }
    int64_t idle_expires_at = now_ms + portal->parts.config->session_idle_ms;
    struct touch touch = {
        .session_id = session->id,
        .user_id = session->user_id,
        .now_ms = now_ms,
        .idle_expires_at =
            idle_expires_at < session->expires_at ? idle_expires_at : session->expires_at,
    };
    gate_store_write_later(portal->parts.store, touch_session, &touch, sizeof touch);
}

enum gate_err gate_portal_session_find(struct gate_ctx *ctx, gate_portal *portal,
                                       const char *cookie_value, struct gate_caller *ret_caller) {
    if (cookie_value == NULL || strlen(cookie_value) != COOKIE_VALUE_LENGTH) {
        return GATE_ERR_UNAUTHENTICATED;
    }
    int64_t now_ms = gate_ctx_now_ms(ctx);
    struct gate_digest hash = gate_digest_make(cookie_value, COOKIE_VALUE_LENGTH);
    struct gate_caller caller = {.kind = GATE_CALLER_BROWSER, .has_user = true};
    gate_store_tx *tx = gate_store_read_begin(portal->parts.store);
    enum gate_err err =
        gate_store_session_find_by_hash(ctx, tx, &hash, now_ms, &caller.session, &caller.user);
    gate_store_read_end(portal->parts.store, tx);
    if (err != GATE_OK) {
        return err == GATE_ERR_NOT_FOUND ? GATE_ERR_UNAUTHENTICATED : err;
    }
    note_seen(portal, &caller.session, now_ms);
    *ret_caller = caller;
    return GATE_OK;
}

const char *gate_portal_csrf_make(gate_arena *arena, const gate_portal *portal,
                                  const struct gate_caller *caller) {
    struct gate_digest token = gate_hmac_make(portal->csrf_key.bytes, GATE_DIGEST_BYTES,
                                              caller->session.hash.bytes, GATE_DIGEST_BYTES);
    return gate_base64url_format(arena, token.bytes, GATE_DIGEST_BYTES);
}

bool gate_portal_csrf_check(const gate_portal *portal, const struct gate_caller *caller,
                            const char *token) {
    if (token == NULL || caller->kind != GATE_CALLER_BROWSER) {
        return false;
    }
    gate_arena *arena = gate_arena_new();
    const char *expected = gate_portal_csrf_make(arena, portal, caller);
    bool holds = gate_bytes_equal(expected, strlen(expected), token, strlen(token));
    gate_arena_free(arena);
    return holds;
}

/* ---- ending a session ---- */

struct ending {
    gate_portal *portal;
    struct gate_digest hash;
    const char *sealed_id_token;
    struct gate_provider_metadata metadata;
    const char **ret_logout_url;
    gate_then_fn *then;
    void *state;
};

/* The hint lets the provider end the right session without asking; NULL when there is none to be
 * had. */
static const char *open_id_token(gate_arena *arena, const struct ending *ending) {
    const char *bound_to = gate_hex_format(arena, ending->hash.bytes, GATE_DIGEST_BYTES);
    char *token;
    size_t length;
    bool is_open = !gate_text_is_empty(ending->sealed_id_token) &&
                   gate_seal_open(arena, &ending->portal->id_token_key, bound_to,
                                  ending->sealed_id_token, &token, &length) == GATE_OK;
    return is_open ? token : NULL;
}

/* OpenID Connect RP-Initiated Logout 1.0, section 2. */
static const char *make_logout_url(gate_arena *arena, const struct ending *ending) {
    const struct gate_config *config = ending->portal->parts.config;
    const char *endpoint = ending->metadata.end_session_endpoint;
    const char *hint = open_id_token(arena, ending);
    struct gate_buffer query;
    gate_buffer_init(&query, LOGOUT_QUERY_MAX_BYTES);
    gate_code_parameter_write(arena, &query, "client_id", config->oidc_client_id);
    gate_code_parameter_write(arena, &query, "post_logout_redirect_uri",
                              gate_arena_printf(arena, "%s/signed-out", config->public_url));
    if (hint != NULL) {
        gate_code_parameter_write(arena, &query, "id_token_hint", hint);
    }
    const char *url =
        gate_arena_printf(arena, "%s%c%s", endpoint, strchr(endpoint, '?') == NULL ? '?' : '&',
                          gate_buffer_text(&query));
    gate_buffer_done(&query);
    return url;
}

/* The session is gone already: a provider that cannot be asked does not make that a failure. */
static void give_logout_url(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct ending *ending = state;
    if (err != GATE_OK) {
        gate_error_clear(&ctx->error);
    }
    bool has_page = err == GATE_OK && ending->metadata.end_session_endpoint != NULL;
    *ending->ret_logout_url = has_page ? make_logout_url(ctx->arena, ending) : NULL;
    ending->then(ctx, GATE_OK, ending->state);
}

static enum gate_err delete_session(struct gate_ctx *ctx, gate_store_tx *tx, void *state) {
    const struct ending *ending = state;
    return gate_store_session_delete_by_hash(ctx, tx, &ending->hash);
}

static void find_logout_page(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct ending *ending = state;
    if (err != GATE_OK) {
        ending->then(ctx, err, ending->state);
        return;
    }
    gate_provider_metadata_need(ctx, ending->portal->provider, &ending->metadata, give_logout_url,
                                ending);
}

void gate_portal_session_end(struct gate_ctx *ctx, gate_portal *portal,
                             const struct gate_caller *caller, const char **ret_logout_url,
                             gate_then_fn *then, void *state) {
    struct ending *ending = gate_arena_make(ctx->arena, struct ending);
    ending->portal = portal;
    ending->hash = caller->session.hash;
    ending->sealed_id_token = caller->session.sealed_id_token;
    ending->ret_logout_url = ret_logout_url;
    ending->then = then;
    ending->state = state;
    gate_store_write(ctx, portal->parts.store, delete_session, ending, find_logout_page, ending);
}
