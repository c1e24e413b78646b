#include "store/notice.h"

#include "core/text.h"
#include "store/statement.h"

static struct gate_notice_target read_target(struct gate_statement *row) {
    struct gate_notice_target target;
    target.id = gate_column_number(row);
    target.url = gate_column_text(row);
    target.attempts = gate_column_number(row);
    target.failing_since = gate_column_number(row);
    target.next_at = gate_column_number(row);
    target.last_error = gate_column_text(row);
    target.delivered_at = gate_column_number(row);
    target.disabled_at = gate_column_number(row);
    target.pending = gate_column_number(row);
    target.dropped = gate_column_number(row);
    return target;
}

enum gate_err gate_store_notice_target_list(struct gate_ctx *ctx, gate_store_tx *tx,
                                            struct gate_notice_target **ret_targets,
                                            size_t *ret_count) {
    struct gate_statement statement = gate_statement_open(ctx, tx, GATE_SQL_NOTICE_TARGET_LIST);
    gate_bind_number(&statement, 0);
    gate_bind_number(&statement, GATE_NOTICE_TARGETS_MAX);
    struct gate_notice_target *targets = NULL;
    size_t count = 0;
    enum gate_err err;
    while ((err = gate_statement_next(&statement)) == GATE_OK) {
        targets = gate_rows_grow(ctx->arena, targets, count, sizeof *targets);
        targets[count++] = read_target(&statement);
    }
    if (err != GATE_ERR_NOT_FOUND) {
        return err;
    }
    *ret_targets = targets;
    *ret_count = count;
    return GATE_OK;
}

static bool is_named(const char *const *urls, const char *url) {
    for (; urls != NULL && *urls != NULL; urls++) {
        if (gate_text_equal(*urls, url)) {
            return true;
        }
    }
    return false;
}

static enum gate_err delete_others(struct gate_ctx *ctx, gate_store_tx *tx, const char *const *urls,
                                   size_t *lost) {
    struct gate_notice_target *targets = NULL;
    size_t count = 0;
    enum gate_err err = gate_store_notice_target_list(ctx, tx, &targets, &count);
    for (size_t i = 0; err == GATE_OK && i < count; i++) {
        if (is_named(urls, targets[i].url)) {
            continue;
        }
        *lost += (size_t)targets[i].pending;
        struct gate_statement statement =
            gate_statement_open(ctx, tx, GATE_SQL_NOTICE_TARGET_DELETE);
        gate_bind_number(&statement, targets[i].id);
        err = gate_statement_run(&statement);
    }
    return err;
}

enum gate_err gate_store_notice_targets_save(struct gate_ctx *ctx, gate_store_tx *tx,
                                             const char *const *urls, size_t *ret_lost) {
    size_t lost = 0;
    enum gate_err err = delete_others(ctx, tx, urls, &lost);
    for (; err == GATE_OK && urls != NULL && *urls != NULL; urls++) {
        struct gate_statement statement =
            gate_statement_open(ctx, tx, GATE_SQL_NOTICE_TARGET_INSERT);
        gate_bind_text(&statement, *urls);
        err = gate_statement_run(&statement);
    }
    if (err == GATE_OK) {
        *ret_lost = lost;
    }
    return err;
}

enum gate_err gate_store_notice_find_next(struct gate_ctx *ctx, gate_store_tx *tx,
                                          int64_t target_id, struct gate_notice *ret_notice) {
    struct gate_statement statement = gate_statement_open(ctx, tx, GATE_SQL_NOTICE_NEXT);
    gate_bind_number(&statement, target_id);
    enum gate_err err = gate_statement_next(&statement);
    if (err != GATE_OK) {
        return err;
    }
    struct gate_notice notice;
    notice.id = gate_column_number(&statement);
    notice.message_id = gate_column_text(&statement);
    notice.identifier = gate_column_text(&statement);
    notice.connection_name = gate_column_text(&statement);
    notice.scalekit_id = gate_column_text(&statement);
    notice.old_status = gate_column_text(&statement);
    notice.new_status = gate_column_text(&statement);
    notice.at = gate_column_number(&statement);
    err = gate_statement_finish(&statement);
    if (err == GATE_OK) {
        *ret_notice = notice;
    }
    return err;
}

enum gate_err gate_store_notice_delivered(struct gate_ctx *ctx, gate_store_tx *tx,
                                          int64_t target_id, int64_t notice_id, int64_t now_ms) {
    struct gate_statement statement = gate_statement_open(ctx, tx, GATE_SQL_NOTICE_DELETE);
    gate_bind_number(&statement, notice_id);
    enum gate_err err = gate_statement_run(&statement);
    if (err != GATE_OK) {
        return err;
    }
    statement = gate_statement_open(ctx, tx, GATE_SQL_NOTICE_TARGET_DELIVERED);
    gate_bind_number(&statement, target_id);
    gate_bind_number(&statement, now_ms);
    return gate_statement_run(&statement);
}

enum gate_err gate_store_notice_failed(struct gate_ctx *ctx, gate_store_tx *tx, int64_t target_id,
                                       const struct gate_notice_failure *failure, int64_t now_ms) {
    struct gate_statement statement = gate_statement_open(ctx, tx, GATE_SQL_NOTICE_TARGET_FAILED);
    gate_bind_number(&statement, target_id);
    gate_bind_number(&statement, now_ms);
    gate_bind_number(&statement, failure->next_at);
    gate_bind_text(&statement, failure->error);
    gate_bind_number(&statement, failure->disables ? 1 : 0);
    return gate_statement_run(&statement);
}

enum gate_err gate_store_notice_target_wake(struct gate_ctx *ctx, gate_store_tx *tx,
                                            int64_t target_id, bool resumes, bool *ret_changed) {
    struct gate_statement statement = gate_statement_open(ctx, tx, GATE_SQL_NOTICE_TARGET_WAKE);
    gate_bind_number(&statement, target_id);
    gate_bind_number(&statement, resumes ? 1 : 0);
    size_t changed = 0;
    enum gate_err err = gate_statement_run_counted(&statement, &changed);
    if (err == GATE_OK) {
        *ret_changed = changed > 0;
    }
    return err;
}

enum gate_err gate_store_notice_delete_older(struct gate_ctx *ctx, gate_store_tx *tx,
                                             int64_t before_ms, size_t max, size_t *ret_deleted) {
    return gate_statement_sweep(ctx, tx, GATE_SQL_NOTICE_DELETE_OLDER, before_ms, max, ret_deleted);
}
