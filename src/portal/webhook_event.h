/* What a webhook of Scalekit's says about a connected account. For the files of portal/ only.
 *
 * Owner: texts live in the context's arena, or are static. Threads: confined. Errors:
 * GATE_ERR_INPUT for a body that is no JSON object; everything else is read as far as it makes
 * sense.
 */
#ifndef GATE_PORTAL_WEBHOOK_EVENT_H
#define GATE_PORTAL_WEBHOOK_EVENT_H

#include "core/context.h"

enum gate_webhook_event_kind {
    GATE_WEBHOOK_EVENT_OTHER,     /* a type that this program does not know */
    GATE_WEBHOOK_EVENT_STATE,     /* the account is as `status` says */
    GATE_WEBHOOK_EVENT_CONNECTED, /* the same, and the person has just given consent */
    GATE_WEBHOOK_EVENT_DELETED,
};

struct gate_webhook_event {
    enum gate_webhook_event_kind kind;
    const char *type;       /* one of ours, or "other" */
    int64_t occurred_at;    /* 0: not said */
    const char *identifier; /* NULL: not said, or longer than one can be; so with the next ones */
    const char *connection_name;
    const char *scalekit_id;
    const char *authorization_type;
    const char *status;
    int64_t token_expires_at; /* 0: not said */
};

enum gate_err gate_webhook_event_parse(struct gate_ctx *ctx, const char *body, size_t length,
                                       struct gate_webhook_event *ret_event) GATE_MUST_CHECK;

#endif
