#include "portal/connecting.h"

#include <assert.h>
#include <string.h>

#include "core/log.h"
#include "core/random.h"
#include "core/text.h"
#include "portal/blame.h"
#include "portal/connector_name.h"
#include "portal/refresh.h"
#include "portal/return_target.h"
#include "portal/state.h"
#include "portal/token.h"
#include "store/authorization.h"
#include "store/connection.h"

#define CALLBACK_PATH "/connect/callback"
#define TOKEN_BYTES 32
#define TOKEN_LENGTH 43 /* in base64url */
#define TOKEN_ALPHABET "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

/* Attempts are kept for a while after they have expired, so that people hear "expired" and not
 * "unknown". */
#define KEEP_EXPIRED_MS ((int64_t)24 * 60 * 60 * 1000)
#define DELETE_AT_ONCE_MAX 20

/* How long looking once more may take when the outcome is known already. */
#define LOOK_AGAIN_MS 3000

static bool is_token(const char *text) {
    return text != NULL && strlen(text) == TOKEN_LENGTH &&
           strspn(text, TOKEN_ALPHABET) == TOKEN_LENGTH;
}

static struct gate_digest hash_token(const char *text) {
    return gate_digest_make(text, strlen(text));
}

static void limit_time(struct gate_ctx *ctx, int64_t cap_ms) {
    ctx->deadline_ms = gate_clock_monotonic_ms(ctx->clock) + gate_ctx_time_left_ms(ctx, cap_ms);
}

/* The deadline may have gone on a lost answer; what became of it is worth a moment more. */
static void leave_time(struct gate_ctx *ctx, int64_t least_ms) {
    int64_t at_least = gate_clock_monotonic_ms(ctx->clock) + least_ms;
    if (ctx->deadline_ms < at_least) {
        ctx->deadline_ms = at_least;
    }
}

/* ---- how an attempt ended ---- */

#define OUTCOME_WORD_MAX 16

struct ending {
    struct gate_digest state_hash;
    char word[OUTCOME_WORD_MAX];
};

static enum gate_err write_ending(struct gate_ctx *ctx, gate_store_tx *tx, void *state) {
    const struct ending *ending = state;
    return gate_store_authorization_finish(ctx, tx, &ending->state_hash, ending->word);
}

/* For people who look into the database; nothing depends on it, so nobody waits for it. */
static void note_ending(gate_portal *portal, const struct gate_digest *state_hash,
                        const char *word) {
    struct ending ending = {.state_hash = *state_hash};
    assert(strlen(word) < sizeof ending.word);
    strncpy(ending.word, word, sizeof ending.word - 1);
    gate_store_write_later(portal->parts.store, write_ending, &ending, sizeof ending);
}

/* ---- beginning ---- */

struct beginning {
    gate_portal *portal;
    const struct gate_caller *caller;
    const char *connection_name;
    const char *return_to;
    struct gate_connecting_start *ret_start;
    gate_then_fn *then;
    void *state;

    struct gate_connecting_start start;
    const char *state_text;
    struct gate_authorization attempt;
    struct gate_connection connection;
    struct gate_account account;
    enum gate_err link_err;
    struct gate_error link_error;
};

static void end_beginning(struct gate_ctx *ctx, struct beginning *beginning, enum gate_err err) {
    if (err == GATE_OK) {
        *beginning->ret_start = beginning->start;
    }
    beginning->then(ctx, err, beginning->state);
}

/* What needs no consent is connected by asking for it; if it is, there is no link to follow. */
static void after_look(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct beginning *beginning = state;
    gate_error_clear(&ctx->error);
    if (err == GATE_OK && beginning->account.status == GATE_ACCOUNT_ACTIVE) {
        note_ending(beginning->portal, &beginning->attempt.state_hash, "connected");
        beginning->start.link = NULL;
        end_beginning(ctx, beginning, GATE_OK);
        return;
    }
    ctx->error = beginning->link_error;
    end_beginning(ctx, beginning, beginning->link_err);
}

static void after_link(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct beginning *beginning = state;
    err = gate_blame_upstream(err);
    if (err != GATE_OK) {
        note_ending(beginning->portal, &beginning->attempt.state_hash, "no_link");
    }
    if (gate_text_equal(beginning->connection.type, "NO_AUTH")) {
        beginning->link_err = err;
        beginning->link_error = ctx->error;
        gate_portal_account_ask(ctx, beginning->portal, &beginning->caller->user,
                                beginning->connection_name, GATE_ACCOUNT_SOURCE_CONNECT,
                                &beginning->account, after_look, beginning);
        return;
    }
    end_beginning(ctx, beginning, err);
}

static enum gate_err insert_attempt(struct gate_ctx *ctx, gate_store_tx *tx, void *state) {
    struct beginning *beginning = state;
    enum gate_err err = gate_store_authorization_delete_expired(
        ctx, tx, beginning->attempt.created_at - KEEP_EXPIRED_MS, DELETE_AT_ONCE_MAX, NULL);
    if (err != GATE_OK) {
        return err;
    }
    return gate_store_authorization_insert(ctx, tx, &beginning->attempt);
}

static void after_insert(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct beginning *beginning = state;
    const struct gate_portal_parts *parts = &beginning->portal->parts;
    if (err != GATE_OK) {
        end_beginning(ctx, beginning, err);
        return;
    }
    gate_scalekit_magic_link_make(
        ctx, parts->scalekit, beginning->connection_name, beginning->caller->user.identifier,
        gate_arena_printf(ctx->arena, "%s" CALLBACK_PATH, parts->config->public_url),
        beginning->state_text, &beginning->start.link, after_link, beginning);
}

static enum gate_err find_offered(struct gate_ctx *ctx, struct beginning *beginning) {
    gate_store *store = beginning->portal->parts.store;
    struct gate_connection *connection = &beginning->connection;
    gate_store_tx *tx = gate_store_read_begin(store);
    enum gate_err err = gate_store_connection_find(ctx, tx, beginning->connection_name, connection);
    gate_store_read_end(store, tx);
    bool is_offered = err == GATE_OK && connection->enabled &&
                      gate_portal_may_use_connection(beginning->caller, connection->name);
    if (err == GATE_ERR_NOT_FOUND || (err == GATE_OK && !is_offered)) {
        return gate_fail(ctx, GATE_ERR_NOT_FOUND, "There is no connection of that name.");
    }
    return err;
}

static void make_attempt(struct gate_ctx *ctx, struct beginning *beginning,
                         const char *browser_cookie_value) {
    const struct gate_config *config = beginning->portal->parts.config;
    int64_t now = gate_ctx_now_ms(ctx);
    beginning->state_text = gate_random_token_make(ctx->arena, TOKEN_BYTES);
    beginning->start.browser_cookie_value = is_token(browser_cookie_value)
                                                ? browser_cookie_value
                                                : gate_random_token_make(ctx->arena, TOKEN_BYTES);
    beginning->attempt = (struct gate_authorization){
        .state_hash = hash_token(beginning->state_text),
        .browser_hash = hash_token(beginning->start.browser_cookie_value),
        .user_id = beginning->caller->user.id,
        .connection_name = beginning->connection_name,
        .return_to = beginning->start.return_to,
        .created_at = now,
        .expires_at = now + config->authorization_ttl_ms,
    };
}

static void after_catalogue(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct beginning *beginning = state;
    if (err == GATE_OK) {
        err = find_offered(ctx, beginning);
    }
    if (err != GATE_OK) {
        end_beginning(ctx, beginning, err);
        return;
    }
    beginning->start.display_name = beginning->connection.display_name;
    gate_store_write(ctx, beginning->portal->parts.store, insert_attempt, beginning, after_insert,
                     beginning);
}

void gate_portal_connecting_begin(struct gate_ctx *ctx, gate_portal *portal,
                                  const struct gate_caller *caller, const char *connection_name,
                                  const char *return_to, const char *browser_cookie_value,
                                  struct gate_connecting_start *ret_start, gate_then_fn *then,
                                  void *state) {
    assert(caller->has_user);
    struct beginning *beginning = gate_arena_make(ctx->arena, struct beginning);
    *beginning = (struct beginning){.portal = portal,
                                    .caller = caller,
                                    .connection_name = connection_name,
                                    .ret_start = ret_start,
                                    .then = then,
                                    .state = state};
    if (!gate_text_is_empty(return_to) &&
        gate_portal_return_target_check(ctx->arena, portal->parts.config, return_to,
                                        &beginning->start.return_to) != GATE_OK) {
        then(ctx,
             gate_fail(ctx, GATE_ERR_INPUT, "return_to is not an address people may be sent to."),
             state);
        return;
    }
    limit_time(ctx, GATE_CONNECT_TIMEOUT_MS);
    make_attempt(ctx, beginning, browser_cookie_value);
    gate_portal_catalogue_need(ctx, portal, after_catalogue, beginning);
}

/* ---- finishing ---- */

struct finishing {
    gate_portal *portal;
    const struct gate_caller *caller;
    const struct gate_connecting_answer *answer;
    struct gate_connecting_result *ret_result;
    gate_then_fn *then;
    void *state;

    struct gate_digest state_hash;
    enum gate_err use_err; /* what came of spending the attempt */
    struct gate_authorization attempt;
    struct gate_account account;
    enum gate_connecting_outcome outcome; /* if asking does not change it */
};

static const char *const outcome_words[GATE_CONNECTING_OUTCOME_COUNT_] = {
    [GATE_CONNECTING_CONNECTED] = "connected",     [GATE_CONNECTING_WAITING] = "waiting",
    [GATE_CONNECTING_REFUSED] = "refused",         [GATE_CONNECTING_UNKNOWN] = "unknown",
    [GATE_CONNECTING_EXPIRED] = "expired",         [GATE_CONNECTING_REPLAYED] = "replayed",
    [GATE_CONNECTING_OTHER_BROWSER] = "browser",   [GATE_CONNECTING_OTHER_USER] = "user",
    [GATE_CONNECTING_MISMATCH] = "mismatch",       [GATE_CONNECTING_GONE] = "gone",
    [GATE_CONNECTING_UNREACHABLE] = "unreachable", [GATE_CONNECTING_UNCONFIRMED] = "unconfirmed",
};

static const char *find_display_name(struct gate_ctx *ctx, gate_portal *portal,
                                     const char *connection_name) {
    struct gate_connection connection;
    gate_store_tx *tx = gate_store_read_begin(portal->parts.store);
    enum gate_err err = gate_store_connection_find(ctx, tx, connection_name, &connection);
    gate_store_read_end(portal->parts.store, tx);
    return err == GATE_OK ? connection.display_name
                          : gate_connector_display_name_make(ctx->arena, NULL, connection_name);
}

/* Another person's attempt tells nothing, not even its connection. */
static bool may_be_named(const struct finishing *finishing, enum gate_connecting_outcome outcome) {
    return outcome != GATE_CONNECTING_UNKNOWN && outcome != GATE_CONNECTING_OTHER_USER &&
           finishing->attempt.user_id == finishing->caller->user.id;
}

static void end_finishing(struct gate_ctx *ctx, struct finishing *finishing,
                          enum gate_connecting_outcome outcome) {
    struct gate_connecting_result result = {.outcome = outcome};
    gate_error_clear(&ctx->error); /* the outcome says it all */
    if (may_be_named(finishing, outcome)) {
        result.connection_name = finishing->attempt.connection_name;
        result.return_to = finishing->attempt.return_to;
        result.display_name = find_display_name(ctx, finishing->portal, result.connection_name);
    }
    if (finishing->use_err == GATE_OK) {
        note_ending(finishing->portal, &finishing->state_hash, outcome_words[outcome]);
    }
    *finishing->ret_result = result;
    finishing->then(ctx, GATE_OK, finishing->state);
}

static enum gate_err end_refusal(struct gate_ctx *ctx, gate_store_tx *tx, void *state) {
    const struct finishing *finishing = state;
    return gate_store_account_end_refusal(ctx, tx, finishing->caller->user.id,
                                          finishing->attempt.connection_name);
}

static void call_connected(struct gate_ctx *ctx, enum gate_err err, void *state) {
    (void)err; /* a refusal that stays on record is ended by the next call that goes well */
    end_finishing(ctx, state, GATE_CONNECTING_CONNECTED);
}

/* Only Scalekit's own ACTIVE makes it connected. */
static void judge_account(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct finishing *finishing = state;
    if (err == GATE_OK && finishing->account.status == GATE_ACCOUNT_ACTIVE &&
        finishing->account.refused_at != 0) {
        gate_store_write(ctx, finishing->portal->parts.store, end_refusal, finishing,
                         call_connected, finishing);
    } else if (err == GATE_OK && finishing->account.status == GATE_ACCOUNT_ACTIVE) {
        end_finishing(ctx, finishing, GATE_CONNECTING_CONNECTED);
    } else if (err == GATE_OK || err == GATE_ERR_NOT_FOUND) {
        end_finishing(ctx, finishing, GATE_CONNECTING_WAITING);
    } else {
        end_finishing(ctx, finishing, GATE_CONNECTING_UNCONFIRMED);
    }
}

/* The outcome stands; the record was brought up to date for the page that comes next. */
static void keep_outcome(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct finishing *finishing = state;
    (void)err;
    end_finishing(ctx, finishing, finishing->outcome);
}

static void ask(struct gate_ctx *ctx, struct finishing *finishing, gate_then_fn *then) {
    gate_error_clear(&ctx->error);
    gate_portal_account_ask(ctx, finishing->portal, &finishing->caller->user,
                            finishing->attempt.connection_name, GATE_ACCOUNT_SOURCE_CALLBACK,
                            &finishing->account, then, finishing);
}

static void ask_and_keep(struct gate_ctx *ctx, struct finishing *finishing,
                         enum gate_connecting_outcome outcome) {
    finishing->outcome = outcome;
    limit_time(ctx, LOOK_AGAIN_MS);
    ask(ctx, finishing, keep_outcome);
}

/* People get an outcome in words; why it came to that is for the operator. */
static void log_refusal(const struct gate_ctx *ctx, const struct finishing *finishing,
                        enum gate_err err) {
    gate_log_write(
        GATE_LOG_WARN, "verification_failed", GATE_LOG_TEXT("request_id", ctx->request_id),
        GATE_LOG_NUMBER("user", finishing->caller->user.id),
        GATE_LOG_TEXT("connection", finishing->attempt.connection_name),
        GATE_LOG_TEXT("kind", gate_err_name(err)), GATE_LOG_TEXT("error", ctx->error.message));
}

static void after_verify(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct finishing *finishing = state;
    if (err != GATE_OK) {
        log_refusal(ctx, finishing, err);
    }
    switch (err) {
    case GATE_OK:
    case GATE_ERR_OUTCOME_UNKNOWN:
        leave_time(ctx, LOOK_AGAIN_MS);
        ask(ctx, finishing, judge_account);
        return;
    case GATE_ERR_FORBIDDEN:
        ask_and_keep(ctx, finishing, GATE_CONNECTING_MISMATCH);
        return;
    case GATE_ERR_NOT_FOUND:
    case GATE_ERR_INPUT:
    case GATE_ERR_CONFLICT:
    case GATE_ERR_EXPIRED:
        ask_and_keep(ctx, finishing, GATE_CONNECTING_GONE);
        return;
    default:
        end_finishing(ctx, finishing, GATE_CONNECTING_UNREACHABLE);
        return;
    }
}

static bool is_same_browser(const struct finishing *finishing) {
    const char *cookie = finishing->answer->browser_cookie_value;
    if (!is_token(cookie)) {
        return false;
    }
    struct gate_digest hash = hash_token(cookie);
    return gate_digest_equal(&hash, &finishing->attempt.browser_hash);
}

/* Take the answer to pieces. The attempt is spent by now, so none of this can be tried twice. */
static void judge_answer(struct gate_ctx *ctx, struct finishing *finishing) {
    const struct gate_connecting_answer *answer = finishing->answer;
    if (finishing->use_err == GATE_ERR_NOT_FOUND) {
        end_finishing(ctx, finishing, GATE_CONNECTING_UNKNOWN);
    } else if (finishing->attempt.user_id != finishing->caller->user.id) {
        end_finishing(ctx, finishing, GATE_CONNECTING_OTHER_USER);
    } else if (!is_same_browser(finishing)) {
        end_finishing(ctx, finishing, GATE_CONNECTING_OTHER_BROWSER);
    } else if (finishing->use_err == GATE_ERR_CONFLICT) {
        end_finishing(ctx, finishing, GATE_CONNECTING_REPLAYED);
    } else if (finishing->use_err == GATE_ERR_EXPIRED) {
        end_finishing(ctx, finishing, GATE_CONNECTING_EXPIRED);
    } else if (answer->error != NULL) {
        ask_and_keep(ctx, finishing, GATE_CONNECTING_REFUSED);
    } else if (gate_text_is_empty(answer->auth_request_id)) {
        ask(ctx, finishing, judge_account);
    } else {
        gate_scalekit_user_verify(ctx, finishing->portal->parts.scalekit, answer->auth_request_id,
                                  finishing->caller->user.identifier, after_verify, finishing);
    }
}

static enum gate_err spend_attempt(struct gate_ctx *ctx, gate_store_tx *tx, void *state) {
    struct finishing *finishing = state;
    enum gate_err err = gate_store_authorization_use(ctx, tx, &finishing->state_hash,
                                                     gate_ctx_now_ms(ctx), &finishing->attempt);
    finishing->use_err = err;
    if (err == GATE_ERR_CONFLICT || err == GATE_ERR_EXPIRED) {
        err = gate_store_authorization_find(ctx, tx, &finishing->state_hash, &finishing->attempt);
    }
    return err == GATE_ERR_NOT_FOUND ? GATE_OK : err;
}

static void after_spend(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct finishing *finishing = state;
    if (err != GATE_OK) {
        finishing->then(ctx, err, finishing->state);
        return;
    }
    judge_answer(ctx, finishing);
}

void gate_portal_connecting_finish(struct gate_ctx *ctx, gate_portal *portal,
                                   const struct gate_caller *caller,
                                   const struct gate_connecting_answer *answer,
                                   struct gate_connecting_result *ret_result, gate_then_fn *then,
                                   void *state) {
    assert(caller->has_user);
    struct finishing *finishing = gate_arena_make(ctx->arena, struct finishing);
    *finishing = (struct finishing){.portal = portal,
                                    .caller = caller,
                                    .answer = answer,
                                    .ret_result = ret_result,
                                    .then = then,
                                    .state = state};
    if (!is_token(answer->state)) {
        finishing->use_err = GATE_ERR_NOT_FOUND;
        end_finishing(ctx, finishing, GATE_CONNECTING_UNKNOWN);
        return;
    }
    limit_time(ctx, GATE_CONTROL_TIMEOUT_MS);
    finishing->state_hash = hash_token(answer->state);
    gate_store_write(ctx, portal->parts.store, spend_attempt, finishing, after_spend, finishing);
}
