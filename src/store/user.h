/* Persons: who they are at the sign-in provider, and by which identifier Scalekit knows them.
 *
 * Owner: strings of results live in ctx->arena. Threads: as the transaction. Errors:
 * GATE_ERR_NOT_FOUND records nothing. Times are wall-clock milliseconds, 0 for none.
 */
#ifndef GATE_STORE_USER_H
#define GATE_STORE_USER_H

#include "store/store.h"

/* The issuer of persons whom only a backend service has named so far; their subject is the
 * identifier. */
#define GATE_USER_ISSUER_SERVICE "service"

struct gate_user {
    int64_t id;
    const char *issuer;
    const char *subject;
    const char *identifier; /* at Scalekit; one person each */
    const char *email;      /* NULL: not known, as with the next two */
    const char *name;
    const char *organization;
    int64_t created_at;
    int64_t last_seen_at;
    int64_t accounts_read_at; /* as of when the connected accounts were last read as a whole */
    int64_t suspended_at;     /* since when the operator keeps the person out; 0: not */
};

/* What is kept about a person, in numbers. */
struct gate_user_holdings {
    int64_t sessions; /* live ones; so the tokens */
    int64_t tokens;
    int64_t accounts;
    int64_t calls; /* the trail: tool calls, and changes of an account's status */
    int64_t events;
};

/* Record a person who signed in: insert, or update the row of the same issuer and subject. A row
 * that a service made for the same identifier is taken over with its history. `id` and the times of
 * `user` are not read. A person who comes with a new identifier keeps
 * their row, takes over what a service did under that identifier, and has their accounts read anew.
 * GATE_ERR_CONFLICT when another person has the identifier. */
enum gate_err gate_store_user_save(struct gate_ctx *ctx, gate_store_tx *tx,
                                   const struct gate_user *user, int64_t now_ms,
                                   struct gate_user *ret_user) GATE_MUST_CHECK;

/* Find the person with this identifier, or record one who has never signed in. Needs a write. */
enum gate_err gate_store_user_ensure(struct gate_ctx *ctx, gate_store_tx *tx,
                                     const char *identifier, int64_t now_ms,
                                     struct gate_user *ret_user) GATE_MUST_CHECK;

enum gate_err gate_store_user_find(struct gate_ctx *ctx, gate_store_tx *tx, int64_t id,
                                   struct gate_user *ret_user) GATE_MUST_CHECK;

enum gate_err gate_store_user_find_by_identifier(struct gate_ctx *ctx, gate_store_tx *tx,
                                                 const char *identifier,
                                                 struct gate_user *ret_user) GATE_MUST_CHECK;

/* List up to `max` persons in the order of their ids, from the one after `after_id` (0: the first).
 */
enum gate_err gate_store_user_list(struct gate_ctx *ctx, gate_store_tx *tx, int64_t after_id,
                                   size_t max, struct gate_user **ret_users,
                                   size_t *ret_count) GATE_MUST_CHECK;

/* List up to `max` persons whose accounts were last read at `read_until_ms` or before, the longest
 * ago first, from the one after (after_read_at_ms, after_id) in that order. Those who were never
 * read are not among them. */
enum gate_err gate_store_user_stale_list(struct gate_ctx *ctx, gate_store_tx *tx,
                                         int64_t after_read_at_ms, int64_t after_id,
                                         int64_t read_until_ms, size_t max,
                                         struct gate_user **ret_users,
                                         size_t *ret_count) GATE_MUST_CHECK;

/* List up to `max` persons with an id beyond `after_id` whose accounts are wanted to be read again
 * (gate_store_account_want_recheck). */
enum gate_err gate_store_user_recheck_list(struct gate_ctx *ctx, gate_store_tx *tx,
                                           int64_t after_id, size_t max,
                                           struct gate_user **ret_users,
                                           size_t *ret_count) GATE_MUST_CHECK;

/* Note that the person was here. Never moves back; a person who is gone is no error. */
enum gate_err gate_store_user_touch(struct gate_ctx *ctx, gate_store_tx *tx, int64_t id,
                                    int64_t now_ms) GATE_MUST_CHECK;

/* Note that the person's connected accounts were read as they were at `at_ms`; moves back only from
 * a time that is yet to come. */
enum gate_err gate_store_user_move_accounts_read_at(struct gate_ctx *ctx, gate_store_tx *tx,
                                                    int64_t id, int64_t at_ms,
                                                    int64_t now_ms) GATE_MUST_CHECK;

/* Note when the person's connected accounts were last read from Scalekit; 0 makes them be read
 * again. */
enum gate_err gate_store_user_save_accounts_read_at(struct gate_ctx *ctx, gate_store_tx *tx,
                                                    int64_t id, int64_t at_ms) GATE_MUST_CHECK;

/* Keep a person out from `at_ms` on and end their sessions, or with 0 let them in again. Their
 * tokens do not work meanwhile. `ret_changed`: it was not so before; a suspension keeps its first
 * time. */
enum gate_err gate_store_user_suspend(struct gate_ctx *ctx, gate_store_tx *tx, int64_t id,
                                      int64_t at_ms, size_t *ret_sessions,
                                      bool *ret_changed) GATE_MUST_CHECK;

enum gate_err
gate_store_user_count_holdings(struct gate_ctx *ctx, gate_store_tx *tx, int64_t id, int64_t now_ms,
                               struct gate_user_holdings *ret_holdings) GATE_MUST_CHECK;

/* Give up to `max` rows of each kind of the person's trail to nobody: what was done stays, whose it
 * was and what could lead there goes. `ret_count` says how many rows that were. From here on the
 * transaction's connection overwrites what it deletes. */
enum gate_err gate_store_user_unname_trail(struct gate_ctx *ctx, gate_store_tx *tx, int64_t id,
                                           size_t max, int64_t now_ms,
                                           size_t *ret_count) GATE_MUST_CHECK;

/* Forget a person: the rest of the trail becomes nobody's, everything else goes. Long for a long
 * trail: unname it in parts first. Somebody who is gone already is no error. */
enum gate_err gate_store_user_delete(struct gate_ctx *ctx, gate_store_tx *tx, int64_t id,
                                     int64_t now_ms) GATE_MUST_CHECK;

#endif
