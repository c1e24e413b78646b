#include "portal/provider.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/jose.h"
#include "portal/state.h"

#define DOCUMENT_MAX_BYTES ((size_t)512 * 1024)
#define FETCH_TIMEOUT_MS 8000
#define MAX_AGE_MS ((int64_t)60 * 60 * 1000)
#define FAILURE_MAX_AGE_MS 1000
/* An unknown key is reason to look again, but not for everybody who shows one. */
#define KEYS_MIN_INTERVAL_MS 5000

/* A context that waits until somebody else's fetch ends. */
struct waiter {
    struct waiter *next;
    struct gate_ctx *ctx;
    gate_then_fn *then;
    void *state;
};

/* One document that is fetched by the first who needs it, for all who do. Times are monotonic. */
struct document {
    struct waiter *waiters;
    bool is_under_way;
    bool is_present;
    int64_t fetched_ms;
    enum gate_err failure; /* of the last fetch; GATE_OK if it went well */
    int64_t failed_ms;
};

/* Keys in use outlive their replacement. */
struct key_set {
    gate_jwks *jwks;
    int users;
};

struct gate_provider {
    const struct gate_config *config;
    gate_net *net;
    pthread_mutex_t mutex; /* guards all below */
    struct document discovery;
    gate_arena *metadata_arena;
    struct gate_provider_metadata metadata;
    struct document keys;
    struct key_set *key_set;
};

struct gate_provider *gate_provider_new(const struct gate_portal_parts *parts) {
    struct gate_provider *provider = calloc(1, sizeof *provider);
    if (provider == NULL || pthread_mutex_init(&provider->mutex, NULL) != 0) {
        abort();
    }
    provider->config = parts->config;
    provider->net = parts->net;
    return provider;
}

/* With the mutex held, or when nobody else is left. */
static void let_go(struct key_set *set) {
    if (set != NULL && --set->users == 0) {
        gate_jwks_free(set->jwks);
        free(set);
    }
}

void gate_provider_free(struct gate_provider *provider) {
    if (provider == NULL) {
        return;
    }
    gate_arena_free(provider->metadata_arena);
    let_go(provider->key_set);
    pthread_mutex_destroy(&provider->mutex);
    free(provider);
}

/* ---- one fetch for all who need it ---- */

enum turn {
    TURN_USE,   /* there is one that is young enough */
    TURN_FAIL,  /* the last fetch failed a moment ago */
    TURN_WAIT,  /* somebody fetches; `then` will be called */
    TURN_FETCH, /* it is on the caller to fetch, and to call end_fetch */
};

static enum turn take_turn(struct gate_provider *provider, struct document *document,
                           int64_t max_age_ms, struct waiter *waiter, enum gate_err *ret_failure) {
    int64_t now = gate_clock_monotonic_ms(waiter->ctx->clock);
    enum turn turn = TURN_FETCH;
    pthread_mutex_lock(&provider->mutex);
    if (document->is_present && now - document->fetched_ms < max_age_ms) {
        turn = TURN_USE;
    } else if (document->is_under_way) {
        waiter->next = document->waiters;
        document->waiters = waiter;
        turn = TURN_WAIT;
    } else if (document->failure != GATE_OK && now - document->failed_ms < FAILURE_MAX_AGE_MS) {
        *ret_failure = document->failure;
        turn = TURN_FAIL;
    } else {
        document->is_under_way = true;
    }
    pthread_mutex_unlock(&provider->mutex);
    return turn;
}

/* With the mutex held: note how the fetch went; gives those who wait. */
static struct waiter *note_outcome(struct document *document, int64_t now, enum gate_err err) {
    struct waiter *waiters = document->waiters;
    document->waiters = NULL;
    document->is_under_way = false;
    document->failure = err;
    if (err == GATE_OK) {
        document->is_present = true;
        document->fetched_ms = now;
    } else {
        document->failed_ms = now;
    }
    return waiters;
}

static void resume_all(struct waiter *waiters, enum gate_err err, const char *message) {
    while (waiters != NULL) {
        struct waiter *waiter = waiters;
        waiters = waiter->next; /* the waiter is the context's, and gone once that runs */
        if (err != GATE_OK) {
            (void)gate_fail(waiter->ctx, err, "%s", message);
        }
        gate_ctx_resume(waiter->ctx, err, waiter->then, waiter->state);
    }
}

/* ---- fetching a document ---- */

struct fetch {
    struct gate_net_request request;
    struct gate_net_header headers[1];
    struct gate_net_response response;
};

static void fetch_document(struct gate_ctx *ctx, struct gate_provider *provider, const char *url,
                           struct fetch *fetch, gate_then_fn *then, void *state) {
    fetch->headers[0] = (struct gate_net_header){"accept", "application/json"};
    fetch->request = (struct gate_net_request){
        .method = "GET",
        .url = url,
        .headers = fetch->headers,
        .header_count = 1,
        .timeout_ms = FETCH_TIMEOUT_MS,
        .max_response_bytes = DOCUMENT_MAX_BYTES,
        .is_read = true,
    };
    gate_net_fetch(ctx, provider->net, &fetch->request, &fetch->response, then, state);
}

static enum gate_err check_status(struct gate_ctx *ctx, const char *what, int status) {
    if (status == 200) {
        return GATE_OK;
    }
    bool is_passing = status >= 500 || status == 429 || status == 408;
    return gate_fail(ctx, is_passing ? GATE_ERR_UNAVAILABLE : GATE_ERR_UPSTREAM,
                     "The sign-in provider answered %d for its %s.", status, what);
}

/* ---- metadata ---- */

struct metadata_need {
    struct waiter waiter;
    struct fetch fetch;
    struct gate_provider *provider;
    struct gate_provider_metadata *ret_metadata;
    gate_then_fn *then;
    void *state;
};

/* The metadata is there, or will not be. */
static void give_metadata(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct metadata_need *need = state;
    if (err == GATE_OK) {
        pthread_mutex_lock(&need->provider->mutex);
        *need->ret_metadata = gate_provider_metadata_copy(ctx->arena, &need->provider->metadata);
        pthread_mutex_unlock(&need->provider->mutex);
    }
    need->then(ctx, err, need->state);
}

static void end_discovery(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct metadata_need *need = state;
    struct gate_provider *provider = need->provider;
    const struct gate_net_response *response = &need->fetch.response;
    struct gate_provider_metadata metadata;
    if (err == GATE_OK) {
        err = check_status(ctx, "discovery document", response->status);
    }
    if (err == GATE_OK) {
        err = gate_provider_metadata_parse(ctx, provider->config, response->body,
                                           response->body_length, &metadata);
    }
    gate_arena *old = NULL;
    pthread_mutex_lock(&provider->mutex);
    if (err == GATE_OK) {
        old = provider->metadata_arena;
        provider->metadata_arena = gate_arena_new();
        provider->metadata = gate_provider_metadata_copy(provider->metadata_arena, &metadata);
    }
    struct waiter *waiters =
        note_outcome(&provider->discovery, gate_clock_monotonic_ms(ctx->clock), err);
    pthread_mutex_unlock(&provider->mutex);
    gate_arena_free(old);
    resume_all(waiters, err, ctx->error.message);
    give_metadata(ctx, err, need);
}

static const char *make_discovery_url(gate_arena *arena, const char *issuer) {
    size_t length = strlen(issuer);
    int kept = (int)(length - (length > 0 && issuer[length - 1] == '/'));
    return gate_arena_printf(arena, "%.*s/.well-known/openid-configuration", kept, issuer);
}

void gate_provider_metadata_need(struct gate_ctx *ctx, struct gate_provider *provider,
                                 struct gate_provider_metadata *ret_metadata, gate_then_fn *then,
                                 void *state) {
    struct metadata_need *need = gate_arena_make(ctx->arena, struct metadata_need);
    need->waiter = (struct waiter){.ctx = ctx, .then = give_metadata, .state = need};
    need->provider = provider;
    need->ret_metadata = ret_metadata;
    need->then = then;
    need->state = state;
    enum gate_err failure;
    switch (take_turn(provider, &provider->discovery, MAX_AGE_MS, &need->waiter, &failure)) {
    case TURN_WAIT:
        return;
    case TURN_USE:
        give_metadata(ctx, GATE_OK, need);
        return;
    case TURN_FAIL:
        give_metadata(ctx, gate_fail(ctx, failure, "The sign-in provider failed a moment ago."),
                      need);
        return;
    case TURN_FETCH:
        fetch_document(ctx, provider, make_discovery_url(ctx->arena, provider->config->oidc_issuer),
                       &need->fetch, end_discovery, need);
        return;
    }
}

/* ---- keys ---- */

struct verification {
    struct waiter waiter;
    struct fetch fetch;
    struct gate_provider *provider;
    const char *jwks_uri;
    const char *token;
    bool has_looked_again;
    struct gate_provider_payload *ret_payload;
    gate_then_fn *then;
    void *state;
};

static void need_keys(struct gate_ctx *ctx, struct verification *verification, int64_t max_age_ms);

static enum gate_err verify_by_present_keys(struct gate_ctx *ctx, struct gate_provider *provider,
                                            const char *token,
                                            struct gate_provider_payload *ret_payload) {
    pthread_mutex_lock(&provider->mutex);
    struct key_set *set = provider->key_set;
    set->users++;
    pthread_mutex_unlock(&provider->mutex);
    struct gate_provider_payload payload;
    enum gate_err err = gate_jws_verify(ctx, set->jwks, token, &payload.text, &payload.length);
    pthread_mutex_lock(&provider->mutex);
    let_go(set);
    pthread_mutex_unlock(&provider->mutex);
    if (err == GATE_OK) {
        *ret_payload = payload;
    }
    return err;
}

/* The keys are there, or will not be. */
static void verify(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct verification *verification = state;
    if (err == GATE_OK) {
        err = verify_by_present_keys(ctx, verification->provider, verification->token,
                                     verification->ret_payload);
        if (err == GATE_ERR_NOT_FOUND) {
            gate_error_clear(&ctx->error);
            if (!verification->has_looked_again) {
                verification->has_looked_again = true;
                need_keys(ctx, verification, KEYS_MIN_INTERVAL_MS);
                return;
            }
            err = gate_fail(ctx, GATE_ERR_UNAUTHENTICATED,
                            "The token is signed with a key the provider does not publish.");
        }
    }
    verification->then(ctx, err, verification->state);
}

static struct key_set *make_key_set(gate_jwks *jwks) {
    struct key_set *set = calloc(1, sizeof *set);
    if (set == NULL) {
        abort();
    }
    *set = (struct key_set){.jwks = jwks, .users = 1};
    return set;
}

static void end_key_fetch(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct verification *verification = state;
    struct gate_provider *provider = verification->provider;
    const struct gate_net_response *response = &verification->fetch.response;
    gate_jwks *jwks = NULL;
    if (err == GATE_OK) {
        err = check_status(ctx, "keys", response->status);
    }
    if (err == GATE_OK) {
        err = gate_jwks_parse(ctx, response->body, response->body_length, &jwks);
    }
    pthread_mutex_lock(&provider->mutex);
    if (err == GATE_OK) {
        let_go(provider->key_set);
        provider->key_set = make_key_set(jwks);
    }
    struct waiter *waiters =
        note_outcome(&provider->keys, gate_clock_monotonic_ms(ctx->clock), err);
    pthread_mutex_unlock(&provider->mutex);
    resume_all(waiters, err, ctx->error.message);
    verify(ctx, err, verification);
}

static void need_keys(struct gate_ctx *ctx, struct verification *verification, int64_t max_age_ms) {
    struct gate_provider *provider = verification->provider;
    enum gate_err failure;
    switch (take_turn(provider, &provider->keys, max_age_ms, &verification->waiter, &failure)) {
    case TURN_WAIT:
        return;
    case TURN_USE:
        verify(ctx, GATE_OK, verification);
        return;
    case TURN_FAIL:
        verify(ctx, gate_fail(ctx, failure, "The sign-in provider's keys failed a moment ago."),
               verification);
        return;
    case TURN_FETCH:
        fetch_document(ctx, provider, verification->jwks_uri, &verification->fetch, end_key_fetch,
                       verification);
        return;
    }
}

void gate_provider_token_verify(struct gate_ctx *ctx, struct gate_provider *provider,
                                const struct gate_provider_metadata *metadata, const char *token,
                                struct gate_provider_payload *ret_payload, gate_then_fn *then,
                                void *state) {
    struct verification *verification = gate_arena_make(ctx->arena, struct verification);
    verification->waiter = (struct waiter){.ctx = ctx, .then = verify, .state = verification};
    verification->provider = provider;
    verification->jwks_uri = metadata->jwks_uri;
    verification->token = token;
    verification->ret_payload = ret_payload;
    verification->then = then;
    verification->state = state;
    need_keys(ctx, verification, MAX_AGE_MS);
}
