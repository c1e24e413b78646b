/* What Scalekit tells by itself about an account: an event, perhaps late, twice or out of order.
 *
 * The record never goes back: an event counts only if it occurred after everything recorded of the
 * account. Where the times cannot tell (two events at one moment, an account that the last reading
 * did not have, a time in the future), the record stays as it is and the person's accounts are
 * marked for a reading. Owner: strings are borrowed. Threads: as the transaction. Errors: those of
 * the store.
 */
#ifndef GATE_STORE_ACCOUNT_NEWS_H
#define GATE_STORE_ACCOUNT_NEWS_H

#include "store/account.h"

struct gate_account_news {
    int64_t user_id;
    const char *connection_name;
    const char *scalekit_id; /* NULL: not said; so with all texts here */
    const char *authorization_type;
    const char *status;       /* as on the wire */
    int64_t token_expires_at; /* 0: not said */
    int64_t occurred_at;      /* by Scalekit's clock; 0: not said */
    bool is_deletion;
};

enum gate_account_news_outcome {
    GATE_ACCOUNT_NEWS_TAKEN,   /* the record is as the event says */
    GATE_ACCOUNT_NEWS_OLD,     /* something newer is recorded */
    GATE_ACCOUNT_NEWS_UNCLEAR, /* Scalekit has to be asked; marked for it */
};

/* Record an event that was learned of at `now_ms`. */
enum gate_err
gate_store_account_news_take(struct gate_ctx *ctx, gate_store_tx *tx,
                             const struct gate_account_news *news, int64_t now_ms,
                             enum gate_account_news_outcome *ret_outcome) GATE_MUST_CHECK;

/* For store/account.c: up to when, by Scalekit's clock, it is known what became of the account. */
int64_t gate_account_told_at(const struct gate_account *account);

/* For store/account.c and this: which account went last from a place, and up to when it is known
 * what was there. */
struct gate_account_forgotten {
    const char *scalekit_id; /* NULL: not known */
    int64_t gone_at;         /* by Scalekit's clock */
    int64_t learned_at;      /* by ours */
};

enum gate_err
gate_account_forgotten_find(struct gate_ctx *ctx, gate_store_tx *tx, int64_t user_id,
                            const char *connection_name,
                            struct gate_account_forgotten *ret_forgotten) GATE_MUST_CHECK;
enum gate_err
gate_account_forgotten_save(struct gate_ctx *ctx, gate_store_tx *tx, int64_t user_id,
                            const char *connection_name,
                            const struct gate_account_forgotten *forgotten) GATE_MUST_CHECK;

#endif
