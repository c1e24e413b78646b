/* What a connected account's status can be, in Scalekit's words.
 *
 * Threads: immutable. Errors: none; whatever is not one of Scalekit's five words is
 * GATE_ACCOUNT_UNKNOWN, which everybody shows as "needs attention" and nobody as "connected".
 */
#ifndef GATE_CORE_ACCOUNT_STATUS_H
#define GATE_CORE_ACCOUNT_STATUS_H

enum gate_account_status {
    GATE_ACCOUNT_UNKNOWN = 0,
    GATE_ACCOUNT_ACTIVE,
    GATE_ACCOUNT_EXPIRED,
    GATE_ACCOUNT_PENDING_AUTH,
    GATE_ACCOUNT_PENDING_VERIFICATION,
    GATE_ACCOUNT_DISCONNECTED,
    GATE_ACCOUNT_STATUS_COUNT_,
};

/* The word on the wire ("ACTIVE"); "UNKNOWN" for GATE_ACCOUNT_UNKNOWN. Static string. */
const char *gate_account_status_name(enum gate_account_status status);

/* Read the word on the wire; NULL and unknown words give GATE_ACCOUNT_UNKNOWN. */
enum gate_account_status gate_account_status_parse(const char *name);

#endif
