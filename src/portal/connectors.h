/* What a person may connect and has connected: the catalogue, their accounts and their last calls,
 * joined.
 *
 * Answers come from the record, at once; what is old is read anew in the background. Only three
 * things are waited for: a catalogue or accounts that were never read, and, for at most
 * GATE_CONNECTORS_ASK_MS, the accounts of connectors that the person is just connecting. Results
 * live in the context's arena. Threads: confined with the context. Errors: GATE_ERR_NOT_FOUND,
 * GATE_ERR_STORE, and those of portal/refresh.h when there is no record to answer from. The caller
 * must have a user.
 */
#ifndef GATE_PORTAL_CONNECTORS_H
#define GATE_PORTAL_CONNECTORS_H

#include "portal/caller.h"
#include "portal/portal.h"
#include "store/account.h"
#include "store/tool_call.h"

/* How long a page may be held up by asking about connectors that are just being connected. */
#define GATE_CONNECTORS_ASK_MS 3000

#define GATE_CONNECTOR_EVENTS_MAX 20
#define GATE_CONNECTOR_CALLS_MAX 20

enum gate_connector_state {
    GATE_CONNECTOR_NEVER,     /* no account */
    GATE_CONNECTOR_CONNECTED, /* ACTIVE */
    GATE_CONNECTOR_REFUSED,   /* ACTIVE, but the app refused a call: a permission is missing */
    GATE_CONNECTOR_NEEDS_RECONNECT,    /* EXPIRED */
    GATE_CONNECTOR_WAITING,            /* PENDING_AUTH: begun, not finished */
    GATE_CONNECTOR_NEEDS_VERIFICATION, /* PENDING_VERIFICATION: allowed, but not confirmed by us */
    GATE_CONNECTOR_DISCONNECTED,       /* the person, or the operator, ended it */
    GATE_CONNECTOR_NEEDS_ATTENTION,    /* a status that this program does not know */
    GATE_CONNECTOR_NOT_OFFERED,        /* an account on a connection that is no longer offered */
    GATE_CONNECTOR_STATE_COUNT_,
};

/* Where a connector stands in a list for people. */
enum gate_connector_group {
    GATE_CONNECTOR_GROUP_NEEDS_YOU,
    GATE_CONNECTOR_GROUP_CONNECTED,
    GATE_CONNECTOR_GROUP_AVAILABLE,
};

struct gate_connector {
    const char *name;         /* of the connection */
    const char *display_name; /* for people */
    const char *provider;     /* "" when not known, as type */
    const char *type;
    const char *purpose; /* one line, for people */
    enum gate_connector_state state;
    bool has_account;
    struct gate_account account;
    int64_t last_used_at;     /* 0: never */
    const char *last_used_by; /* label of the token; NULL: not known, or from a browser */
};

struct gate_connector_list {
    struct gate_connector
        *items; /* needs you, connected, available; in each the last used first, then by name */
    size_t count;
    int64_t stale_since; /* the record is as of this moment, because Scalekit could not be asked
                            since; 0: it is fresh */
};

struct gate_connector_details {
    struct gate_connector connector;
    struct gate_account_event *events; /* newest first */
    size_t event_count;
    struct gate_tool_call *calls; /* newest first */
    size_t call_count;
    int64_t stale_since;
};

/* Name a state for programs ("waiting_for_user"). Static. */
const char *gate_connector_state_name(enum gate_connector_state state);

enum gate_connector_group gate_connector_group_get(enum gate_connector_state state);

/* List what the caller may use and has used. */
void gate_portal_connectors_list(struct gate_ctx *ctx, gate_portal *portal,
                                 const struct gate_caller *caller,
                                 struct gate_connector_list *ret_list, gate_then_fn *then,
                                 void *state);

/* Find one connector with its history and recent calls; GATE_ERR_NOT_FOUND when it is neither
 * offered nor the user's. */
void gate_portal_connector_find(struct gate_ctx *ctx, gate_portal *portal,
                                const struct gate_caller *caller, const char *connection_name,
                                struct gate_connector_details *ret_details, gate_then_fn *then,
                                void *state);

#endif
