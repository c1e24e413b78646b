#include "portal/token.h"

#include <string.h>

#include "core/encoding.h"
#include "core/random.h"
#include "core/text.h"
#include "portal/bearer.h"
#include "portal/state.h"

#define TOKEN_PREFIX_PERSONAL "ghp_"
#define TOKEN_PREFIX_SERVICE "ghs_"
#define TOKEN_RANDOM_BYTES 32
#define TOKEN_SHOWN_BYTES                                                                          \
    10 /* "ghp_" and six characters: 36 of 256 bits, of no use to a guesser                        \
        */
#define TOUCH_EVERY_MS 60000

struct touch {
    int64_t token_id;
    int64_t now_ms;
};

static enum gate_err touch_token(struct gate_ctx *ctx, gate_store_tx *tx, void *state) {
    const struct touch *touch = state;
    return gate_store_token_touch(ctx, tx, touch->token_id, touch->now_ms);
}

/* Every request would be a write otherwise; to the minute is enough for "last used". */
static void note_use(gate_portal *portal, const struct gate_token *token, int64_t now_ms) {
    if (now_ms - token->last_used_at < TOUCH_EVERY_MS) {
        return;
    }
    struct touch touch = {token->id, now_ms};
    gate_store_write_later(portal->parts.store, touch_token, &touch, sizeof touch);
}

static bool looks_like_token(const char *bearer) {
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    size_t length = strlen(bearer);
    return length < GATE_TOKEN_TEXT_MAX_BYTES && strspn(bearer, plain) == length &&
           (gate_text_starts_with(bearer, TOKEN_PREFIX_PERSONAL) ||
            gate_text_starts_with(bearer, TOKEN_PREFIX_SERVICE));
}

static void fold_case(char *text) {
    for (; *text != '\0'; text++) {
        *text = *text >= 'A' && *text <= 'Z' ? (char)(*text - 'A' + 'a') : *text;
    }
}

/* Whoever reads the name further on may ignore case, so a rule to deny does. */
static bool denies(const char *pattern, size_t length, const char *text) {
    char folded_pattern[GATE_IDENTIFIER_MAX_BYTES + 1];
    char folded_text[GATE_CONNECTION_NAME_MAX_BYTES + GATE_TOOL_NAME_MAX_BYTES + 1];
    size_t text_length = strlen(text);
    if (length >= sizeof folded_pattern || text_length >= sizeof folded_text) {
        return true; /* what cannot be checked is not let through */
    }
    memcpy(folded_pattern, pattern, length);
    folded_pattern[length] = '\0';
    memcpy(folded_text, text, text_length + 1);
    fold_case(folded_pattern);
    fold_case(folded_text);
    return gate_text_matches(folded_pattern, folded_text);
}

static bool allows(const char *pattern, size_t length, const char *text) {
    char copy[GATE_IDENTIFIER_MAX_BYTES + 1];
    if (length == 0 || length >= sizeof copy) {
        return false;
    }
    memcpy(copy, pattern, length);
    copy[length] = '\0';
    return gate_text_matches(copy, text);
}

/* What a list of rules says about a name. The list is read to its end: a rule to deny counts
 * wherever it stands. */
struct verdict {
    bool allowed;
    const char *denied_by; /* the pattern behind '!', not terminated; NULL: none */
    size_t denied_by_length;
};

static struct verdict judge(const char *rules, const char *text) {
    struct verdict verdict = {0};
    bool matches = false;
    while (rules != NULL && *rules != '\0') {
        rules += strspn(rules, " ");
        size_t length = strcspn(rules, " ");
        if (*rules != GATE_RULE_DENY) {
            matches = matches || allows(rules, length, text);
        } else if (verdict.denied_by == NULL && denies(rules + 1, length - 1, text)) {
            verdict.denied_by = rules + 1;
            verdict.denied_by_length = length - 1;
        }
        rules += length;
    }
    verdict.allowed = matches && verdict.denied_by == NULL;
    return verdict;
}

static bool rules_allow(const char *rules, const char *text) {
    return judge(rules, text).allowed;
}

/* Refuse, naming the rule: which list, and the pattern that denies if one does. */
static enum gate_err refuse(struct gate_ctx *ctx, const char *rules, const char *text,
                            const char *what, const char *list) {
    struct verdict verdict = judge(rules, text);
    if (verdict.denied_by == NULL) {
        return gate_fail(ctx, GATE_ERR_FORBIDDEN, "This token may not %s (rule: %s).", what, list);
    }
    return gate_fail(ctx, GATE_ERR_FORBIDDEN, "This token may not %s (rule: %s, !%.*s).", what,
                     list, (int)verdict.denied_by_length, verdict.denied_by);
}

static enum gate_err find_by_text(struct gate_ctx *ctx, gate_portal *portal, const char *text,
                                  struct gate_caller *caller) {
    if (!looks_like_token(text)) {
        return GATE_ERR_UNAUTHENTICATED;
    }
    /* The store compares hashes of 256 random bits, so timing tells nothing about a token's text.
     */
    struct gate_digest hash = gate_digest_make(text, strlen(text));
    gate_store_tx *tx = gate_store_read_begin(portal->parts.store);
    enum gate_err err = gate_store_token_find_by_hash(ctx, tx, &hash, gate_ctx_now_ms(ctx),
                                                      &caller->token, &caller->user);
    gate_store_read_end(portal->parts.store, tx);
    return err;
}

/* The words that the rules still allow. They are plain words (gate_bearer_open sees to it), so that
 * none of them is taken for a rule itself. */
static const char *narrow_scopes(gate_arena *arena, const char *rules, const char *words) {
    char *kept = gate_arena_alloc(arena, strlen(words) + 1);
    size_t kept_length = 0;
    for (words += strspn(words, " "); *words != '\0'; words += strspn(words, " ")) {
        size_t length = strcspn(words, " ");
        if (rules_allow(rules, gate_arena_strndup(arena, words, length))) {
            memcpy(kept + kept_length, words, length);
            kept[kept_length + length] = ' ';
            kept_length += length + 1;
        }
        words += length;
    }
    kept[kept_length == 0 ? 0 : kept_length - 1] = '\0';
    return kept;
}

/* A bearer has no power of its own: the token behind it is read, and with it its rules as they are
 * now. */
static enum gate_err find_behind_bearer(struct gate_ctx *ctx, gate_portal *portal, const char *text,
                                        struct gate_caller *caller) {
    struct gate_bearer *bearer = gate_arena_make(ctx->arena, struct gate_bearer);
    struct gate_token *token = &caller->token;
    int64_t now_ms = gate_ctx_now_ms(ctx);
    if (gate_bearer_open(ctx->arena, portal, text, now_ms, bearer) != GATE_OK) {
        return GATE_ERR_UNAUTHENTICATED;
    }
    gate_store_tx *tx = gate_store_read_begin(portal->parts.store);
    enum gate_err err =
        gate_store_token_find_by_public_id(ctx, tx, bearer->token_public_id, now_ms, token);
    gate_store_read_end(portal->parts.store, tx);
    if (err != GATE_OK) {
        return err;
    }
    if (token->kind != GATE_TOKEN_SERVICE) {
        return GATE_ERR_UNAUTHENTICATED;
    }
    if (bearer->scopes != NULL) {
        token->scopes = narrow_scopes(ctx->arena, token->scopes, bearer->scopes);
    }
    if (token->expires_at == 0 || token->expires_at > bearer->expires_at) {
        token->expires_at = bearer->expires_at;
    }
    caller->bearer = bearer;
    return GATE_OK;
}

enum gate_err gate_portal_token_find(struct gate_ctx *ctx, gate_portal *portal, const char *bearer,
                                     struct gate_caller *ret_caller) {
    struct gate_caller caller = {.kind = GATE_CALLER_NOBODY};
    enum gate_err err = gate_text_starts_with(bearer, GATE_BEARER_PREFIX)
                            ? find_behind_bearer(ctx, portal, bearer, &caller)
                            : find_by_text(ctx, portal, bearer, &caller);
    if (err == GATE_ERR_NOT_FOUND || err == GATE_ERR_EXPIRED || err == GATE_ERR_FORBIDDEN) {
        return GATE_ERR_UNAUTHENTICATED;
    }
    if (err != GATE_OK) {
        return err;
    }
    caller.has_user = caller.token.kind == GATE_TOKEN_PERSONAL;
    caller.kind = caller.has_user ? GATE_CALLER_PERSONAL_TOKEN : GATE_CALLER_SERVICE_TOKEN;
    note_use(portal, &caller.token, gate_ctx_now_ms(ctx));
    *ret_caller = caller;
    return GATE_OK;
}

enum gate_err gate_portal_user_check(struct gate_ctx *ctx, const struct gate_caller *caller,
                                     const char *identifier) {
    const char *bound_to = gate_caller_bound_identifier(caller);
    if (bound_to != NULL && !gate_text_equal(bound_to, identifier)) {
        return gate_fail(ctx, GATE_ERR_FORBIDDEN,
                         "This access token acts for one user alone, and that is another.");
    }
    return rules_allow(caller->token.identifiers, identifier)
               ? GATE_OK
               : refuse(ctx, caller->token.identifiers, identifier, "act for that user", "users");
}

struct acting {
    gate_portal *portal;
    struct gate_caller *caller;
    const char *identifier;
    struct gate_user user;
    gate_then_fn *then;
    void *state;
};

static enum gate_err ensure_user(struct gate_ctx *ctx, gate_store_tx *tx, void *state) {
    struct acting *acting = state;
    return gate_store_user_ensure(ctx, tx, acting->identifier, gate_ctx_now_ms(ctx), &acting->user);
}

static void finish_acting(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct acting *acting = state;
    if (err == GATE_OK && acting->user.suspended_at != 0) {
        err = gate_fail(ctx, GATE_ERR_FORBIDDEN, "This user is suspended.");
    }
    if (err == GATE_OK) {
        acting->caller->user = acting->user;
        acting->caller->has_user = true;
    }
    acting->then(ctx, err, acting->state);
}

bool gate_portal_caller_holds(struct gate_ctx *ctx, gate_portal *portal,
                              const struct gate_caller *caller) {
    struct gate_ctx *scratch = gate_ctx_new(ctx->clock, ctx->runqueue, ctx->request_id);
    struct gate_token token;
    struct gate_user user = {0};
    gate_store_tx *tx = gate_store_read_begin(portal->parts.store);
    enum gate_err err = gate_store_token_find_by_public_id(scratch, tx, caller->token.public_id,
                                                           gate_ctx_now_ms(ctx), &token);
    if (err == GATE_OK) {
        err = gate_store_user_find(scratch, tx, caller->user.id, &user);
    }
    gate_store_read_end(portal->parts.store, tx);
    gate_ctx_free(scratch);
    return err != GATE_ERR_FORBIDDEN && err != GATE_ERR_EXPIRED && err != GATE_ERR_NOT_FOUND &&
           user.suspended_at == 0;
}

bool gate_portal_may_act_for(const struct gate_caller *caller, const char *identifier) {
    const char *bound_to = gate_caller_bound_identifier(caller);
    return caller->kind == GATE_CALLER_SERVICE_TOKEN && !gate_text_is_empty(identifier) &&
           (bound_to == NULL || gate_text_equal(bound_to, identifier)) &&
           rules_allow(caller->token.identifiers, identifier);
}

void gate_portal_token_act_for(struct gate_ctx *ctx, gate_portal *portal,
                               struct gate_caller *caller, const char *identifier,
                               struct gate_quota *quota, gate_then_fn *then, void *state) {
    enum gate_err err = gate_portal_user_check(ctx, caller, identifier);
    if (err != GATE_OK) {
        then(ctx, err, state);
        return;
    }
    struct acting *acting = gate_arena_make(ctx->arena, struct acting);
    *acting = (struct acting){
        .portal = portal,
        .caller = caller,
        .identifier = identifier,
        .then = then,
        .state = state,
    };
    gate_store_tx *tx = gate_store_read_begin(portal->parts.store);
    err = gate_store_user_find_by_identifier(ctx, tx, identifier, &acting->user);
    gate_store_read_end(portal->parts.store, tx);
    if (err == GATE_ERR_NOT_FOUND) {
        err = gate_portal_admit_new_user(ctx, portal, caller, quota);
        if (err != GATE_OK) {
            then(ctx, err, state);
            return;
        }
        gate_store_write(ctx, portal->parts.store, ensure_user, acting, finish_acting, acting);
        return;
    }
    finish_acting(ctx, err, acting);
}

struct making {
    struct gate_digest hash;
    struct gate_token token;
    const char *text;
    const char **ret_text;
    const char **ret_public_id;
    gate_then_fn *then;
    void *state;
};

static enum gate_err insert_token(struct gate_ctx *ctx, gate_store_tx *tx, void *state) {
    struct making *making = state;
    int64_t id;
    return gate_store_token_insert(ctx, tx, &making->hash, &making->token, &id);
}

static void finish_making(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct making *making = state;
    if (err == GATE_OK) {
        *making->ret_text = making->text;
        *making->ret_public_id = making->token.public_id;
    }
    making->then(ctx, err, making->state);
}

/* A word that is too long would never match anything; better said when the token is made. */
static enum gate_err check_list(struct gate_ctx *ctx, const char *list) {
    if (list == NULL) {
        return GATE_OK;
    }
    size_t length = strlen(list);
    if (!gate_text_is_one_line(list, length) || !gate_text_is_utf8(list, length)) {
        return gate_fail(
            ctx, GATE_ERR_INPUT,
            "A list of a token's rules must be words on one line, with spaces between.");
    }
    size_t count = 0;
    for (list += strspn(list, " "); *list != '\0'; list += strspn(list, " ")) {
        list += *list == GATE_RULE_DENY;
        length = strcspn(list, " ");
        count++;
        if (length == 0 || *list == GATE_RULE_DENY) {
            return gate_fail(
                ctx, GATE_ERR_INPUT,
                "A rule that denies is one '!' and a pattern, without a space between.");
        }
        if (length > GATE_IDENTIFIER_MAX_BYTES) {
            return gate_fail(ctx, GATE_ERR_TOO_LARGE,
                             "An entry of a token's rules is longer than %d bytes.",
                             GATE_IDENTIFIER_MAX_BYTES);
        }
        list += length;
    }
    if (count > GATE_TOKEN_RULES_MAX) {
        return gate_fail(ctx, GATE_ERR_TOO_LARGE,
                         "A list of a token's rules has more than %d entries.",
                         GATE_TOKEN_RULES_MAX);
    }
    return GATE_OK;
}

static enum gate_err check_wish(struct gate_ctx *ctx, const struct gate_token_wish *wish) {
    size_t label_length = wish->label == NULL ? 0 : strlen(wish->label);
    if (label_length == 0 || label_length > GATE_LABEL_MAX_BYTES ||
        !gate_text_is_one_line(wish->label, label_length) ||
        !gate_text_is_utf8(wish->label, label_length)) {
        return gate_fail(ctx, GATE_ERR_INPUT,
                         "A token needs a label of one line, at most %d bytes.",
                         GATE_LABEL_MAX_BYTES);
    }
    const char *const lists[] = {wish->scopes, wish->connections, wish->tools, wish->identifiers};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        enum gate_err err = check_list(ctx, lists[i]);
        if (err != GATE_OK) {
            return err;
        }
    }
    if ((wish->kind == GATE_TOKEN_PERSONAL) != (wish->owner_user_id != 0)) {
        return gate_fail(ctx, GATE_ERR_INPUT,
                         "A personal token has an owner, a service token none.");
    }
    if (wish->expires_at != 0 && wish->expires_at <= gate_ctx_now_ms(ctx)) {
        return gate_fail(ctx, GATE_ERR_INPUT, "The token would have expired already.");
    }
    if (wish->calls_per_minute < 0 || wish->calls_per_minute > GATE_CALLS_PER_MINUTE_MAX) {
        return gate_fail(ctx, GATE_ERR_INPUT, "A token's rate is from 0 to %d calls per minute.",
                         GATE_CALLS_PER_MINUTE_MAX);
    }
    return GATE_OK;
}

void gate_portal_token_make(struct gate_ctx *ctx, gate_portal *portal,
                            const struct gate_token_wish *wish, const char **ret_text,
                            const char **ret_public_id, gate_then_fn *then, void *state) {
    enum gate_err err = check_wish(ctx, wish);
    if (err != GATE_OK) {
        then(ctx, err, state);
        return;
    }
    struct making *making = gate_arena_make(ctx->arena, struct making);
    const char *prefix =
        wish->kind == GATE_TOKEN_PERSONAL ? TOKEN_PREFIX_PERSONAL : TOKEN_PREFIX_SERVICE;
    making->text = gate_arena_printf(ctx->arena, "%s%s", prefix,
                                     gate_random_token_make(ctx->arena, TOKEN_RANDOM_BYTES));
    making->hash = gate_digest_make(making->text, strlen(making->text));
    making->token = (struct gate_token){
        .public_id =
            gate_arena_printf(ctx->arena, "tok_%s", gate_random_token_make(ctx->arena, 12)),
        .prefix = gate_arena_strndup(ctx->arena, making->text, TOKEN_SHOWN_BYTES),
        .label = gate_arena_strdup(ctx->arena, wish->label),
        .kind = wish->kind,
        .owner_user_id = wish->owner_user_id,
        .scopes = wish->scopes,
        .connections = wish->connections,
        .tools = wish->tools,
        .identifiers = wish->identifiers,
        .created_at = gate_ctx_now_ms(ctx),
        .expires_at = wish->expires_at,
        .calls_per_minute = wish->calls_per_minute,
    };
    making->ret_text = ret_text;
    making->ret_public_id = ret_public_id;
    making->then = then;
    making->state = state;
    gate_store_write(ctx, portal->parts.store, insert_token, making, finish_making, making);
}

static bool is_token(const struct gate_caller *caller) {
    return caller->kind == GATE_CALLER_PERSONAL_TOKEN || caller->kind == GATE_CALLER_SERVICE_TOKEN;
}

bool gate_portal_may_use_connection(const struct gate_caller *caller, const char *connection_name) {
    if (caller->kind == GATE_CALLER_BROWSER) {
        return true;
    }
    return is_token(caller) && rules_allow(caller->token.connections, connection_name);
}

bool gate_portal_may_use_tool(const struct gate_caller *caller, const char *connection_name,
                              const char *tool_name) {
    if (caller->kind == GATE_CALLER_BROWSER) {
        return true;
    }
    return is_token(caller) && gate_portal_may_use_connection(caller, connection_name) &&
           rules_allow(caller->token.tools, tool_name);
}

bool gate_portal_has_scope(const struct gate_caller *caller, const char *scope) {
    if (caller->kind == GATE_CALLER_BROWSER) {
        return true;
    }
    return is_token(caller) && rules_allow(caller->token.scopes, scope);
}

enum gate_err gate_portal_connection_check(struct gate_ctx *ctx, const struct gate_caller *caller,
                                           const char *connection_name) {
    return gate_portal_may_use_connection(caller, connection_name)
               ? GATE_OK
               : refuse(ctx, caller->token.connections, connection_name, "use that connection",
                        "connections");
}

enum gate_err gate_portal_tool_check(struct gate_ctx *ctx, const struct gate_caller *caller,
                                     const char *connection_name, const char *tool_name) {
    enum gate_err err = gate_portal_connection_check(ctx, caller, connection_name);
    if (err != GATE_OK || gate_portal_may_use_tool(caller, connection_name, tool_name)) {
        return err;
    }
    return refuse(ctx, caller->token.tools, tool_name, "run that tool", "tools");
}

enum gate_err gate_portal_scope_check(struct gate_ctx *ctx, const struct gate_caller *caller,
                                      const char *scope, const char *what) {
    return gate_portal_has_scope(caller, scope)
               ? GATE_OK
               : gate_fail(ctx, GATE_ERR_FORBIDDEN, "This token may not %s (rule: scope %s).", what,
                           scope);
}
