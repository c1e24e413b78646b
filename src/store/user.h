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
    int64_t accounts_read_at; /* when the connected accounts were last read as a whole */
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

/* Note that the person was here. Never moves back; a person who is gone is no error. */
enum gate_err gate_store_user_touch(struct gate_ctx *ctx, gate_store_tx *tx, int64_t id,
                                    int64_t now_ms) GATE_MUST_CHECK;

/* Note when the person's connected accounts were last read from Scalekit; 0 makes them be read
 * again. */
enum gate_err gate_store_user_save_accounts_read_at(struct gate_ctx *ctx, gate_store_tx *tx,
                                                    int64_t id, int64_t at_ms) GATE_MUST_CHECK;

#endif
