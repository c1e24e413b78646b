#include "portal/access_keys.h"

#include "core/text.h"
#include "portal/state.h"

enum gate_err gate_portal_access_keys_list(struct gate_ctx *ctx, gate_portal *portal,
                                           const struct gate_caller *caller,
                                           struct gate_token **ret_tokens, size_t *ret_count) {
    gate_store_tx *tx = gate_store_read_begin(portal->parts.store);
    enum gate_err err =
        gate_store_token_list_by_user(ctx, tx, caller->user.id, ret_tokens, ret_count);
    gate_store_read_end(portal->parts.store, tx);
    return err;
}

/* Nobody has more than a page full of them, so looking through the person's own is enough, and
 * another person's is not found by any mistake in a condition. */
enum gate_err gate_portal_access_key_find(struct gate_ctx *ctx, gate_portal *portal,
                                          const struct gate_caller *caller, const char *public_id,
                                          struct gate_token *ret_token) {
    struct gate_token *tokens = NULL;
    size_t count = 0;
    enum gate_err err = gate_portal_access_keys_list(ctx, portal, caller, &tokens, &count);
    for (size_t i = 0; err == GATE_OK && i < count; i++) {
        if (gate_text_equal(tokens[i].public_id, public_id)) {
            *ret_token = tokens[i];
            return GATE_OK;
        }
    }
    return err != GATE_OK ? err
                          : gate_fail(ctx, GATE_ERR_NOT_FOUND,
                                      "There is no access token of yours with that id.");
}

struct revoking {
    const char *public_id;
    int64_t user_id;
};

static enum gate_err revoke(struct gate_ctx *ctx, gate_store_tx *tx, void *state) {
    const struct revoking *revoking = state;
    return gate_store_token_revoke(ctx, tx, revoking->public_id, revoking->user_id,
                                   gate_ctx_now_ms(ctx));
}

void gate_portal_access_key_revoke(struct gate_ctx *ctx, gate_portal *portal,
                                   const struct gate_caller *caller, const char *public_id,
                                   const char **ret_label, gate_then_fn *then, void *state) {
    struct gate_token token;
    enum gate_err err = gate_portal_access_key_find(ctx, portal, caller, public_id, &token);
    if (err != GATE_OK) {
        then(ctx, err, state);
        return;
    }
    *ret_label = token.label;
    struct revoking *revoking = gate_arena_make(ctx->arena, struct revoking);
    *revoking = (struct revoking){public_id, caller->user.id};
    gate_store_write(ctx, portal->parts.store, revoke, revoking, then, state);
}

bool gate_portal_access_key_works(const struct gate_token *token, int64_t now_ms) {
    return token->revoked_at == 0 && (token->expires_at == 0 || token->expires_at > now_ms);
}
