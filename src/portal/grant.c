#include "portal/grant.h"

#include <string.h>

#include "core/text.h"
#include "crypto/digest.h"
#include "portal/bearer.h"
#include "portal/state.h"
#include "portal/token.h"

struct granting {
    struct gate_ctx *ctx;
    gate_portal *portal;
    const struct gate_grant_wish *wish;
    struct gate_quota *quota;
    struct gate_grant *grant;
};

/* Guessing is hopeless: a secret has 256 random bits. So nobody is locked out for failing, which a
 * stranger could do to a client whose id is known; and the order below is what keeps strangers from
 * standing in an honest client's way: the secret is looked at first, and costs one hash and one
 * indexed read, no more than any request with a made-up token. The one that is right never meets
 * the limit on failures, however many others fail beside it, from the same address too. Failures
 * leave no row and no object behind; beyond the limit they are told to come later. */
static enum gate_err refuse_client(struct granting *granting) {
    enum gate_err err = gate_portal_admit_failure(granting->ctx, granting->portal,
                                                  granting->wish->address, granting->quota);
    return err != GATE_OK ? err
                          : gate_fail(granting->ctx, GATE_ERR_UNAUTHENTICATED,
                                      "The client is not known, or its secret is wrong.");
}

static bool is_id_of(const char *client_id, const struct gate_caller *caller) {
    const char *public_id = caller->token.public_id;
    return gate_bytes_equal(client_id, strlen(client_id), public_id, strlen(public_id));
}

/* RFC 6749 section 2.3. Found by its secret, whatever the id says, so that time tells nothing about
 * ids. A bearer is no secret of a client's: one that leaked would renew itself for ever. */
static enum gate_err authenticate(struct granting *granting, struct gate_caller *caller) {
    const struct gate_grant_wish *wish = granting->wish;
    if (wish->client_id == NULL || wish->client_secret == NULL) {
        return refuse_client(granting);
    }
    enum gate_err err =
        gate_portal_token_find(granting->ctx, granting->portal, wish->client_secret, caller);
    bool is_known = err == GATE_OK && caller->bearer == NULL && is_id_of(wish->client_id, caller);
    if (is_known) {
        return GATE_OK;
    }
    return err == GATE_OK || err == GATE_ERR_UNAUTHENTICATED ? refuse_client(granting) : err;
}

/* RFC 8693 section 2.1: the party that acts, shown by a token of its own. */
static enum gate_err find_actor(struct granting *granting, struct gate_caller *actor) {
    const struct gate_grant_wish *wish = granting->wish;
    if (wish->actor_kind != GATE_PROOF_ACCESS_TOKEN) {
        return gate_fail(granting->ctx, GATE_ERR_INPUT,
                         "actor_token must be an access token, and actor_token_type say so.");
    }
    enum gate_err err =
        gate_portal_token_find(granting->ctx, granting->portal, wish->actor_token, actor);
    if (err == GATE_ERR_UNAUTHENTICATED) {
        err = gate_portal_admit_failure(granting->ctx, granting->portal, wish->address,
                                        granting->quota);
        return err != GATE_OK ? err
                              : gate_fail(granting->ctx, GATE_ERR_INPUT,
                                          "actor_token is not valid or no longer valid.");
    }
    if (err != GATE_OK) {
        return err;
    }
    bool is_service =
        actor->kind == GATE_CALLER_SERVICE_TOKEN && gate_caller_bound_identifier(actor) == NULL;
    return is_service ? GATE_OK
                      : gate_fail(granting->ctx, GATE_ERR_INPUT,
                                  "actor_token must be a service's; this one acts for a user.");
}

/* Who asks: the client by its secret, or in an exchange the actor by its token. Both must be one.
 */
static enum gate_err find_client(struct granting *granting, struct gate_caller *caller) {
    const struct gate_grant_wish *wish = granting->wish;
    bool has_actor = wish->actor_token != NULL || wish->actor_kind != GATE_PROOF_NONE;
    if (!has_actor) {
        return authenticate(granting, caller);
    }
    struct gate_caller client = {.kind = GATE_CALLER_NOBODY};
    enum gate_err err = wish->client_secret == NULL ? GATE_OK : authenticate(granting, &client);
    if (err == GATE_OK && wish->actor_token == NULL) {
        return gate_fail(granting->ctx, GATE_ERR_INPUT, "actor_token is missing.");
    }
    if (err == GATE_OK) {
        err = find_actor(granting, caller);
    }
    if (err == GATE_OK && wish->client_id != NULL && !is_id_of(wish->client_id, caller)) {
        return gate_fail(granting->ctx, GATE_ERR_INPUT, "actor_token belongs to another client.");
    }
    return err;
}

static enum gate_err check_scope(struct granting *granting, const struct gate_caller *caller) {
    const char *scope = granting->wish->scope;
    if (scope == NULL) {
        return GATE_OK;
    }
    if (!gate_bearer_scopes_are_plain(scope)) {
        granting->grant->refusal = GATE_REFUSED_SCOPE;
        return gate_fail(granting->ctx, GATE_ERR_INPUT,
                         "scope must be words with single spaces between.");
    }
    while (*scope != '\0') {
        size_t length = strcspn(scope, " ");
        const char *word = gate_arena_strndup(granting->ctx->arena, scope, length);
        if (!gate_portal_has_scope(caller, word)) {
            granting->grant->refusal = GATE_REFUSED_SCOPE;
            return gate_fail(granting->ctx, GATE_ERR_FORBIDDEN,
                             "scope asks for more than the token has.");
        }
        scope += length + (scope[length] == ' ');
    }
    return GATE_OK;
}

static enum gate_err check_subject(struct granting *granting, const struct gate_caller *caller) {
    const struct gate_grant_wish *wish = granting->wish;
    const char *identifier = wish->subject_token;
    if (identifier == NULL || wish->subject_kind != GATE_PROOF_IDENTIFIER) {
        return gate_fail(
            granting->ctx, GATE_ERR_INPUT,
            "subject_token must be a user's identifier, and subject_token_type say so.");
    }
    size_t length = strlen(identifier);
    if (length > GATE_IDENTIFIER_MAX_BYTES || !gate_text_is_one_line(identifier, length) ||
        !gate_text_is_utf8(identifier, length)) {
        return gate_fail(granting->ctx, GATE_ERR_INPUT,
                         "An identifier is one line of text of at most %d bytes.",
                         GATE_IDENTIFIER_MAX_BYTES);
    }
    return gate_portal_user_check(granting->ctx, caller, identifier);
}

/* No longer than what it is made from: the token, or the bearer that was shown as actor_token, so
 * that none can be renewed by itself. And no wider: an actor's narrowed scopes are the most. */
static void make_bearer(struct granting *granting, const struct gate_caller *caller) {
    const struct gate_grant_wish *wish = granting->wish;
    struct gate_ctx *ctx = granting->ctx;
    int64_t now_ms = gate_ctx_now_ms(ctx);
    bool is_exchange = wish->kind == GATE_GRANT_TOKEN_EXCHANGE;
    struct gate_bearer bearer = {
        .token_public_id = caller->token.public_id,
        .identifier = is_exchange ? wish->subject_token : NULL,
        .scopes = wish->scope,
        .expires_at = now_ms + GATE_BEARER_LIFE_MS,
    };
    if (caller->token.expires_at != 0 && caller->token.expires_at < bearer.expires_at) {
        bearer.expires_at = caller->token.expires_at;
    }
    if (bearer.scopes == NULL && caller->bearer != NULL) {
        bearer.scopes = caller->bearer->scopes;
    }
    struct gate_grant *grant = granting->grant;
    grant->caller = *caller;
    if (wish->scope != NULL) {
        grant->caller.token.scopes = wish->scope;
    }
    grant->bearer = gate_bearer_make(ctx->arena, granting->portal, &bearer);
    grant->expires_in_s = (bearer.expires_at - now_ms) / 1000;
}

enum gate_err gate_portal_grant(struct gate_ctx *ctx, gate_portal *portal,
                                const struct gate_grant_wish *wish, struct gate_quota *quota,
                                struct gate_grant *grant) {
    struct granting granting = {ctx, portal, wish, quota, grant};
    struct gate_caller caller = {.kind = GATE_CALLER_NOBODY};
    enum gate_err err = find_client(&granting, &caller);
    if (err == GATE_OK && caller.kind != GATE_CALLER_SERVICE_TOKEN) {
        grant->refusal = GATE_REFUSED_CLIENT_KIND;
        return gate_fail(ctx, GATE_ERR_FORBIDDEN, "Only a service token is exchanged for others.");
    }
    if (err == GATE_OK) {
        err = gate_portal_admit_token(ctx, portal, &caller, quota);
    }
    if (err == GATE_OK) {
        err = check_scope(&granting, &caller);
    }
    if (err == GATE_OK && wish->kind == GATE_GRANT_TOKEN_EXCHANGE) {
        err = check_subject(&granting, &caller);
    }
    if (err == GATE_OK) {
        make_bearer(&granting, &caller);
    }
    return err;
}
