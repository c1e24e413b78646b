#include "core/encoding.h"
#include "core/timestamp.h"
#include "portal/access_keys.h"
#include "view/templates.gen.h"
#include "web/page.h"
#include "web/pages/pages.h"
#include "web/pages/token_words.h"
#include "web/problem.h"
#include "web/route.h"
#include "web/state.h"

#define TOKENS_URL "/tokens"

/* ---- the list ---- */

/* Sections that both pages have by the same names. */
static void show_last_use(gate_view_dict *dict, struct gate_ctx *ctx,
                          const struct gate_token *token) {
    if (token->last_used_at == 0) {
        gate_view_show_section(dict, GATE_M_TOKENS_NEVER_USED);
        return;
    }
    gate_view_dict *used = gate_view_add_section(dict, GATE_M_TOKENS_USED);
    gate_view_set(used, GATE_M_TOKENS_USED_ISO,
                  gate_timestamp_format(ctx->arena, token->last_used_at));
    gate_view_set(used, GATE_M_TOKENS_USED_TEXT,
                  gate_page_relative_time(ctx->arena, token->last_used_at, gate_ctx_now_ms(ctx)));
}

static const char *make_revoke_path(gate_arena *arena, const char *public_id) {
    return gate_arena_printf(arena, TOKENS_URL "/%s/revoke", gate_percent_format(arena, public_id));
}

static void show_key(gate_view_dict *key, struct gate_ctx *ctx, const struct gate_token *token) {
    const struct gate_token_words words =
        gate_token_words_make(ctx->arena, token, gate_ctx_now_ms(ctx));
    gate_view_set(key, GATE_M_TOKENS_NAME, token->label);
    gate_view_set(key, GATE_M_TOKENS_PREFIX, token->prefix);
    gate_view_set(key, GATE_M_TOKENS_STATUS_CLASS, words.status_class);
    gate_view_set(key, GATE_M_TOKENS_STATUS_WORD, words.status_word);
    gate_view_set(key, GATE_M_TOKENS_MAY, words.may);
    gate_view_set(key, GATE_M_TOKENS_WHERE, words.where);
    gate_view_set(key, GATE_M_TOKENS_ENDS, words.ends);
    gate_view_set(key, GATE_M_TOKENS_REVOKE_URL, make_revoke_path(ctx->arena, token->public_id));
    if (words.tools != NULL) {
        gate_view_dict *tools = gate_view_add_section(key, GATE_M_TOKENS_TOOLS);
        gate_view_set(tools, GATE_M_TOKENS_TOOLS, words.tools);
    }
    show_last_use(key, ctx, token);
}

/* Those that work, or those that do not. Returns how many. */
static int show_keys(gate_view_dict *body, struct gate_ctx *ctx, const struct gate_token *tokens,
                     size_t count, bool working) {
    gate_view_dict *group = NULL;
    int shown = 0;
    for (size_t i = 0; i < count; i++) {
        if (gate_portal_access_key_works(&tokens[i], gate_ctx_now_ms(ctx)) != working) {
            continue;
        }
        if (group == NULL) {
            group =
                gate_view_add_section(body, working ? GATE_M_TOKENS_WORKING : GATE_M_TOKENS_ENDED);
        }
        shown++;
        show_key(gate_view_add_section(group, GATE_M_TOKENS_KEY), ctx, &tokens[i]);
    }
    if (group != NULL) {
        gate_view_set_integer(group, GATE_M_TOKENS_COUNT, shown);
    }
    return shown;
}

void gate_page_tokens_handle(struct gate_request *request) {
    struct gate_token *tokens = NULL;
    size_t count = 0;
    enum gate_err err = gate_portal_access_keys_list(request->ctx, request->web->options.portal,
                                                     &request->caller, &tokens, &count);
    if (err != GATE_OK) {
        gate_request_fail(request, err);
        return;
    }
    struct gate_page page = gate_page_begin(request, GATE_TPL_TOKENS, "Access keys");
    gate_view_set(page.body, GATE_M_TOKENS_NEW_URL, TOKENS_URL "/new");
    int working = show_keys(page.body, request->ctx, tokens, count, true);
    gate_view_show_section(page.body, working > 0 ? GATE_M_TOKENS_MAKE : GATE_M_TOKENS_EMPTY);
    show_keys(page.body, request->ctx, tokens, count, false);
    gate_page_finish(request, &page, 200);
}

/* ---- revoking one ---- */

static void fail(struct gate_request *request, enum gate_err err) {
    if (err != GATE_ERR_NOT_FOUND) {
        gate_request_fail(request, err);
        return;
    }
    gate_page_problem(request, gate_problem_status(err), "This access key is not here",
                      "It is not one of yours, or it ended so long ago that it is no longer kept. "
                      "Nothing was changed.",
                      TOKENS_URL, "See your access keys");
}

static void go_to_list(struct gate_request *request) {
    gate_response_redirect(&request->response, request->ctx->arena, TOKENS_URL);
    gate_request_finish(request);
}

void gate_page_token_revoke_ask_handle(struct gate_request *request) {
    struct gate_ctx *ctx = request->ctx;
    struct gate_token token;
    enum gate_err err = gate_portal_access_key_find(ctx, request->web->options.portal,
                                                    &request->caller, request->route_value, &token);
    if (err != GATE_OK) {
        fail(request, err);
        return;
    }
    if (!gate_portal_access_key_works(&token, gate_ctx_now_ms(ctx))) { /* nothing to end */
        go_to_list(request);
        return;
    }
    struct gate_page page = gate_page_begin(
        request, GATE_TPL_TOKEN_REVOKE, gate_arena_printf(ctx->arena, "Revoke %s", token.label));
    gate_view_set(page.body, GATE_M_TOKEN_REVOKE_NAME, token.label);
    gate_view_set(page.body, GATE_M_TOKEN_REVOKE_PREFIX, token.prefix);
    gate_view_set(page.body, GATE_M_TOKEN_REVOKE_ACTION_URL,
                  make_revoke_path(ctx->arena, token.public_id));
    gate_view_set(page.body, GATE_M_TOKEN_REVOKE_BACK_URL, TOKENS_URL);
    show_last_use(page.body, ctx, &token);
    gate_page_finish(request, &page, 200);
}

struct revoking {
    struct gate_request *request;
    const char *label;
};

static void leave(struct gate_ctx *ctx, enum gate_err err, void *state) {
    (void)ctx;
    struct revoking *revoking = state;
    if (err != GATE_OK) {
        fail(revoking->request, err);
        return;
    }
    gate_page_leave_notice(revoking->request, GATE_NOTICE_KEY_REVOKED, revoking->label);
    go_to_list(revoking->request);
}

void gate_page_token_revoke_handle(struct gate_request *request) {
    struct revoking *revoking = gate_arena_make(request->ctx->arena, struct revoking);
    revoking->request = request;
    gate_portal_access_key_revoke(request->ctx, request->web->options.portal, &request->caller,
                                  request->route_value, &revoking->label, leave, revoking);
}
