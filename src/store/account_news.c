#include "store/account_news.h"

#include "core/text.h"
#include "store/connection.h"
#include "store/statement.h"
#include "store/user.h"

/* How far Scalekit's clock and ours may be apart. */
#define CLOCK_SKEW_MS 5000
#define FUTURE_MAX_MS ((int64_t)5 * 60 * 1000)

int64_t gate_account_told_at(const struct gate_account *account) {
    return account->updated_at > account->event_at ? account->updated_at : account->event_at;
}

static bool is_other_account(const char *a, const char *b) {
    return a != NULL && b != NULL && !gate_text_equal(a, b);
}

static enum gate_err call_unclear(struct gate_ctx *ctx, gate_store_tx *tx,
                                  const struct gate_account_news *news, int64_t now_ms,
                                  enum gate_account_news_outcome *outcome) {
    *outcome = GATE_ACCOUNT_NEWS_UNCLEAR;
    return gate_store_account_want_recheck(ctx, tx, news->user_id, now_ms);
}

/* What an event does not say stays as it is recorded (`recorded` may be all zero). */
static enum gate_err save(struct gate_ctx *ctx, gate_store_tx *tx,
                          const struct gate_account_news *news, const struct gate_account *recorded,
                          int64_t now_ms, enum gate_account_news_outcome *outcome) {
    const struct gate_account account = {
        .user_id = news->user_id,
        .connection_name = news->connection_name,
        .scalekit_id = news->scalekit_id != NULL ? news->scalekit_id : recorded->scalekit_id,
        .authorization_type = news->authorization_type != NULL ? news->authorization_type
                                                               : recorded->authorization_type,
        .status = gate_account_status_parse(news->status),
        .token_expires_at =
            news->token_expires_at != 0 ? news->token_expires_at : recorded->token_expires_at,
        .event_at = news->occurred_at,
        .learned_from = GATE_ACCOUNT_SOURCE_WEBHOOK,
    };
    *outcome = GATE_ACCOUNT_NEWS_TAKEN;
    return gate_store_account_save(ctx, tx, &account, GATE_ACCOUNT_SAVE_ALWAYS, now_ms, NULL);
}

static enum gate_err change(struct gate_ctx *ctx, gate_store_tx *tx,
                            const struct gate_account_news *news,
                            const struct gate_account *recorded, int64_t now_ms,
                            enum gate_account_news_outcome *outcome) {
    static const struct gate_account nothing = {0};
    int64_t told_at = gate_account_told_at(recorded);
    bool is_other = is_other_account(news->scalekit_id, recorded->scalekit_id);
    bool is_same_state = !is_other && gate_account_status_parse(news->status) == recorded->status;
    if (news->occurred_at < told_at) {
        *outcome = GATE_ACCOUNT_NEWS_OLD;
        return GATE_OK;
    }
    if (news->occurred_at == told_at && !is_same_state) {
        return call_unclear(ctx, tx, news, now_ms, outcome);
    }
    return save(ctx, tx, news, is_other ? &nothing : recorded, now_ms, outcome);
}

/* A reading around that time or after it would have had the account, if it was still there. */
static enum gate_err check_read_since(struct gate_ctx *ctx, gate_store_tx *tx,
                                      const struct gate_account_news *news, bool *ret_read) {
    struct gate_user user;
    enum gate_err err = gate_store_user_find(ctx, tx, news->user_id, &user);
    if (err == GATE_OK) {
        *ret_read =
            user.accounts_read_at != 0 && news->occurred_at < user.accounts_read_at + CLOCK_SKEW_MS;
    }
    return err;
}

static enum gate_err add(struct gate_ctx *ctx, gate_store_tx *tx,
                         const struct gate_account_news *news, int64_t now_ms,
                         enum gate_account_news_outcome *outcome) {
    static const struct gate_account nothing = {0};
    struct gate_account_forgotten gone;
    bool was_read_since = false;
    enum gate_err err =
        gate_account_forgotten_find(ctx, tx, news->user_id, news->connection_name, &gone);
    if (err != GATE_OK && err != GATE_ERR_NOT_FOUND) {
        return err;
    }
    bool has_gone = err == GATE_OK;
    bool is_back = has_gone && gate_text_equal(news->scalekit_id, gone.scalekit_id);
    bool is_then = has_gone && news->occurred_at == gone.gone_at;
    if (has_gone && (news->occurred_at < gone.gone_at || (is_then && is_back))) {
        *outcome = GATE_ACCOUNT_NEWS_OLD;
        return GATE_OK;
    }
    err = check_read_since(ctx, tx, news, &was_read_since);
    if (err != GATE_OK) {
        return err;
    }
    return is_back || is_then || was_read_since ? call_unclear(ctx, tx, news, now_ms, outcome)
                                                : save(ctx, tx, news, &nothing, now_ms, outcome);
}

/* An account that is gone does not come back under its id, so the end of the recorded one counts
 * whenever it comes. That of another one is either long past, or there is more to hear. */
static enum gate_err end(struct gate_ctx *ctx, gate_store_tx *tx,
                         const struct gate_account_news *news, const struct gate_account *recorded,
                         int64_t now_ms, enum gate_account_news_outcome *outcome) {
    const struct gate_account_forgotten gone = {news->scalekit_id, news->occurred_at, now_ms};
    bool is_other = recorded != NULL && is_other_account(news->scalekit_id, recorded->scalekit_id);
    if (is_other && news->occurred_at <= gate_account_told_at(recorded)) {
        *outcome = GATE_ACCOUNT_NEWS_OLD;
        return GATE_OK;
    }
    enum gate_err err = GATE_OK;
    if (recorded != NULL && !is_other) {
        err = gate_store_account_forget(ctx, tx, news->user_id, news->connection_name,
                                        GATE_ACCOUNT_SOURCE_WEBHOOK, now_ms, NULL);
    }
    if (err == GATE_OK) {
        err = gate_account_forgotten_save(ctx, tx, news->user_id, news->connection_name, &gone);
    }
    if (err == GATE_OK && is_other) {
        return call_unclear(ctx, tx, news, now_ms, outcome);
    }
    *outcome = GATE_ACCOUNT_NEWS_TAKEN;
    return err;
}

static bool is_whole(const struct gate_account_news *news, int64_t now_ms) {
    return !gate_text_is_empty(news->connection_name) && !gate_text_is_empty(news->scalekit_id) &&
           news->occurred_at != 0 && news->occurred_at <= now_ms + FUTURE_MAX_MS &&
           (news->is_deletion || !gate_text_is_empty(news->status));
}

enum gate_err gate_store_account_news_take(struct gate_ctx *ctx, gate_store_tx *tx,
                                           const struct gate_account_news *news, int64_t now_ms,
                                           enum gate_account_news_outcome *ret_outcome) {
    struct gate_account recorded;
    struct gate_connection connection;
    if (!is_whole(news, now_ms)) {
        return call_unclear(ctx, tx, news, now_ms, ret_outcome);
    }
    enum gate_err err =
        gate_store_account_find(ctx, tx, news->user_id, news->connection_name, &recorded);
    if (err == GATE_OK) {
        return news->is_deletion ? end(ctx, tx, news, &recorded, now_ms, ret_outcome)
                                 : change(ctx, tx, news, &recorded, now_ms, ret_outcome);
    }
    if (err != GATE_ERR_NOT_FOUND) {
        return err;
    }
    /* A name that the catalogue does not have is not kept: only a reading brings new ones. */
    err = gate_store_connection_find(ctx, tx, news->connection_name, &connection);
    if (err == GATE_ERR_NOT_FOUND) {
        return call_unclear(ctx, tx, news, now_ms, ret_outcome);
    }
    if (err != GATE_OK) {
        return err;
    }
    return news->is_deletion ? end(ctx, tx, news, NULL, now_ms, ret_outcome)
                             : add(ctx, tx, news, now_ms, ret_outcome);
}
