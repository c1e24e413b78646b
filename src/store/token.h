/* API tokens of persons and of backend services. The store knows the hash of the token only.
 *
 * Owner: strings of results live in ctx->arena. Threads: as the transaction. Errors: the outcomes
 * of _find_by_… and GATE_ERR_NOT_FOUND record nothing.
 */
#ifndef GATE_STORE_TOKEN_H
#define GATE_STORE_TOKEN_H

#include "crypto/digest.h"
#include "store/store.h"
#include "store/user.h"

enum gate_token_kind {
    GATE_TOKEN_PERSONAL, /* acts as its owner */
    GATE_TOKEN_SERVICE,  /* acts as the persons its rules allow */
};

struct gate_token {
    int64_t id;
    const char *public_id; /* "tok_…"; unique, no secret */
    const char *prefix;    /* the first characters, shown to people */
    const char *label;
    enum gate_token_kind kind;
    int64_t owner_user_id;   /* 0 for a service token */
    const char *scopes;      /* space-separated words */
    const char *connections; /* space-separated rules (portal/token.h), as the next two; NULL or "":
                                none allowed */
    const char *tools;
    const char *identifiers;
    int64_t created_at;
    int64_t expires_at;       /* 0: never */
    int64_t last_used_at;     /* 0: never */
    int64_t revoked_at;       /* 0: not revoked */
    int64_t calls_per_minute; /* 0: no limit of its own */
};

/* Record a token. `id`, `last_used_at` and `revoked_at` are not read. GATE_ERR_TOO_LARGE when the
 * owner has GATE_TOKENS_PER_USER_MAX that still work at created_at; as many dead ones are kept, the
 * oldest are dropped. GATE_ERR_CONFLICT when the hash or public_id is taken. */
enum gate_err gate_store_token_insert(struct gate_ctx *ctx, gate_store_tx *tx,
                                      const struct gate_digest *hash,
                                      const struct gate_token *token,
                                      int64_t *ret_id) GATE_MUST_CHECK;

/* Find the token that works at `now_ms`. GATE_ERR_NOT_FOUND for none, GATE_ERR_EXPIRED,
 * GATE_ERR_FORBIDDEN when revoked or the owner is suspended. `ret_owner` is set for a personal
 * token, and has id 0 for a service token. */
enum gate_err gate_store_token_find_by_hash(struct gate_ctx *ctx, gate_store_tx *tx,
                                            const struct gate_digest *hash, int64_t now_ms,
                                            struct gate_token *ret_token,
                                            struct gate_user *ret_owner) GATE_MUST_CHECK;

/* The same by its public id, which proves nothing: for whoever has proven it in another way. */
enum gate_err gate_store_token_find_by_public_id(struct gate_ctx *ctx, gate_store_tx *tx,
                                                 const char *public_id, int64_t now_ms,
                                                 struct gate_token *ret_token) GATE_MUST_CHECK;

/* List up to `max` tokens of anybody in the order of their ids, from the one after `after_id` (0:
 * the first), revoked and expired ones included. */
enum gate_err gate_store_token_list(struct gate_ctx *ctx, gate_store_tx *tx, int64_t after_id,
                                    size_t max, struct gate_token **ret_tokens,
                                    size_t *ret_count) GATE_MUST_CHECK;

/* List a person's tokens, newest first, revoked and expired ones included. */
enum gate_err gate_store_token_list_by_user(struct gate_ctx *ctx, gate_store_tx *tx,
                                            int64_t user_id, struct gate_token **ret_tokens,
                                            size_t *ret_count) GATE_MUST_CHECK;

/* Revoke a token of `owner_user_id`'s (0: anybody's, for the operator). Again is no error and keeps
 * the first time. GATE_ERR_NOT_FOUND when there is none, or when it is another person's. */
enum gate_err gate_store_token_revoke(struct gate_ctx *ctx, gate_store_tx *tx,
                                      const char *public_id, int64_t owner_user_id,
                                      int64_t now_ms) GATE_MUST_CHECK;

/* Note that the token was used. Never moves back; a token that is gone is no error. */
enum gate_err gate_store_token_touch(struct gate_ctx *ctx, gate_store_tx *tx, int64_t id,
                                     int64_t now_ms) GATE_MUST_CHECK;

#endif
