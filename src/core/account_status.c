#include "core/account_status.h"

#include <assert.h>

#include "core/text.h"

static const char *const status_names[] = {
    [GATE_ACCOUNT_UNKNOWN] = "UNKNOWN",
    [GATE_ACCOUNT_ACTIVE] = "ACTIVE",
    [GATE_ACCOUNT_EXPIRED] = "EXPIRED",
    [GATE_ACCOUNT_PENDING_AUTH] = "PENDING_AUTH",
    [GATE_ACCOUNT_PENDING_VERIFICATION] = "PENDING_VERIFICATION",
    [GATE_ACCOUNT_DISCONNECTED] = "DISCONNECTED",
};
_Static_assert(sizeof status_names / sizeof status_names[0] == GATE_ACCOUNT_STATUS_COUNT_,
               "name every status");

const char *gate_account_status_name(enum gate_account_status status) {
    assert(status < GATE_ACCOUNT_STATUS_COUNT_);
    return status_names[status];
}

enum gate_account_status gate_account_status_parse(const char *name) {
    for (int i = GATE_ACCOUNT_ACTIVE; i < GATE_ACCOUNT_STATUS_COUNT_; i++) {
        if (gate_text_equal(name, status_names[i])) {
            return (enum gate_account_status)i;
        }
    }
    return GATE_ACCOUNT_UNKNOWN;
}
