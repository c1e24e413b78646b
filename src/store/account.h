/* Connected accounts: what we know of each person's authorization on each connection, from where,
 * and every change of it. Scalekit holds the truth; this is the record of what it last said.
 *
 * Owner: strings of results live in ctx->arena. Threads: as the transaction. Errors:
 * GATE_ERR_NOT_FOUND records nothing.
 */
#ifndef GATE_STORE_ACCOUNT_H
#define GATE_STORE_ACCOUNT_H

#include "core/account_status.h"
#include "store/store.h"

/* From where we learned something. Stored by name. */
enum gate_account_source {
    GATE_ACCOUNT_SOURCE_PAGE,
    GATE_ACCOUNT_SOURCE_CALLBACK,
    GATE_ACCOUNT_SOURCE_WEBHOOK,
    GATE_ACCOUNT_SOURCE_TOOL_CALL,
    GATE_ACCOUNT_SOURCE_SWEEP,
    GATE_ACCOUNT_SOURCE_CONNECT,
    GATE_ACCOUNT_SOURCE_DISCONNECT,
    GATE_ACCOUNT_SOURCE_CATALOGUE,
    GATE_ACCOUNT_SOURCE_COUNT_,
};

struct gate_account {
    int64_t id; /* ours; not Scalekit's */
    int64_t user_id;
    const char *connection_name;
    const char *scalekit_id;        /* ca_…; NULL: not known */
    const char *authorization_type; /* OAUTH, API_KEY…; NULL: not known */
    enum gate_account_status status;
    int64_t token_expires_at;
    int64_t updated_at; /* Scalekit's own; 0: it did not say */
    int64_t event_at;   /* by Scalekit's clock, of the newest event that told of it; 0: none */
    int64_t learned_at; /* ours */
    enum gate_account_source learned_from;
    /* The app's last refusal of a call, although the account is active; only gate_store_account_…
     * refusal and success change them. */
    int64_t refused_at; /* ours; 0: none, and then the next two mean nothing */
    int refused_status; /* 401: the access was not taken; 403: it does not reach so far */
    const char *refused_tool;
    int64_t asked_at; /* not kept: when Scalekit was asked, if this is its answer; 0: not known */
};

/* In place of a status: the account is there, but its connection is not offered. */
#define GATE_ACCOUNT_EVENT_NOT_OFFERED "NOT_OFFERED"

/* One change of status, the oldest ones included. */
struct gate_account_event {
    const char *connection_name;
    const char *old_status; /* NULL: there was no account */
    const char *new_status; /* NULL: the account was forgotten */
    enum gate_account_source source;
    int64_t at;
};

/* Everything that Scalekit lists for one person. */
struct gate_account_reading {
    const struct gate_account
        *accounts; /* user_id, id and learned_… of the elements are not read */
    size_t count;
    int64_t asked_at; /* when the list was asked for: what was learned since then stays */
    enum gate_account_source learned_from;
};

enum gate_account_save_rule {
    GATE_ACCOUNT_SAVE_NEWER,  /* an older `updated_at` than the recorded one is passed over, and so
                               * is  one older than the recorded event, unless it was asked for after
                               * that event was learned of */
    GATE_ACCOUNT_SAVE_ALWAYS, /* this is known to be so now; `updated_at` 0 keeps the recorded one
                               */
};

/* Static name of a source ("page", "tool_call"). */
const char *gate_account_source_name(enum gate_account_source source);

/* Record what was learned at `now_ms` about (user_id, connection_name); `id` and `learned_at` are
 * not read. A newer `updated_at` wins, an equal one too; NULL texts and a 0 token_expires_at
 * overwrite; an event_at of 0 does not. An account that was forgotten stays so: late news of the
 * same scalekit_id are passed over. A change of status appends an event. `ret_changed` (may be
 * NULL) says whether the status is another than before. */
enum gate_err gate_store_account_save(struct gate_ctx *ctx, gate_store_tx *tx,
                                      const struct gate_account *account,
                                      enum gate_account_save_rule rule, int64_t now_ms,
                                      bool *ret_changed) GATE_MUST_CHECK;

/* List a person's accounts by connection name; at most GATE_CONNECTIONS_MAX. */
enum gate_err gate_store_account_list(struct gate_ctx *ctx, gate_store_tx *tx, int64_t user_id,
                                      struct gate_account **ret_accounts,
                                      size_t *ret_count) GATE_MUST_CHECK;

enum gate_err gate_store_account_find(struct gate_ctx *ctx, gate_store_tx *tx, int64_t user_id,
                                      const char *connection_name,
                                      struct gate_account *ret_account) GATE_MUST_CHECK;

/* Remove the account, which is gone at Scalekit, and append an event without a new status. One that
 * is not recorded is no error and no event. `ret_changed` may be NULL. */
enum gate_err gate_store_account_forget(struct gate_ctx *ctx, gate_store_tx *tx, int64_t user_id,
                                        const char *connection_name,
                                        enum gate_account_source source, int64_t now_ms,
                                        bool *ret_changed) GATE_MUST_CHECK;

/* Make the record agree with a complete list: save every element (the newer wins), forget what is
 * absent unless it was learned after `asked_at`, and set the person's accounts_read_at to
 * when it was asked for.
 * `ret_changed` (may be NULL) counts the changes of status. */
enum gate_err gate_store_account_reconcile(struct gate_ctx *ctx, gate_store_tx *tx, int64_t user_id,
                                           const struct gate_account_reading *reading,
                                           int64_t now_ms, size_t *ret_changed) GATE_MUST_CHECK;

/* Note that the app refused a call of the tool with 401 or 403. Nothing when the account is not
 * active. */
enum gate_err gate_store_account_note_refusal(struct gate_ctx *ctx, gate_store_tx *tx,
                                              int64_t user_id, const char *connection_name,
                                              int status, const char *tool_name,
                                              int64_t now_ms) GATE_MUST_CHECK;

/* Note that the app carried a call of the tool out: that ends a refusal with 401, and one with 403
 * of the same tool. */
enum gate_err gate_store_account_note_success(struct gate_ctx *ctx, gate_store_tx *tx,
                                              int64_t user_id, const char *connection_name,
                                              const char *tool_name) GATE_MUST_CHECK;

/* Note that the person has connected again, so that no earlier refusal counts. An account that
 * stops being active, or is another one, loses its refusal by itself. */
enum gate_err gate_store_account_end_refusal(struct gate_ctx *ctx, gate_store_tx *tx,
                                             int64_t user_id,
                                             const char *connection_name) GATE_MUST_CHECK;

/* Have the person's accounts read again soon, because it is not clear how they are. Holds until a
 * reading that was asked for later is reconciled. */
enum gate_err gate_store_account_want_recheck(struct gate_ctx *ctx, gate_store_tx *tx,
                                              int64_t user_id, int64_t now_ms) GATE_MUST_CHECK;

/* List up to `max` events of a person on one connection, newest first. */
enum gate_err gate_store_account_event_list(struct gate_ctx *ctx, gate_store_tx *tx,
                                            int64_t user_id, const char *connection_name,
                                            size_t max, struct gate_account_event **ret_events,
                                            size_t *ret_count) GATE_MUST_CHECK;

/* Delete the events that happened at `before_ms` or before, of the `max` oldest there are. */
enum gate_err gate_store_account_event_delete_older(struct gate_ctx *ctx, gate_store_tx *tx,
                                                    int64_t before_ms, size_t max,
                                                    size_t *ret_deleted) GATE_MUST_CHECK;

#endif
